#include "nasion/vision/image_png.hpp"

#include <fstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/pictures.hpp"

using namespace test::pictures;

namespace {

std::string chunk(const std::string& type, const std::string& bytes) {
  const std::string all = type + bytes;
  return number(static_cast<std::uint32_t>(bytes.size()), 4, false) + all +
         number(vision::detail::crc32(std::as_bytes(std::span(all))), 4, false);
}

struct Png {
  std::uint32_t width, height;
  int depth, colour;
  bool interlaced = false;
  std::string before_data = {};  // chunks

  std::string file(const std::string& zlib) const {
    const std::string header = number(width, 4, false) + number(height, 4, false) + static_cast<char>(depth) +
                               static_cast<char>(colour) + std::string(2, '\0') + (interlaced ? '\1' : '\0');
    return "\x89PNG\r\n\x1A\n" + chunk("IHDR", header) + before_data + chunk("IDAT", zlib) + chunk("IEND", "");
  }
};

/// zlib's format without compression, for less than 64 KB.
std::string stored(const std::string& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::uint32_t a = 1, b = 0;
  for (const unsigned char byte : bytes) b = (b + (a = (a + byte) % 65521)) % 65521;
  return std::string("\x78\x01\x01") + number(size, 2, true) + number(~size & 0xFFFF, 2, true) + bytes +
         number(b << 16 | a, 4, false);
}

/// Rows of samples, each after filter 0, in the order of the file.
std::string rows(const Png& png, int channels, const auto& sample) {
  struct Pass {
    std::uint32_t x, y, dx, dy;
  };
  const std::vector<Pass> adam7 = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                   {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  std::string out;
  for (const auto& pass : png.interlaced ? adam7 : std::vector<Pass>{{0, 0, 1, 1}})
    for (auto y = pass.y; y < png.height && pass.x < png.width; y += pass.dy) {
      out += '\0';
      std::uint32_t bits = 0;
      int have = 0;
      for (auto x = pass.x; x < png.width; x += pass.dx)
        for (int c = 0; c < channels; ++c) {
          bits = bits << png.depth | sample(x, y, c);
          for (have += png.depth; have >= 8; have -= 8) out += static_cast<char>(bits >> (have - 8) & 0xFF);
        }
      if (have > 0) out += static_cast<char>(bits << (8 - have) & 0xFF);
    }
  return out;
}

/// Bits of deflate: one block of fixed codes for `count` zeros.
std::string deflated_zeros(std::size_t count) {
  std::string out = "\x78\x01";
  std::uint64_t bits = 0;
  int have = 0;
  const auto put = [&](std::uint64_t value, int size) {
    bits |= value << have;
    for (have += size; have >= 8; have -= 8, bits >>= 8) out += static_cast<char>(bits & 0xFF);
  };
  put(3, 3);           // last block, fixed codes
  put(0b00001100, 8);  // literal 0, from its first bit
  std::size_t left = count - 1;
  for (; left >= 258; left -= 258) put(0b00000'10100011, 13);  // length 258, distance 1
  for (; left > 0; --left) put(0b00001100, 8);
  put(0, 7);  // end of block
  if (have > 0) put(0, 8 - have);
  return out + number(static_cast<std::uint32_t>(count % 65521) << 16 | 1, 4, false);
}

}  // namespace

TEST_CASE("every kind of PNG keeps its pixels, 16 bits their upper 8, transparency is dropped") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  const auto interlaced = GENERATE(false, true);
  const auto transparent = GENERATE(false, true);
  constexpr int channels_of[] = {1, 0, 3, 1, 2, 0, 4};
  for (const auto& [colour, depths] : std::vector<std::pair<int, std::vector<int>>>{
           {0, {1, 2, 4, 8, 16}}, {2, {8, 16}}, {3, {1, 2, 4, 8}}, {4, {8, 16}}, {6, {8, 16}}})
    for (const int depth : depths) {
      CAPTURE(decoder == ImageDecoder::stb, interlaced, transparent, colour, depth);
      Png png{9, 11, depth, colour, interlaced};
      const auto levels = 1u << depth;
      const auto sample = [&](std::uint32_t x, std::uint32_t y, int c) {
        return (x * 7919 + y * 104729 + static_cast<std::uint32_t>(c) * 31337) % levels;
      };
      const auto palette = [](std::uint32_t i) { return std::string{char(i * 3), char(255 - i), char(i * i)}; };
      png.before_data = chunk("gAMA", number(45455, 4, false));
      if (colour == 3) {
        std::string all;
        for (std::uint32_t i = 0; i < levels; ++i) all += palette(i);
        png.before_data += chunk("PLTE", all);
      }
      if (transparent && colour < 4)
        png.before_data += chunk("tRNS", std::string(colour == 0 ? 2 : colour == 2 ? 6 : 2, '\0'));
      const Image image = decode(png.file(stored(rows(png, channels_of[colour], sample))), {.decoder = decoder});
      Image expected(9, 11, colour == 0 || colour == 4 ? 1 : 3);
      for (int y = 0; y < 11; ++y)
        for (int x = 0; x < 9; ++x)
          for (int c = 0; c < expected.channels; ++c) {
            const auto value = sample(static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), c);
            const auto grey = depth == 16 ? value >> 8 : value * (255 / (levels - 1));
            expected.at(x, y)[c] = colour == 3 ? static_cast<std::uint8_t>(palette(sample(
                                                     static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y),
                                                     0))[static_cast<std::size_t>(c)])
                                               : static_cast<std::uint8_t>(grey);
          }
      CHECK(image == expected);
    }
}

TEST_CASE("a single wrong bit anywhere in a PNG is seen") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  const std::string whole = encode_png(noise(6, 5, 3));
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] ^= static_cast<char>(1 << bit);
      CAPTURE(at, bit);
      CHECK_THROWS_AS(decode(damaged, {.decoder = decoder}), IoError);
    }
  for (const char* name : {"png_bitflip_crc.png", "png_flip_00.png", "png_flip_01.png", "png_ihdr_crc_only.png"}) {
    CAPTURE(name);
    CHECK_THAT(error_of([&] { decode(test_file(std::string("png_crc/") + name), {.decoder = decoder}); }),
               ContainsSubstring("is damaged"));
  }
}

TEST_CASE("data with codes that stand for nothing is refused") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  for (const char* name : {"1.png", "2.png", "3.png", "4.png", "5.png", "6.png"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(decode(test_file(std::string("png_codes/") + name), {.decoder = decoder}), IoError);
  }
}

TEST_CASE("chunks that carry no pixels may be damaged, unknown ones that do may not, and no second header follows") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  Png png{2, 1, 8, 0};
  const std::string pixels = stored(std::string("\0\x11\x22", 3));
  const auto with = [&](const std::string& chunks) {
    png.before_data = chunks;
    return decode(png.file(pixels), {.decoder = decoder}).pixels;
  };
  std::string text = chunk("tEXt", "Title");
  text.back() ^= 1;
  CHECK(with(text) == std::vector<std::uint8_t>{0x11, 0x22});
  CHECK(with(chunk("zzZz", "?")) == std::vector<std::uint8_t>{0x11, 0x22});
  CHECK_THROWS_AS(with(chunk("ZZZZ", "?")), IoError);
  const std::string header = Png{4000, 1, 8, 0}.file(pixels).substr(8, 25);
  CHECK_THROWS_AS(with(header), IoError);
}

TEST_CASE("a palette that is too short gives black, none is an error") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  Png png{3, 1, 8, 3};
  const std::string pixels = stored(std::string("\0\0\x01\xFF", 4));
  CHECK_THROWS_AS(decode(png.file(pixels), {.decoder = decoder}), IoError);
  png.before_data = chunk("PLTE", "\1\2\3");
  CHECK(decode(png.file(pixels), {.decoder = decoder}).pixels == std::vector<std::uint8_t>{1, 2, 3, 0, 0, 0, 0, 0, 0});
  png.before_data = chunk("PLTE", "\1\2");
  CHECK_THROWS_AS(decode(png.file(pixels), {.decoder = decoder}), IoError);
}

TEST_CASE("the eXIf chunk of a PNG turns it, when it is whole") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  const std::string plain = encode_png(noise(5, 3, 3));
  const std::string turned = chunk("eXIf", exif(6, true).substr(6));
  for (const std::size_t at : {std::size_t{33}, plain.size() - 12}) {  // after the header, and before the end
    CHECK(decode(plain.substr(0, at) + turned + plain.substr(at), {.decoder = decoder}) == orient(noise(5, 3, 3), 6));
    CHECK(decode(plain.substr(0, at) + turned + plain.substr(at), {.exif_orientation = false, .decoder = decoder}) ==
          noise(5, 3, 3));
    const std::string prefixed = chunk("eXIf", exif(6, true));  // as in a JPEG, which Pillow takes, too
    CHECK(decode(plain.substr(0, at) + prefixed + plain.substr(at), {.decoder = decoder}) == orient(noise(5, 3, 3), 6));
    std::string damaged = turned;
    damaged.back() ^= 1;
    CHECK(decode(plain.substr(0, at) + damaged + plain.substr(at), {.decoder = decoder}) == noise(5, 3, 3));
  }
}

TEST_CASE("no data, data that ends early, and data without end, is refused or left alone") {
  const auto decoder = GENERATE(ImageDecoder::automatic, ImageDecoder::stb);
  const Png png{100, 100, 8, 0};
  CHECK_THAT(error_of([&] { decode(png.file(""), {.decoder = decoder}); }), ContainsSubstring("is damaged"));
  CHECK_THROWS_AS(decode(png.file(deflated_zeros(10'000)), {.decoder = decoder}), IoError);  // 100 filters are missing
  CHECK(decode(png.file(deflated_zeros(10'100)), {.decoder = decoder}) == Image(100, 100, 1));
  Image image;  // from 400 times as much
  const auto error = error_of([&] { image = decode(png.file(deflated_zeros(4'000'000)), {.decoder = decoder}); });
  if (image.empty())
    CHECK_THAT(error, ContainsSubstring("its data does not unpack to its size in pixels"));
  else
    CHECK(image == Image(100, 100, 1));
}

TEST_CASE("16 bits a sample take no more memory than 8, or are refused") {
  const Png large{9999, 9999, 16, 6};
  CHECK_THAT(error_of([&] { decode(large.file(std::string(50'000, '\0')), {.decoder = ImageDecoder::stb}); }),
             ContainsSubstring("has 9999 x 9999 pixels of 64 bits, which take more than the limit"));
  const auto peak = [](bool reset) -> long {  // KB
    if (reset) std::ofstream("/proc/self/clear_refs") << "5";
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
      if (long value = 0; word == (reset ? "VmRSS:" : "VmHWM:") && status >> value) return value;
    return 0;
  };
#ifdef NASION_PNG
  const Png png{2000, 2000, 16, 6};
  const std::string file = png.file(deflated_zeros((2000 * 8 + 1) * 2000));
  const long before = peak(true);
  CHECK(decode(file).pixels.size() == 12'000'000);
  CHECK(peak(false) - before < 20'000);  // the pixels are 12, the unpacked data 32 MB
#endif
}
