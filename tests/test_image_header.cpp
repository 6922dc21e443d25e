#include "nasion/vision/image_header.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/pictures.hpp"

using namespace test::pictures;

namespace {

ImageHeader header(const std::string& bytes) { return read_image_header(std::as_bytes(std::span(bytes))); }

/// A JPEG file with another frame marker, or other bytes in its frame.
std::string with_frame(char marker, std::size_t offset = 0, char value = 0) {
  std::string jpeg = encode_jpeg(gradient(16, 16, 3));
  const auto at = jpeg.find("\xFF\xC0");
  jpeg[at + 1] = marker;
  if (offset > 0) jpeg[at + 3 + offset] = value;
  return jpeg;
}

}  // namespace

TEST_CASE("an orientation of type LONG counts, of other types it does not") {
  for (const bool little_endian : {false, true}) {
    const auto n = [&](std::uint32_t value, int bytes) { return number(value, bytes, little_endian); };
    const auto orientation = [&](std::uint32_t type, std::uint32_t count, const std::string& value) {
      return header(with_app1(encode_jpeg(Image(8, 8, 1)), std::string("Exif\0\0", 6) + (little_endian ? "II" : "MM") +
                                                               n(42, 2) + n(8, 4) + n(1, 2) + n(0x0112, 2) +
                                                               n(type, 2) + n(count, 4) + value))
          .orientation;
    };
    CHECK(orientation(4, 1, n(6, 4)) == 6);
    CHECK(orientation(4, 1, n(9, 4)) == 1);
    CHECK(orientation(4, 1, n(0x10006, 4)) == 1);
    CHECK(orientation(4, 2, n(6, 4)) == 1);
    CHECK(orientation(4, 1, n(6, 4).substr(0, 3)) == 1);
    CHECK(orientation(3, 1, n(6, 2)) == 6);
    CHECK(orientation(1, 1, n(6, 4)) == 1);
  }
  const std::string twice = exif(6, true).substr(0, 6) + exif(6, true);
  CHECK(header(with_app1(encode_jpeg(Image(8, 8, 1)), twice)).orientation == 6);
  for (const char* name : {"exif_long_type/exif6_long.jpg", "exif_long_type/exif6_long_be.jpg"}) {
    CAPTURE(name);
    CHECK(header(test_file(name)).orientation == 6);
    CHECK(decode(test_file(name)).width == 16);
  }
}

TEST_CASE("a JPEG of a kind that is not supported says which") {
  CHECK(header(with_frame('\xC0')).problem.empty());
  CHECK(header(with_frame('\xC1')).problem.empty());
  CHECK(header(with_frame('\xC3')).problem == "is a lossless JPEG, which is not supported");
  CHECK(header(with_frame('\xC6')).problem == "is a hierarchical JPEG, which is not supported");
  for (const char marker : {'\xC9', '\xCA', '\xCB', '\xCD', '\xCF'})
    CHECK(header(with_frame(marker)).problem == "uses arithmetic coding, which is not supported");
  CHECK(header(with_frame('\xC1', 1, 12)).problem == "has 12 bits a sample; only 8 are supported");
  CHECK(header(with_frame('\xC0', 6, 2)).problem == "has 0 colours; only 1, 3 and 4 are supported");
}

TEST_CASE("the same reason alone and after another bad picture") {
  for (const auto decoder : {ImageDecoder::automatic, ImageDecoder::stb}) {
    const auto error = [&](const char* name) {
      return error_of([&] { decode(test_file(std::string("jpeg_reason/") + name), {.decoder = decoder}); });
    };
    for (int repeat = 0; repeat < 2; ++repeat) {
      CHECK(error("arith.jpg") == "memory: uses arithmetic coding, which is not supported");
      CHECK(error("prec12.jpg") == "memory: has 12 bits a sample; only 8 are supported");
      CHECK_THAT(error("png_flip_12.png"), ContainsSubstring("memory: is damaged: it cannot be decoded ("));
    }
  }
}

TEST_CASE("the structure of a JPEG is checked before anything is decoded") {
  const std::string jpeg = encode_jpeg(gradient(16, 16, 3));
  const auto frame = jpeg.find("\xFF\xC0"), tables = jpeg.find("\xFF\xC4"), scan = jpeg.find("\xFF\xDA");
  const auto problem = [](const std::string& bytes) { return header(bytes).problem; };
  CHECK(problem(jpeg).empty());
  CHECK(problem(jpeg.substr(0, tables) + jpeg.substr(frame, tables - frame) + jpeg.substr(tables)) ==
        "is damaged: it has more than one frame");
  CHECK(problem(jpeg.substr(0, tables) + jpeg.substr(scan)) ==
        "is damaged: a scan uses a Huffman table that was not defined");
  CHECK(problem(jpeg.substr(0, frame) + jpeg.substr(scan, 14) + jpeg.substr(frame)) ==
        "is damaged: a scan does not fit its frame");
  const std::string full =
      "\xFF\xC4" + number(2 + 17 + 257, 2, false) + '\0' + '\xFF' + '\2' + std::string(14 + 257, '\0');
  CHECK(problem(jpeg.substr(0, scan) + full + jpeg.substr(scan)) == "is damaged: a Huffman table is no table");

  std::string grey_scan =
      jpeg.substr(0, scan) + "\xFF\xDA" + number(8, 2, false) + "\1\1" + std::string("\0\0\x3F\0", 4);
  CHECK(problem(grey_scan + "\xFF\xD9") == "is cut short or damaged: a colour has no data");

  std::string scans = jpeg.substr(0, jpeg.size() - 2);
  for (int i = 0; i < 99; ++i) scans += jpeg.substr(scan, jpeg.size() - 2 - scan);
  CHECK(problem(scans + "\xFF\xD9").empty());
  scans += jpeg.substr(scan);
  CHECK(problem(scans) == "has more than 100 scans");
  for (const auto decoder : {ImageDecoder::automatic, ImageDecoder::stb})
    CHECK(error_of([&] { decode(scans, {.decoder = decoder}); }) == "memory: has more than 100 scans");
}
