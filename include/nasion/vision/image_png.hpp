#pragma once
// PNG by libpng, where NASION_PNG says that a program links with it.
#ifdef NASION_PNG

#include <png.h>

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "nasion/vision/image_header.hpp"

namespace nasion::vision::detail {

// libpng leaves its own frames by longjmp, and ours with them: none of the functions that it may leave has anything to
// destroy, and what must be kept lies here.
struct PngDecoder {
  std::span<const std::byte> bytes;  // not read yet
  char reason[128] = "no memory";
  png_structp png = nullptr;
  png_infop info = nullptr;
};

extern "C" {
[[noreturn]] inline void nasion_png_fail(png_structp png, png_const_charp message) {
  auto& decoder = *static_cast<PngDecoder*>(png_get_error_ptr(png));
  std::snprintf(decoder.reason, sizeof decoder.reason, "%s", message);
  png_longjmp(png, 1);
}

inline void nasion_png_warn(png_structp, png_const_charp) {}  // of what does not change a pixel

inline void nasion_png_take(png_structp png, png_bytep out, std::size_t count) {
  auto& bytes = static_cast<PngDecoder*>(png_get_io_ptr(png))->bytes;
  if (count > bytes.size()) png_error(png, "the data ends early");
  std::memcpy(out, bytes.data(), count);
  bytes = bytes.subspan(count);
}
}

inline bool read_png(PngDecoder& decoder, const ImageHeader& header, std::uint8_t* pixels) {
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, nasion_png_fail, nasion_png_warn);
  if (decoder.png == nullptr || setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  const png_structp png = decoder.png;
  decoder.info = png_create_info_struct(png);
  if (decoder.info == nullptr) return false;
  png_set_read_fn(png, &decoder, nasion_png_take);
  png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);  // ours is on pixels
  // Transparency, gamma, profiles and texts are dropped, so nothing of them is unpacked.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(png, decoder.info);
  png_set_expand(png);    // palettes, and less than 8 bits
  png_set_strip_16(png);  // row by row, so that 16 bits take no more memory
  png_set_strip_alpha(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, decoder.info);
  const auto row_bytes = static_cast<std::size_t>(header.width * header.channels);
  if (png_get_rowbytes(png, decoder.info) != row_bytes || png_get_image_height(png, decoder.info) != header.height)
    return false;
  for (int pass = 0; pass < passes; ++pass)
    for (std::int64_t y = 0; y < header.height; ++y)
      png_read_row(png, pixels + static_cast<std::size_t>(y) * row_bytes, nullptr);
  png_read_end(png, nullptr);
  return true;
}

/// Decodes to the size and the channels of the header. Returns why that failed, or nothing.
inline std::string decode_png(std::span<const std::byte> bytes, const ImageHeader& header,
                              std::vector<std::uint8_t>& pixels) {
  pixels.resize(header.value_count());
  PngDecoder decoder{.bytes = bytes};
  const bool ok = read_png(decoder, header, pixels.data());
  png_destroy_read_struct(&decoder.png, &decoder.info, nullptr);
  return ok ? "" : "is damaged: it cannot be decoded (" + std::string(decoder.reason) + ")";
}

}  // namespace nasion::vision::detail
#endif
