// JPEG and PNG photos: whatever memory held before, the same pixels or the same error; and the same pixels when written
// as PNG and read again.
#include "nasion/vision/image.hpp"
#include "sums.hpp"
#include "support.hpp"

namespace vision = nasion::vision;

void fuzz::run(std::string_view input) {
  constexpr std::int64_t most_pixels = 1 << 20;  // larger photos only take longer
  const auto header = vision::read_image_header(std::as_bytes(std::span(input)));
  require(header.orientation >= 1 && header.orientation <= 8, "orientation ", header.orientation);
  constexpr std::uint64_t bytes_per_pixel = 24;
  const bool decoded = header.width > 0 && header.height > 0 && header.width <= most_pixels / header.height;
  const auto memory = decoded ? bytes_per_pixel * static_cast<std::uint64_t>(header.width * header.height) : 0;
  const auto read_one = [](const std::filesystem::path& path) {
    return vision::read_image(path, {.max_pixels = most_pixels});
  };

  Memory::fill = 0x5A;
  const auto image = read(input, "photo", read_one, memory);
  const auto refusal = last_refusal();
  Memory::fill = 0xA5;
  const auto again = read(input, "photo", read_one, memory);
  Memory::fill = -1;
  require(image == again && refusal == last_refusal(), "pixels or errors that depend on what memory held: ", refusal,
          " | ", last_refusal());
  if (!image) return;
  require(image->width * image->height == header.width * header.height, "another size than the header's");
  const std::string png = vision::encode_png(*image);
  require(vision::decode_image(std::as_bytes(std::span(png)), "written.png") == *image,
          "other pixels when written and read again");
}

/// libFuzzer changes the bytes; then the checksums of a PNG file fit again, mostly.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (seed % 8 != 0) fuzz::mend_png_sums({data, size});
  return size;
}
