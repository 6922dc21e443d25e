#pragma once
// U-Net (Ronneberger, Fischer, Brox 2015): down to where each place sees the whole face, and up again to the
// resolution of the image, each level joined with what was there on the way down.

#include <vector>

#include "nasion/models/conv_block.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/upsample.hpp"

namespace nasion::models {

/// Two blocks one after the other, [N, in, H, W] -> [N, out, H, W].
template <Real T>
struct DoubleBlock {
  ConvBlock<T> first, second;

  DoubleBlock(Index in, Index out, Rng& rng) : first(in, out, rng), second(out, out, rng) {}

  Tensor<T> operator()(const Tensor<T>& x) const { return second(first(x)); }
  static void visit(auto& self, auto&& f) {
    f("first", self.first);
    f("second", self.second);
  }
};

/// Of images with `in_channels` channels; `outputs` maps.
struct UNetConfig {
  Index in_channels = 1, outputs = 58;
  Index width = 16;       ///< channels at full resolution; each level below has twice as many
  Index max_width = 128;  ///< at most so many
  int levels = 4;         ///< times that the resolution is halved
};

/// Images [N, in_channels, H, W] -> maps [N, outputs, H, W].   ShapeError unless H and W are at least 2^levels.
template <Real T>
struct UNet {
  std::vector<DoubleBlock<T>> down;  // from full resolution to the lowest
  std::vector<DoubleBlock<T>> up;    // of the same level as down, which is why the lowest has none
  nn::Conv2d<T> maps;

  UNet(const UNetConfig& c, Rng& rng)
      : down(make_down(c, rng)), up(make_up(c, rng)), maps({.in = c.width, .out = c.outputs, .kernel = 1}, rng) {}

  Tensor<T> operator()(const Tensor<T>& images) const {
    const Index least = Index{1} << up.size();
    check(images.rank() == 4 && images.dim(2) >= least && images.dim(3) >= least, "[UNet] images ", images.shape(),
          " must be [N, C, H, W] with sides of at least ", least, ", which can be halved ", up.size(), " times");
    std::vector<Tensor<T>> levels{down[0](images)};
    for (std::size_t i = 1; i < down.size(); ++i) levels.push_back(down[i](max_pool2d(levels.back())));
    auto x = levels.back();
    for (std::size_t i = up.size(); i-- > 0;) {
      const Size2 size(levels[i].dim(2), levels[i].dim(3));
      x = up[i](concat<T>({levels[i], interpolate(x, {.size = size, .mode = Interpolation::bilinear})}, 1));
    }
    return maps(x);
  }
  static void visit(auto& self, auto&& f) {
    f("down", self.down);
    f("up", self.up);
    f("maps", self.maps);
  }

 private:
  static Index channels(const UNetConfig& c, int level) { return std::min(c.max_width, c.width << level); }
  static std::vector<DoubleBlock<T>> make_down(const UNetConfig& c, Rng& rng) {
    check<ValueError>(c.levels >= 1 && c.levels <= 16 && c.width > 0 && c.max_width >= c.width, "[UNet] levels ",
                      c.levels, " must be in 1 to 16, width ", c.width, " positive and max_width ", c.max_width,
                      " not below it");
    std::vector<DoubleBlock<T>> blocks;
    for (int i = 0; i <= c.levels; ++i)
      blocks.emplace_back(i ? channels(c, i - 1) : c.in_channels, channels(c, i), rng);
    return blocks;
  }
  static std::vector<DoubleBlock<T>> make_up(const UNetConfig& c, Rng& rng) {
    std::vector<DoubleBlock<T>> blocks;
    for (int i = 0; i < c.levels; ++i) blocks.emplace_back(channels(c, i) + channels(c, i + 1), channels(c, i), rng);
    return blocks;
  }
};

}  // namespace nasion::models
