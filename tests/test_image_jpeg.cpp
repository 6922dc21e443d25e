#include "nasion/vision/image_jpeg.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/pictures.hpp"

using namespace test::pictures;

namespace {

std::string result(const std::string& bytes, ImageDecoder decoder) {
  try {
    const Image image = decode(bytes, {.max_pixels = 1'000'000, .decoder = decoder});
    return std::to_string(image.width) + ":" + std::string(image.pixels.begin(), image.pixels.end());
  } catch (const IoError& error) {
    return error.what();
  }
}

/// Leaves blocks of all sizes full of `value` to who allocates next.
void soil_heap(int value) {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (std::size_t size = 64; size <= 1 << 16; size *= 2)
    for (int i = 0; i < 4; ++i) {
      blocks.emplace_back(new char[size + 40]);
      std::memset(blocks.back().get(), value, size + 40);
    }
}

}  // namespace

// The pictures are Pillow's, which decodes with libjpeg-turbo.
TEST_CASE("all kinds of JPEG decode to the pixels of libjpeg-turbo, or nearly") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  for (const std::string kind : {"444", "422_restart", "420", "progressive_420", "progressive_444_restart", "grey",
                                 "grey_progressive", "rgb", "cmyk_adobe", "cmyk_plain", "ycck"}) {
    CAPTURE(kind, decoder == ImageDecoder::stb);
    const Image reference = decode(test_file("jpeg_kinds/" + kind + ".png"));
    const Image image = decode(test_file("jpeg_kinds/" + kind + ".jpg"), {.decoder = decoder});
    CHECK(mean_difference(image, reference) < 1);
  }
}

TEST_CASE("a JPEG with odd bytes between its segments is read as viewers do") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  const std::string jpeg = encode_jpeg(gradient(24, 16, 3));
  const Image image = decode(jpeg, {.decoder = decoder});
  const auto tables = jpeg.find("\xFF\xC4"), scan = jpeg.find("\xFF\xDA");
  const auto with = [&](std::size_t at, const std::string& bytes) {
    return jpeg.substr(0, at) + bytes + jpeg.substr(at);
  };
  CHECK(decode(with(tables, "junk"), {.decoder = decoder}) == image);
  CHECK(decode(with(scan, std::string(1000, '\xFF')), {.decoder = decoder}) == image);
  CHECK(decode(with(jpeg.size() - 2, "\xFF\xD1"), {.decoder = decoder}) == image);
  CHECK(decode(with(jpeg.size() - 2, std::string(3, '\0')), {.decoder = decoder}) == image);
  for (const char* name : {"extraneous_before_dht.jpg", "rst_after.jpg"}) {
    const Image odd = decode(test_file(std::string("jpeg_that_viewers_open/") + name), {.decoder = decoder});
    CHECK(odd.width == 24);
    CHECK(mean_difference(odd, Image(24, 16, 3, 114)) < 80);
  }
}

TEST_CASE("damaged JPEG files are refused with a reason") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  const std::pair<const char*, const char*> files[] = {
      {"jpeg-dht-overflow/in.jpg", "is damaged: a Huffman table is no table"},
      {"jpeg-dht-overflow/in2_handmade.jpg", "is damaged: a Huffman table is no table"},
      {"jpeg-segv/in.jpg", "is damaged: a Huffman table is no table"},
      {"jpeg-uninitialised/in.jpg", "is damaged: a scan uses a Huffman table that was not defined"},
      {"jpeg-uninitialised/in2.jpg", "is damaged: a scan uses a Huffman table that was not defined"},
      {"jpeg_cut_with_end_marker/cut_eoi.jpg", "is cut short"},
      {"jpeg_cut_with_end_marker/early_eoi_tiny.jpg", "is cut short"},
      {"jpeg_cut_with_end_marker/prog_first_half.jpg", "is cut short"},
      {"jpeg_restart_cut/rst_three.jpg", "is cut short or damaged"}};
  for (const auto& [name, reason] : files) {
    CAPTURE(name);
    CHECK_THAT(result(test_file(name), decoder), ContainsSubstring(reason));
  }
  CHECK(decode(test_file("jpeg_restart_cut/rst_full.jpg"), {.decoder = decoder}) ==
        decode(test_file("jpeg_restart_cut/rst_full.jpg")));
}

TEST_CASE("a JPEG cut anywhere in its last scan is refused although it has an end marker") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  for (const std::string& whole :
       {encode_jpeg(noise(24, 16, 3)), test_file("jpeg_kinds/422_restart.jpg"),
        test_file("jpeg_kinds/progressive_444_restart.jpg"), test_file("jpeg_kinds/progressive_420.jpg")}) {
    const auto start = whole.rfind("\xFF\xDA") + 2 + static_cast<unsigned char>(whole[whole.rfind("\xFF\xDA") + 3]);
    for (auto length = start; length + 3 < whole.size(); ++length) {  // the last byte may be padding
      CAPTURE(whole.size(), length);
      CHECK_THAT(result(whole.substr(0, length) + "\xFF\xD9", decoder), ContainsSubstring("is cut short"));
    }
  }
}

TEST_CASE("a JPEG without one of its restart intervals is refused") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  const std::string whole = test_file("jpeg_restart_cut/rst_full.jpg");
  for (char number = 0; number < 6; ++number) {
    const std::string first{'\xFF', static_cast<char>('\xD0' + number)},
        next{'\xFF', static_cast<char>('\xD1' + number)};
    const auto from = whole.find(first), to = whole.find(next);
    REQUIRE(from < to);
    CHECK_THAT(result(whole.substr(0, from) + whole.substr(to), decoder), ContainsSubstring("is cut short or damaged"));
    CHECK_THAT(result(whole.substr(0, from + 2) + whole.substr(to), decoder),
               ContainsSubstring("is cut short or damaged"));
  }
}

TEST_CASE("what a damaged JPEG gives does not depend on what lay in the memory") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  Rng rng(11);
  const auto place = [&rng](const std::string& in) {
    return static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(in.size())));
  };
  for (const std::string kind :
       {"jpeg_kinds/422_restart", "jpeg_kinds/progressive_420", "jpeg_kinds/progressive_444_restart",
        "jpeg_kinds/cmyk_adobe", "jpeg_restart_cut/rst_full", "jpeg-uninitialised/in2"}) {
    const std::string whole = test_file(kind + ".jpg");
    for (int i = 0; i < 150; ++i) {
      std::string damaged = whole;
      for (auto n = rng.below(3); n >= 0; --n) {
        if (rng.below(3) == 0)
          damaged.erase(place(damaged), static_cast<std::size_t>(rng.below(8)));
        else
          damaged[place(damaged)] ^= static_cast<char>(1 << rng.below(8));
      }
      CAPTURE(kind, i);
      soil_heap(0x5A);
      const std::string first = result(damaged, decoder);
      soil_heap(0xC3);
      CHECK(first == result(damaged, decoder));
    }
  }
}
