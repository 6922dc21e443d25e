// As in a unit that is compiled without the libraries, beside others of the same program that have them.
#undef NASION_JPEG
#undef NASION_PNG
#include "nasion/vision/image_stb.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/pictures.hpp"

using namespace test::pictures;

TEST_CASE("without the libraries stb decodes") {
  CHECK(decode(encode_png(noise(9, 7, 3))) == noise(9, 7, 3));
  for (const std::string kind : {"420", "progressive_420", "cmyk_adobe"}) {
    const std::string jpeg = test_file("jpeg_kinds/" + kind + ".jpg");
    CHECK(decode(jpeg) == decode(jpeg, {.decoder = ImageDecoder::stb}));
    CHECK(mean_difference(decode(jpeg), decode(test_file("jpeg_kinds/" + kind + ".png"))) < 1);
  }
}

TEST_CASE("stb is given nothing but what was checked") {
  const auto rewritten = [](const std::string& bytes) {
    return vision::detail::JpegForStb().write(std::as_bytes(std::span(bytes)));
  };
  const std::string jpeg = encode_jpeg(gradient(16, 16, 3));
  const auto scan = jpeg.find("\xFF\xDA");
  const auto with = [&](const std::string& segment) { return jpeg.substr(0, scan) + segment + jpeg.substr(scan); };
  const auto whole = rewritten(jpeg);
  REQUIRE(whole);
  CHECK(rewritten(with("\xFF\xFE" + number(6, 2, false) + "note")) == whole);
  CHECK(rewritten(with("junk") + "more junk") == whole);

  std::string sampling = jpeg, table = jpeg;
  const auto frame = jpeg.find("\xFF\xC0");
  sampling[frame + 11] = '\x31';  // 3 of the first colour for 2 of the second
  sampling[frame + 14] = '\x21';
  CHECK_FALSE(rewritten(sampling));
  table[frame + 12] = '\3';  // a quantisation table that is not there
  CHECK_FALSE(rewritten(table));
  const auto codes = [&](char one_bit, char two_bits, char symbol) {
    return with("\xFF\xC4" + number(2 + 17 + 3, 2, false) + '\x03' + one_bit + two_bits + std::string(14, '\0') +
                std::string(3, symbol));
  };
  CHECK(rewritten(codes(1, 2, 0)));
  CHECK_FALSE(rewritten(codes(3, 0, 0)));  // more codes than bits have room for
}

TEST_CASE("pictures that stb has no room for are refused") {
  std::string png = encode_png(Image(1, 1, 1));
  const std::string header = "IHDR" + number(1 << 25, 4, false) + number(1, 4, false) + std::string("\1\0\0\0\0", 5);
  png.replace(12, 21, header + number(vision::detail::crc32(std::as_bytes(std::span(header))), 4, false));
  const auto pixels = png.find("IDAT");
  png.replace(pixels - 4, 4, number(5000, 4, false)).insert(pixels + 4, std::string(5000, '\0'));
  CHECK_THROWS_AS(decode(png), IoError);
}
