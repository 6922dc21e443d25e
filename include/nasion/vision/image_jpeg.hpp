#pragma once
// JPEG by libjpeg-turbo, where NASION_JPEG says that a program links with it.
#ifdef NASION_JPEG

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

// After cstdio, which they do not include themselves.
#include <jerror.h>
#include <jpeglib.h>

#include "nasion/vision/image_header.hpp"

namespace nasion::vision::detail {

// libjpeg leaves its own frames by longjmp, and ours with them: none of the functions that it may leave has anything to
// destroy, and what must be kept lies here.
struct JpegDecoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf failed{};
  char reason[JMSG_LENGTH_MAX] = "";
};

extern "C" {
[[noreturn]] inline void nasion_jpeg_fail(j_common_ptr info) {
  auto& decoder = *static_cast<JpegDecoder*>(info->client_data);
  info->err->format_message(info, decoder.reason);
  std::longjmp(decoder.failed, 1);
}

// Where libjpeg warns, it goes on with pixels that were never in the file. Not so for bytes between segments and for
// headers that only look odd.
inline void nasion_jpeg_warn(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  const bool harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR ||
                        code == JWRN_NOT_SEQUENTIAL;
  if (level < 0 && !harmless) nasion_jpeg_fail(info);
}

inline void nasion_jpeg_print(j_common_ptr) {}
}

/// CMYK as all that show pictures take it, whatever a marker says: inverted, so that 255 is no ink.
inline void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb, std::int64_t pixels) {
  for (; pixels > 0; --pixels, cmyk += 4, rgb += 3)
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>((cmyk[c] * cmyk[3] + 127) / 255);
}

inline void read_jpeg_rows(jpeg_decompress_struct& info, const ImageHeader& header, std::uint8_t* pixels) {
  const bool cmyk = info.out_color_space == JCS_CMYK;
  JSAMPARRAY inks = nullptr;
  if (cmyk) inks = info.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&info), JPOOL_IMAGE, info.output_width * 4, 1);
  while (info.output_scanline < info.output_height) {
    std::uint8_t* row = pixels + info.output_scanline * header.width * header.channels;
    jpeg_read_scanlines(&info, cmyk ? inks : &row, 1);
    if (cmyk) cmyk_to_rgb(inks[0], row, header.width);
  }
}

inline bool read_jpeg(JpegDecoder& decoder, std::span<const std::byte> bytes, const ImageHeader& header,
                      std::uint8_t* pixels) {
  auto& info = decoder.info;
  info.err = jpeg_std_error(&decoder.errors);
  info.client_data = &decoder;
  decoder.errors.error_exit = nasion_jpeg_fail;
  decoder.errors.emit_message = nasion_jpeg_warn;
  decoder.errors.output_message = nasion_jpeg_print;
  if (setjmp(decoder.failed) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&info, TRUE);
  const bool cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = header.channels == 1 ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
  info.dct_method = JDCT_ISLOW;  // the same bits with and without vector instructions
  jpeg_start_decompress(&info);
  if (info.output_width != header.width || info.output_height != header.height) return false;
  read_jpeg_rows(info, header, pixels);
  jpeg_finish_decompress(&info);
  return true;
}

/// Decodes to the size and the channels of the header. Returns why that failed, or nothing.
inline std::string decode_jpeg(std::span<const std::byte> bytes, const ImageHeader& header,
                               std::vector<std::uint8_t>& pixels) {
  pixels.resize(header.value_count());
  JpegDecoder decoder;
  const bool ok = read_jpeg(decoder, bytes, header, pixels.data());
  jpeg_destroy_decompress(&decoder.info);
  return ok ? "" : "is cut short or damaged: it cannot be decoded (" + std::string(decoder.reason) + ")";
}

}  // namespace nasion::vision::detail
#endif
