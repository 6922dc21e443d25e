#pragma once
// Whether a JPEG scan holds all of its blocks, and nothing that no encoder writes: its entropy-coded data is decoded
// and thrown away. For a decoder that does not look. Source: ITU-T T.81, annexes F and G.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <vector>

#include "nasion/vision/jpeg_huffman.hpp"
#include "nasion/vision/jpeg_segments.hpp"

namespace nasion::vision::detail {

struct JpegTables {
  std::array<std::array<JpegHuffmanTable, 4>, 2> huffman;  // by type (0: DC, 1: AC) and id
  unsigned restart_interval = 0;
};

class JpegScanCheck {
 public:
  /// The frame has 1, 3 or 4 components with sampling factors from 1 to 4.
  explicit JpegScanCheck(const JpegFrame& frame) : frame_(frame) {
    for (std::size_t i = 0; i < frame.count; ++i) {
      h_max_ = std::max(h_max_, frame.components[i].h);
      v_max_ = std::max(v_max_, frame.components[i].v);
    }
    mcus_x_ = blocks(frame.width, 1, h_max_);
    mcus_y_ = blocks(frame.height, 1, v_max_);
    for (std::size_t i = 0; i < frame.count; ++i) {
      low_[i].fill(-1);
      if (frame.progressive()) nonzero_[i].resize(mcus_x_ * frame.components[i].h * mcus_y_ * frame.components[i].v);
    }
  }

  /// How much of the data the scan's blocks are, or nothing when they are damaged or not all there.
  std::optional<std::size_t> check(const JpegScan& scan, const JpegTables& tables, std::span<const std::byte> data) {
    if (!follows(scan)) return std::nullopt;
    JpegBits bits(data);
    scan_ = &scan;
    tables_ = &tables;
    const auto& alone = frame_.components[scan.components[0].index];
    // One component is coded block by block, several in the order of their place in the picture.
    const bool single = scan.count == 1;
    const std::size_t columns = single ? blocks(frame_.width, alone.h, h_max_) : mcus_x_;
    const std::size_t rows = single ? blocks(frame_.height, alone.v, v_max_) : mcus_y_;
    start_interval();
    for (std::size_t mcu = 0; mcu < columns * rows; ++mcu) {
      const unsigned interval = tables.restart_interval;
      if (interval != 0 && mcu != 0 && mcu % interval == 0) {
        if (!bits.restart(static_cast<unsigned>(mcu / interval - 1) % 8)) return std::nullopt;
        start_interval();
      }
      const bool good = single ? block(bits, scan.components[0], mcu % columns, mcu / columns)
                               : interleaved(bits, mcu % columns, mcu / columns);
      if (!good || bits.overrun()) return std::nullopt;
    }
    return bits.end();
  }

 private:
  using Component = JpegScan::Component;

  static std::size_t blocks(std::size_t pixels, std::size_t factor, std::size_t max) {
    const std::size_t own = (pixels * factor + max - 1) / max;
    return (own + 7) / 8;
  }

  void start_interval() {
    dc_ = {};
    blocks_that_end_ = 0;
  }

  // Each bit of a coefficient comes once, from the highest, the DC coefficient before the others.
  bool follows(const JpegScan& scan) {
    if (!frame_.progressive()) return true;
    if (scan.last > 63 || scan.first > scan.last || scan.low > 13) return false;
    if (scan.first == 0 ? scan.last != 0 : scan.count != 1) return false;
    if (scan.high != 0 && scan.low + 1 != scan.high) return false;
    for (std::size_t i = 0; i < scan.count; ++i) {
      auto& low = low_[scan.components[i].index];
      if (scan.first > 0 && low[0] < 0) return false;
      for (auto k = scan.first; k <= scan.last; ++k) {
        if (low[k] < 0 ? scan.high != 0 : static_cast<int>(scan.high) != low[k] || scan.high == 0) return false;
        low[k] = static_cast<int>(scan.low);
      }
    }
    return true;
  }

  bool interleaved(JpegBits& bits, std::size_t column, std::size_t row) {
    for (std::size_t i = 0; i < scan_->count; ++i) {
      const auto& component = scan_->components[i];
      const auto& [id, h, v, quantisation] = frame_.components[component.index];
      for (std::size_t y = 0; y < v; ++y)
        for (std::size_t x = 0; x < h; ++x)
          if (!block(bits, component, column * h + x, row * v + y)) return false;
    }
    return true;
  }

  bool block(JpegBits& bits, const Component& component, std::size_t column, std::size_t row) {
    if (!frame_.progressive()) return dc_first(bits, component) && ac_sequential(bits, component);
    if (scan_->first == 0) {
      if (scan_->high == 0) return dc_first(bits, component);
      bits.take(1);
      return true;
    }
    const auto stride = mcus_x_ * frame_.components[component.index].h;
    auto& nonzero = nonzero_[component.index][row * stride + column];
    return scan_->high == 0 ? ac_first(bits, component, nonzero) : ac_refine(bits, component, nonzero);
  }

  bool dc_first(JpegBits& bits, const Component& component) {
    const int size = tables_->huffman[0][component.dc].decode(bits);
    if (size < 0 || size > 11) return false;
    if (size == 0) return true;
    const int value = static_cast<int>(bits.take(size));
    int& dc = dc_[component.index];
    dc += value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
    return std::abs(dc) < 1 << 15;
  }

  bool ac_sequential(JpegBits& bits, const Component& component) {
    const auto& table = tables_->huffman[1][component.ac];
    for (int k = 1; k < 64; ++k) {
      const int symbol = table.decode(bits);
      if (symbol < 0) return false;
      const int run = symbol >> 4, size = symbol & 15;
      if (size == 0 && run < 15) return true;
      k += run;
      if (k > 63) return false;
      if (size > 0) bits.take(size);
    }
    return true;
  }

  bool ac_first(JpegBits& bits, const Component& component, std::uint64_t& nonzero) {
    if (blocks_that_end_ > 0) {
      --blocks_that_end_;
      return true;
    }
    const auto& table = tables_->huffman[1][component.ac];
    for (auto k = scan_->first; k <= scan_->last; ++k) {
      const int symbol = table.decode(bits);
      if (symbol < 0) return false;
      const auto run = static_cast<unsigned>(symbol) >> 4, size = static_cast<unsigned>(symbol) & 15;
      if (size == 0 && run < 15) {
        end_blocks(bits, run);
        return true;
      }
      k += run;
      if (k > scan_->last || size + scan_->low > 14) return false;
      if (size == 0) continue;
      bits.take(static_cast<int>(size));
      nonzero |= std::uint64_t{1} << k;
    }
    return true;
  }

  bool ac_refine(JpegBits& bits, const Component& component, std::uint64_t& nonzero) {
    const auto& table = tables_->huffman[1][component.ac];
    const std::uint64_t before = nonzero;
    auto k = scan_->first;
    const auto correct = [&](unsigned zeros) {  // over coefficients that have a value, and so many that have none
      for (; k <= scan_->last; ++k) {
        if (before >> k & 1)
          bits.take(1);
        else if (zeros-- == 0)
          return;
      }
    };
    while (k <= scan_->last && blocks_that_end_ == 0) {
      const int symbol = table.decode(bits);
      if (symbol < 0) return false;
      const auto run = static_cast<unsigned>(symbol) >> 4, size = static_cast<unsigned>(symbol) & 15;
      if (size > 1) return false;
      if (size == 0 && run < 15) {
        end_blocks(bits, run);
        ++blocks_that_end_;  // this one too
        break;
      }
      if (size == 1) bits.take(1);  // the sign
      correct(run);
      if (k > scan_->last) return size == 0;
      if (size == 1) nonzero |= std::uint64_t{1} << k;
      ++k;
    }
    if (blocks_that_end_ > 0) {
      correct(64);
      --blocks_that_end_;
    }
    return true;
  }

  void end_blocks(JpegBits& bits, unsigned run) {
    blocks_that_end_ = (1u << run) - 1;
    if (run > 0) blocks_that_end_ += bits.take(static_cast<int>(run));
  }

  JpegFrame frame_;
  unsigned h_max_ = 1, v_max_ = 1;
  std::size_t mcus_x_ = 0, mcus_y_ = 0;
  std::array<std::array<int, 64>, 4> low_{};  // by component and coefficient: its lowest known bit, or -1
  std::array<std::vector<std::uint64_t>, 4>
      nonzero_;  // progressive, by component and block: a bit for each coefficient
  const JpegScan* scan_ = nullptr;
  const JpegTables* tables_ = nullptr;
  std::array<int, 4> dc_{};
  unsigned blocks_that_end_ = 0;  // after this one, of a run without further coefficients
};

}  // namespace nasion::vision::detail
