#include "nasion/vision/image.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "nasion/core/random.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/pictures.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace test::pictures;

namespace {

Image grey(int width, std::vector<std::uint8_t> pixels) {
  Image image(width, static_cast<int>(pixels.size()) / width, 1);
  image.pixels = std::move(pixels);
  return image;
}

std::string png_header(std::uint32_t width, std::uint32_t height) {
  return "\x89PNG\r\n\x1A\n" + number(13, 4, false) + "IHDR" + number(width, 4, false) + number(height, 4, false) +
         std::string("\x08\x02\0\0\0", 5) + "\1\2\3\4";
}

}  // namespace

TEST_CASE("Image holds its fill and finds pixels; outside is an error") {
  Image image(3, 2, 3, 7);
  CHECK(image.pixels == std::vector<std::uint8_t>(18, 7));
  image.at(2, 1)[1] = 9;
  CHECK(image.pixels[16] == 9);
  CHECK_THROWS_AS(image.at(3, 0), ValueError);
  CHECK_THROWS_AS(image.at(0, 2), ValueError);
  CHECK_THROWS_AS(image.at(-1, 0), ValueError);
  CHECK_THROWS_AS(Image(-1, 2, 3), ValueError);
  CHECK(Image().empty());
  image.pixels.pop_back();
  CHECK_THROWS_AS(image.at(2, 1), ValueError);
  CHECK_THROWS_AS(to_grey(image), ValueError);
  CHECK_THROWS_AS(encode_png(image), ValueError);
}

TEST_CASE("to_grey is the luma of Rec. 601, to_rgb repeats it") {
  Image image(5, 1, 3);
  image.pixels = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30};
  CHECK(to_grey(image).pixels == std::vector<std::uint8_t>{76, 150, 29, 255, 18});
  CHECK(to_rgb(grey(2, {3, 4})).pixels == std::vector<std::uint8_t>{3, 3, 3, 4, 4, 4});
  CHECK(to_rgb(image) == image);
  CHECK(to_grey(grey(2, {3, 4})) == grey(2, {3, 4}));
  CHECK_THROWS_AS(to_grey(Image(2, 2, 2)), ValueError);
  CHECK_THROWS_AS(to_rgb(Image()), ValueError);
}

TEST_CASE("orient shows each EXIF orientation upright") {
  const Image stored = grey(3, {'a', 'b', 'c',  //
                                'd', 'e', 'f'});
  const auto pixels = [&](int orientation) {
    const Image image = orient(stored, orientation);
    return std::to_string(image.width) + ":" + std::string(image.pixels.begin(), image.pixels.end());
  };
  CHECK(pixels(1) == "3:abcdef");
  CHECK(pixels(2) == "3:cbafed");
  CHECK(pixels(3) == "3:fedcba");
  CHECK(pixels(4) == "3:defabc");
  CHECK(pixels(5) == "2:adbecf");
  CHECK(pixels(6) == "2:daebfc");
  CHECK(pixels(7) == "2:fcebda");
  CHECK(pixels(8) == "2:cfbead");
  CHECK_THROWS_AS(orient(stored, 0), ValueError);
  CHECK_THROWS_AS(orient(stored, 9), ValueError);
}

TEST_CASE("PNG keeps every pixel, in files and in memory") {
  test::TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    const Image image = noise(37, 21, channels);
    write_png(folder / "image.png", image);
    CHECK(read_image(folder / "image.png") == image);
    CHECK(decode(encode_png(image)) == image);
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("JPEG stays close, closer with more quality") {
  test::TemporaryFolder folder;
  const auto worst = [](const Image& a, const Image& b) {
    REQUIRE(a.pixels.size() == b.pixels.size());
    int difference = 0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i)
      difference = std::max(difference, std::abs(a.pixels[i] - b.pixels[i]));
    return difference;
  };
  const Image image = gradient(64, 48, 3);
  write_jpeg(folder / "image.jpg", image);
  CHECK(worst(read_image(folder / "image.jpg"), image) <= 8);
  CHECK(encode_jpeg(image, 100).size() > encode_jpeg(image, 20).size());
  CHECK(decode(encode_jpeg(gradient(64, 48, 1))).width == 64);
  CHECK_THROWS_AS(encode_jpeg(image, 0), ValueError);
  CHECK_THROWS_AS(encode_jpeg(image, 101), ValueError);
  CHECK_THROWS_AS(encode_jpeg(Image(65536, 1, 1)), ValueError);
}

TEST_CASE("read_image converts to the channels asked for") {
  const Image colour = noise(8, 5, 3), grey_image = noise(8, 5, 1);
  CHECK(decode(encode_png(colour), {.channels = 1}) == to_grey(colour));
  CHECK(decode(encode_png(grey_image), {.channels = 3}) == to_rgb(grey_image));
  CHECK_THROWS_AS(decode(encode_png(colour), {.channels = 2}), ValueError);
}

TEST_CASE("transparency is dropped") {
  const std::uint8_t rgba[] = {1, 2, 3, 0, 4, 5, 6, 255};
  std::string bytes;
  REQUIRE(stbi_write_png_to_func(
      [](void* to, void* data, int size) {
        static_cast<std::string*>(to)->append(static_cast<char*>(data), size_t(size));
      },
      &bytes, 2, 1, 4, rgba, 8));
  CHECK(decode(bytes).pixels == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("the EXIF orientation of a JPEG is honoured in both byte orders") {
  const std::string jpeg = encode_jpeg(gradient(40, 24, 3), 95);
  const Image stored = decode(jpeg);
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const bool little_endian : {false, true}) {
      CAPTURE(orientation, little_endian);
      const std::string tagged = with_app1(jpeg, exif(static_cast<std::uint32_t>(orientation), little_endian));
      const Image image = decode(tagged);
      CHECK(image.width == (orientation >= 5 ? 24 : 40));
      CHECK(image == orient(stored, orientation));
      CHECK(decode(tagged, {.exif_orientation = false}) == stored);
    }
}

TEST_CASE("damaged EXIF data leaves the picture as stored") {
  const std::string jpeg = encode_jpeg(gradient(16, 8, 1));
  const Image stored = decode(jpeg);
  const std::string good = exif(6, true);
  for (std::size_t length = 0; length + 4 < good.size(); ++length) {  // the last 4 bytes carry nothing
    CAPTURE(length);
    const auto image = decode(with_app1(jpeg, good.substr(0, length)));
    const bool has_orientation = length >= good.size() - 6;
    CHECK(image.width == (has_orientation ? 8 : 16));
  }
  for (const std::uint32_t value : {0u, 9u, 65535u}) CHECK(decode(with_app1(jpeg, exif(value, true))) == stored);
  std::string far = good;
  far.replace(10, 4, "\xFF\xFF\xFF\xFF");  // the folder's offset
  CHECK(decode(with_app1(jpeg, far)) == stored);
  std::string many = good;
  many.replace(14, 2, "\xFF\xFF");  // the number of entries
  CHECK(decode(with_app1(jpeg, many)).width == 8);
  many.replace(16 + 12, 2, "\x13\x01");  // and no orientation among them
  CHECK(decode(with_app1(jpeg, many)) == stored);
}

TEST_CASE("a JPEG or PNG cut anywhere is an error, trailing bytes are not") {
  for (const bool jpeg : {true, false}) {
    const Image image = noise(24, 16, 3);
    const std::string whole = jpeg ? encode_jpeg(image) : encode_png(image);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      CAPTURE(jpeg, length, whole.size());
      CHECK_THROWS_AS(decode(whole.substr(0, length)), IoError);
    }
    CHECK(decode(whole + "trailing \xFF\xD8\xFF bytes") == decode(whole));
    CHECK_THAT(error_of([&] { decode(whole.substr(0, whole.size() - 5)); }), ContainsSubstring("cut short"));
  }
}

TEST_CASE("a thumbnail's end marker does not stand in for the picture's") {
  const std::string thumbnail = encode_jpeg(gradient(16, 16, 3)),
                    whole = with_app1(encode_jpeg(noise(64, 48, 3)), thumbnail);
  CHECK(decode(whole).width == 64);
  CHECK_THAT(error_of([&] { decode(whole.substr(0, whole.size() / 2)); }), ContainsSubstring("cut short"));
}

TEST_CASE("sizes are limited before anything is decoded") {
  const std::string png = png_header(60000, 60000);
  CHECK(error_of([&] { decode(png); }) ==
        "memory: is 60000 x 60000 pixels large, more than the limit of 100000000 pixels");
  CHECK_THAT(error_of([&] { decode(png_header(0xFFFFFFFF, 0xFFFFFFFF)); }),
             ContainsSubstring("4294967295 x 4294967295"));
  CHECK_THROWS_AS(decode(png_header(0, 5)), IoError);

  std::string jpeg = encode_jpeg(noise(16, 16, 3));
  const auto frame = jpeg.find("\xFF\xC0");
  REQUIRE(frame != jpeg.npos);
  jpeg.replace(frame + 5, 4, number(60000, 2, false) + number(60000, 2, false));
  CHECK_THAT(error_of([&] { decode(jpeg); }), ContainsSubstring("60000 x 60000"));
  jpeg.replace(frame + 5, 4, number(9000, 2, false) + number(9000, 2, false));
  CHECK_THAT(error_of([&] { decode(jpeg); }), ContainsSubstring("9000 x 9000 pixels, more than its"));

  const std::string small = encode_png(noise(20, 10, 1));
  CHECK(decode(small, {.max_pixels = 200}).width == 20);
  CHECK_THROWS_AS(decode(small, {.max_pixels = 199}), IoError);
  CHECK_THROWS_AS(decode(small, {.max_file_bytes = 100}), IoError);
}

TEST_CASE("PNG data far larger than its picture is not unpacked") {
  const std::string small = encode_png(noise(4, 4, 3));
  const auto data = small.find("IDAT") - 4;
  std::string bomb = small.substr(0, data) + number(100'000, 4, false) + "IDAT" + std::string(100'000, '\x5A') +
                     "crc?" + small.substr(data);
  CHECK_THAT(error_of([&] { decode(bomb); }), ContainsSubstring("too many for 4 x 4 pixels"));
}

TEST_CASE("what is no image is named in one line") {
  test::TemporaryFolder folder;
  const auto error = [&](const char* name) { return error_of([&] { read_image(folder / name); }); };
  const auto expect = [&](const char* name, const char* what) {
    CHECK(error(name) == (folder / name).string() + ": " + what);
  };
  expect("missing.jpg", "no such file");
  std::filesystem::create_directory(folder / "folder.jpg");
  expect("folder.jpg", "is a folder, not a file");
  test::write_text(folder / "empty.jpg", "");
  expect("empty.jpg", "is empty, not an image");
  test::write_text(folder / "text.jpg", "This is a text.\nIt has two lines.\n");
  expect("text.jpg", "is neither a JPEG nor a PNG image");
  test::write_text(folder / "start.jpg", "\xFF\xD8\xFF");
  CHECK_THAT(error("start.jpg"), ContainsSubstring("cut short or damaged"));
  REQUIRE(::mkfifo((folder / "pipe.jpg").c_str(), 0600) == 0);
  expect("pipe.jpg", "is not a regular file");
  test::write_text(folder / "large.jpg", std::string(1000, 'x'));
  CHECK_THAT(error_of([&] { read_image(folder / "large.jpg", {.max_file_bytes = 999}); }),
             ContainsSubstring("1000 bytes long, more than the limit of 999 bytes"));

  std::string broken = encode_png(noise(8, 8, 1));
  broken[broken.find("IDAT") + 4] = '\xFF';  // the deflate header
  test::write_text(folder / "broken.png", broken);
  CHECK_THAT(error("broken.png"), ContainsSubstring("cannot be decoded (") && !ContainsSubstring("\n"));
}

TEST_CASE("random damage gives a picture or an IoError, nothing else") {
  Rng rng(7);
  const std::string files[] = {with_app1(encode_jpeg(noise(24, 16, 3)), exif(6, false)), encode_png(noise(24, 16, 3))};
  for (const std::string& whole : files)
    for (int i = 0; i < 2000; ++i) {
      std::string damaged = whole;
      for (auto n = rng.below(4); n >= 0; --n)
        damaged[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(damaged.size())))] =
            static_cast<char>(rng.below(256));
      try {
        const Image image = decode(damaged, {.max_pixels = 1'000'000});
        REQUIRE(image.pixels.size() == image.value_count());
      } catch (const IoError&) {}
    }
}

TEST_CASE("writing where that cannot be keeps the old file and says so") {
  test::TemporaryFolder folder;
  CHECK_THROWS_AS(write_png(folder / "missing" / "image.png", Image(2, 2, 1)), IoError);
  write_png(folder / "image.png", Image(2, 2, 1, 5));
  CHECK_THROWS_AS(write_png(folder / "image.png", Image()), ValueError);
  CHECK_THROWS_AS(write_jpeg(folder / "image.png", Image(2, 2, 3), 0), ValueError);
  CHECK(read_image(folder / "image.png") == Image(2, 2, 1, 5));
}

TEST_CASE("every photo of the test data is read, every cut one refused", "[data]") {
  const auto data = test::data_dir();
  if (!data) return;
  int photos = 0;
  for (const char* folder : {"imm_face_db", "photos", "dlib_xml"}) {
    if (!std::filesystem::is_directory(*data / folder)) continue;
    int here = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(*data / folder)) {
      if (file.path().extension() != ".jpg" || here == 40) continue;
      CAPTURE(file.path());
      const std::string bytes = test::read_text(file.path());
      CHECK(decode(bytes).value_count() > 0);
      for (const double part : {0.3, 0.9, 0.999})
        CHECK_THROWS_AS(decode(bytes.substr(0, static_cast<std::size_t>(part * static_cast<double>(bytes.size())))),
                        IoError);
      ++here;
    }
    photos += here;
  }
  CHECK(photos > 0);
}
