#pragma once
// What a JPEG or PNG file says about itself, read without decoding it: format, size, EXIF orientation, whether it ends
// where it should, and whether it can be decoded at all. Every read is bounds-checked; a lying file gives a wrong
// answer at worst.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "nasion/core/error.hpp"
#include "nasion/vision/byte_reader.hpp"
#include "nasion/vision/exif.hpp"
#include "nasion/vision/jpeg_segments.hpp"
#include "nasion/vision/png_chunks.hpp"

namespace nasion::vision {

/// What a file says of its picture, before anything is decoded.
struct ImageHeader {
  enum class Format { unknown, jpeg, png };  ///< by its first bytes
  Format format = Format::unknown;
  std::int64_t width = 0, height = 0;  ///< as stored, before the orientation is applied; 0 when the file does not say
  int channels = 0;                    ///< once decoded: grey (1) or RGB (3)
  int orientation = 1;                 ///< EXIF tag 0x0112, 1 to 8
  bool complete = false;               ///< false for a file that stops before its end marker
  std::int64_t compressed_bytes = 0;   ///< PNG: of pixel data
  std::int64_t bits_per_pixel = 0;     ///< PNG: as stored
  std::string problem;  ///< why it cannot be decoded, as it continues a file's name; empty: nothing known

  /// Values of the decoded picture: width x height x channels.
  std::size_t value_count() const { return static_cast<std::size_t>(width * height * channels); }
};

namespace detail {

/// Reads the segments of a JPEG file in turn.
class JpegHeaderReader {
 public:
  // Encoders write up to some twenty; each costs a pass over all blocks of the picture, however short it is.
  static constexpr int max_scans = 100;

  ImageHeader read(std::span<const std::byte> bytes) {
    header_.format = ImageHeader::Format::jpeg;
    JpegSegments segments(bytes);
    while (const auto segment = segments.next()) {
      if (JpegFrame::is_frame(segment->marker)) frame(*segment);
      if (segment->marker == 0xC4) huffman_tables(segment->payload);
      if (segment->marker == 0xDA) scan(segment->payload);
      if (segment->marker == 0xE1 && header_.orientation == 1 && starts_with(segment->payload, exif_prefix))
        header_.orientation = exif_orientation(segment->payload);
    }
    header_.complete = segments.complete() && scans_ > 0;
    for (std::size_t i = 0; frame_ && i < std::min<std::size_t>(frame_->count, 4); ++i)
      if (!scanned_[i]) fail("is cut short or damaged: a colour has no data");
    return header_;
  }

 private:
  void fail(const std::string& problem) {
    if (header_.problem.empty()) header_.problem = problem;
  }

  void frame(const JpegSegment& segment) {
    if (frame_) return fail("is damaged: it has more than one frame");
    frame_.emplace(segment);
    header_.width = frame_->width;
    header_.height = frame_->height;
    header_.channels = frame_->count == 1 ? 1 : 3;
    const auto marker = segment.marker;
    if (marker >= 0xC9) fail("uses arithmetic coding, which is not supported");
    if (marker == 0xC3) fail("is a lossless JPEG, which is not supported");
    if (marker >= 0xC5) fail("is a hierarchical JPEG, which is not supported");
    if (frame_->precision != 8) fail(message("has ", frame_->precision, " bits a sample; only 8 are supported"));
    if (frame_->count != 1 && frame_->count != 3 && frame_->count != 4)
      fail(message("has ", frame_->count, " colours; only 1, 3 and 4 are supported"));
  }

  void huffman_tables(std::span<const std::byte> payload) {
    while (!payload.empty()) {
      const auto table = JpegHuffmanSegment::take(payload);
      if (!table) return fail("is damaged: a Huffman table is no table");
      defined_[table->type][table->id] = true;
    }
  }

  // libjpeg-turbo would take tables of its own for those that are missing, older libraries what lay in the memory.
  void scan(std::span<const std::byte> payload) {
    const auto scan = frame_ ? JpegScan::parse(payload, *frame_) : std::nullopt;
    if (!scan) return fail("is damaged: a scan does not fit its frame");
    if (++scans_ > max_scans) return fail(message("has more than ", max_scans, " scans"));
    for (std::size_t i = 0; i < scan->count; ++i) {
      const auto& component = scan->components[i];
      scanned_[component.index] = true;
      if ((scan->uses_dc(*frame_) && !defined_[0][component.dc]) ||
          (scan->uses_ac(*frame_) && !defined_[1][component.ac]))
        fail("is damaged: a scan uses a Huffman table that was not defined");
    }
  }

  ImageHeader header_;
  std::optional<JpegFrame> frame_;
  int scans_ = 0;
  std::array<bool, 4> scanned_{};
  std::array<std::array<bool, 4>, 2> defined_{};  // by type and id
};

inline ImageHeader png_header(std::span<const std::byte> bytes) {
  ImageHeader header;
  header.format = ImageHeader::Format::png;
  PngChunks chunks(bytes);
  while (const auto chunk = chunks.next()) {
    if (chunk->is("IHDR") && header.width == 0) {
      ByteReader in{chunk->data()};
      header.width = in.read(0, 4);
      header.height = in.read(4, 4);
      const auto depth = in.read(8, 1), colour = in.read(9, 1);
      constexpr std::array<int, 7> channels_of = {1, 0, 3, 1, 2, 0, 4};  // stored; a palette's index is one
      const int stored = colour < channels_of.size() ? channels_of[colour] : 0;
      header.channels = (colour & 2) != 0 ? 3 : 1;
      header.bits_per_pixel = depth * static_cast<std::int64_t>(stored);
      if (!in.ok || !chunk->intact() || stored == 0) header.problem = "is damaged: its header is not as it was written";
    }
    if (chunk->is("IDAT")) header.compressed_bytes += static_cast<std::int64_t>(chunk->data().size());
    if (chunk->is("eXIf") && chunk->intact()) header.orientation = exif_orientation(chunk->data());
  }
  header.complete = chunks.complete();
  return header;
}

}  // namespace detail

/// The header of a JPEG or PNG file in memory; `format` is unknown for anything else.
inline ImageHeader read_image_header(std::span<const std::byte> bytes) {
  if (detail::starts_with(bytes, "\xFF\xD8\xFF")) return detail::JpegHeaderReader().read(bytes);
  if (detail::starts_with(bytes, "\x89PNG\r\n\x1A\n")) return detail::png_header(bytes);
  return {};
}

}  // namespace nasion::vision
