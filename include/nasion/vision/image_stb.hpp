#pragma once
// JPEG and PNG by stb_image, which is always there. What it reads is written anew, from parts that were checked before:
// version 2.27, which distributions ship, trusts Huffman codes and palettes, shows memory that nothing was decoded to
// where data is missing, and compares no checksums.

#include <stb/stb_image.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/vision/deflate_check.hpp"
#include "nasion/vision/image_header.hpp"
#include "nasion/vision/jpeg_scan.hpp"

namespace nasion::vision::detail {

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string big_endian(std::size_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> 8 * bytes & 0xFF);
  return out;
}

/// A JPEG file of the same pixels that holds nothing but checked segments.
class JpegForStb {
 public:
  /// Nothing when it is damaged or cut short.
  std::optional<std::string> write(std::span<const std::byte> bytes) {
    JpegSegments segments(bytes);
    while (const auto segment = segments.next())
      if (!take(*segment)) return std::nullopt;
    return out_ + "\xFF\xD9";
  }

 private:
  void put(unsigned marker, std::string_view payload) {
    out_ += '\xFF';
    out_ += static_cast<char>(marker);
    out_ += big_endian(payload.size() + 2, 2);
    out_ += payload;
  }

  bool take(const JpegSegment& segment) {
    const auto marker = segment.marker;
    if (JpegFrame::is_frame(marker)) return frame(segment);
    if (marker == 0xDB) return quantisation(segment.payload);
    if (marker == 0xC4) return huffman(segment.payload);
    if (marker == 0xDD) return restart(segment.payload);
    if (marker == 0xDA) return scan(segment);
    if (marker == 0xE0 && segment.payload.size() >= 14 && starts_with(segment.payload, {"JFIF\0", 5})) jfif_ = true;
    if (marker == 0xEE && segment.payload.size() >= 12 && starts_with(segment.payload, "Adobe") && !scanned_)
      adobe_ = std::to_integer<int>(segment.payload[11]);
    return true;
  }

  bool frame(const JpegSegment& segment) {
    frame_.emplace(segment);
    unsigned h_max = 1, v_max = 1;
    std::string components;
    for (std::size_t i = 0; i < frame_->count; ++i) {
      const auto& [id, h, v, table] = frame_->components[i];
      if (h < 1 || h > 4 || v < 1 || v > 4 || table > 3) return false;
      h_max = std::max(h_max, h);
      v_max = std::max(v_max, v);
      for (const unsigned value : {static_cast<unsigned>(i + 1), h << 4 | v, table})
        components += static_cast<char>(value);
    }
    for (std::size_t i = 0; i < frame_->count; ++i)
      if (h_max % frame_->components[i].h != 0 || v_max % frame_->components[i].v != 0) return false;
    check_.emplace(*frame_);
    put(segment.marker, '\x08' + big_endian(frame_->height, 2) + big_endian(frame_->width, 2) +
                            static_cast<char>(frame_->count) + components);
    return true;
  }

  bool quantisation(std::span<const std::byte> payload) {
    put(0xDB, as_text(payload));
    // The tables that count are those of the first scan; in progressive files stb would use the last.
    if (scanned_ && frame_->progressive()) return false;
    while (!payload.empty()) {
      const auto precision = std::to_integer<unsigned>(payload[0]) >> 4,
                 id = std::to_integer<unsigned>(payload[0]) & 15;
      const std::size_t size = precision == 0 ? 65 : 129;
      if (precision > 1 || id > 3 || payload.size() < size) return false;
      quantisation_[id] = true;
      payload = payload.subspan(size);
    }
    return true;
  }

  bool huffman(std::span<const std::byte> payload) {
    put(0xC4, as_text(payload));
    while (!payload.empty()) {
      const auto table = JpegHuffmanSegment::take(payload);
      if (!table || !tables_.huffman[table->type][table->id].build(*table)) return false;
    }
    return true;
  }

  bool restart(std::span<const std::byte> payload) {
    if (payload.size() != 2) return false;
    put(0xDD, as_text(payload));
    tables_.restart_interval = std::to_integer<unsigned>(payload[0]) << 8 | std::to_integer<unsigned>(payload[1]);
    return true;
  }

  bool scan(const JpegSegment& segment) {
    const auto scan = JpegScan::parse(segment.payload, *frame_);
    if (!scan) return false;
    for (std::size_t i = 0; i < scan->count; ++i)
      if (!quantisation_[frame_->components[scan->components[i].index].quantisation]) return false;
    const auto used = check_->check(*scan, tables_, segment.data);
    if (!used) return false;
    if (!scanned_) put(0xEE, std::string("Adobe\0\x64\0\0\0\0", 11) + static_cast<char>(colour_transform()));
    scanned_ = true;
    std::string payload(1, static_cast<char>(scan->count));
    for (std::size_t i = 0; i < scan->count; ++i) {
      const auto& component = scan->components[i];
      payload += static_cast<char>(component.index + 1);
      payload += static_cast<char>(component.dc << 4 | component.ac);
    }
    const bool all = !frame_->progressive();
    payload += static_cast<char>(all ? 0 : scan->first);
    payload += static_cast<char>(all ? 63 : scan->last);
    payload += static_cast<char>(all ? 0 : scan->high << 4 | scan->low);
    put(0xDA, payload);
    out_ += as_text(segment.data.first(*used));
    return true;
  }

  // As libjpeg tells colours. In Adobe's marker: 0 for RGB and CMYK as they are, 1 for YCbCr, 2 for YCCK.
  int colour_transform() const {
    if (frame_->count == 4) return adobe_ > 0 ? 2 : 0;
    const auto& c = frame_->components;
    if (jfif_ || adobe_ > 0) return 1;
    return adobe_ == 0 || (c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B') ? 0 : 1;
  }

  std::string out_ = "\xFF\xD8";
  std::optional<JpegFrame> frame_;
  std::optional<JpegScanCheck> check_;
  JpegTables tables_;
  std::array<bool, 4> quantisation_{};
  bool jfif_ = false, scanned_ = false;
  int adobe_ = -1;  // the transform in its marker
};

/// A PNG file of the same pixels that holds nothing but checked chunks.
struct PngForStb {
  std::string bytes;

  /// Returns why that cannot be, or nothing.
  std::string write(std::span<const std::byte> file, const ImageHeader& header) {
    std::string ihdr, palette, data;
    PngChunks chunks(file);
    while (const auto chunk = chunks.next()) {
      if (!chunk->critical()) continue;
      if (!chunk->intact()) return "a checksum is wrong";
      const bool repeated = (chunk->is("IHDR") && !ihdr.empty()) || (chunk->is("PLTE") && !palette.empty());
      if (repeated) return "it has two chunks of a kind that comes once";
      if (chunk->is("IHDR"))
        ihdr = as_text(chunk->data());
      else if (chunk->is("PLTE"))
        palette = as_text(chunk->data());
      else if (chunk->is("IDAT"))
        data += as_text(chunk->data());
      else if (!chunk->is("IEND"))
        return "it has a chunk of an unknown kind";
    }
    if (!valid(ihdr)) return "its header is wrong";
    const bool indexed = ihdr[9] == 3;
    if (palette.size() > 768 || palette.size() % 3 != 0 || (indexed && palette.empty())) return "its palette is wrong";
    if (data.empty()) return "it has no data";
    if (!unpacks(data, header)) return "its data does not unpack to its size in pixels";
    palette.resize(768);  // black for what it leaves out
    bytes = "\x89PNG\r\n\x1A\n";
    put("IHDR", ihdr);
    if (indexed) put("PLTE", palette);
    put("IDAT", data);
    put("IEND", {});
    return "";
  }

 private:
  static bool valid(const std::string& ihdr) {
    static constexpr std::array<std::string_view, 7> depths = {"\1\2\4\x8\x10", "", "\x8\x10", "\1\2\4\x8",
                                                               "\x8\x10",       "", "\x8\x10"};  // by colour type
    if (ihdr.size() != 13) return false;
    const auto colour = static_cast<unsigned char>(ihdr[9]);
    return colour < depths.size() && depths[colour].find(ihdr[8]) != std::string_view::npos && ihdr[10] == 0 &&
           ihdr[11] == 0 && (ihdr[12] == 0 || ihdr[12] == 1);
  }

  // stb unpacks whatever the data holds, a thousand times its size at worst.
  static bool unpacks(const std::string& data, const ImageHeader& header) {
    const std::int64_t row = (header.width * header.bits_per_pixel + 7) / 8 + 1;
    const std::int64_t interlaced =
        15 * (row + header.height);  // at most: rows of the seven passes end with part of a byte
    const std::int64_t room = row * header.height + interlaced + 65536;
    return DeflateCheck::unpacked_size(data, static_cast<std::size_t>(room)).has_value();
  }

  void put(std::string_view type, const std::string& data) {
    bytes += big_endian(data.size(), 4);
    bytes += type;
    bytes += data;
    bytes += "crc?";  // which stb skips
  }
};

/// Decodes to the size and the channels of the header. Returns why that failed, or nothing.
inline std::string decode_stb(std::span<const std::byte> bytes, const ImageHeader& header,
                              std::vector<std::uint8_t>& pixels) {
  std::string checked;
  if (header.format == ImageHeader::Format::jpeg) {
    auto written = JpegForStb().write(bytes);
    if (!written) return "is cut short or damaged: its scans cannot be decoded";
    checked = std::move(*written);
  } else {
    // Next to the unpacked data stb needs as much for the pixels.
    constexpr std::int64_t max_bytes = 300'000'000;
    if ((header.width * header.bits_per_pixel + 7) / 8 > max_bytes / header.height)
      return message("has ", header.width, " x ", header.height, " pixels of ", header.bits_per_pixel,
                     " bits, which take more than the limit of ", max_bytes, " bytes without libpng");
    PngForStb png;
    if (const auto problem = png.write(bytes, header); !problem.empty())
      return "is damaged: it cannot be decoded (" + problem + ")";
    checked = std::move(png.bytes);
  }
  if (checked.size() > 0x7FFFFFFF || std::max(header.width, header.height) > 1 << 24)
    return "is too large to be decoded without libjpeg-turbo and libpng";
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> decoded(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(checked.data()), static_cast<int>(checked.size()), &width,
                            &height, &channels, header.channels),
      stbi_image_free);
  // What stb gives as its reason can be of an earlier picture.
  if (!decoded || width != header.width || height != header.height) return "is damaged: it cannot be decoded";
  pixels.assign(decoded.get(), decoded.get() + header.value_count());
  return "";
}

}  // namespace nasion::vision::detail
