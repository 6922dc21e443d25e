#pragma once
// Every convolution of the project's networks, each shape once.

#include <algorithm>
#include <string>
#include <vector>

namespace bench {

/// Square kernels, and the same stride and padding in both directions.
struct ConvShape {
  long n, c, h, w, k, kernel, stride = 1, padding = 0;
  std::string network;  ///< who has it, "fcn" or "fcn, part2"
  bool first = false;   ///< reads the image itself: training never asks for the gradient of its input
  long groups = 1, dilation = 1;

  long oh() const { return (h + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1; }
  long ow() const { return (w + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1; }

  /// "16x64x56x56->128 k3 s2 p1": batch, channels, height, width -> channels; kernel, stride, padding, groups,
  /// dilation.
  std::string name() const {
    const auto number = [](long value) { return std::to_string(value); };
    return number(n) + "x" + number(c) + "x" + number(h) + "x" + number(w) + "->" + number(k) + " k" + number(kernel) +
           (stride > 1 ? " s" + number(stride) : "") + (padding > 0 ? " p" + number(padding) : "") +
           (groups > 1 ? " g" + number(groups) : "") + (dilation > 1 ? " d" + number(dilation) : "");
  }
  /// The groups whose geometric means are compared.
  std::string group() const {
    if (groups > 1) return groups == c ? "depthwise" : "grouped";
    if (kernel == 3 && stride == 1 && network.find("resnet18") != std::string::npos) return "resnet18 3x3";
    return kernel == 5 ? "5x5" : "other";
  }
  /// Floating-point operations of one pass, in any of the three directions, by the definition of the convolution.
  double operations() const {
    return 2.0 * static_cast<double>(n * k * oh() * ow()) * static_cast<double>(c / groups * kernel * kernel);
  }
  bool same_work(const ConvShape& o) const {
    return n == o.n && c == o.c && h == o.h && w == o.w && k == o.k && kernel == o.kernel && stride == o.stride &&
           padding == o.padding && groups == o.groups && dilation == o.dilation;
  }
};

namespace detail {
/// The U-Net of part 4: two 3x3 convolutions on each level on the way down and up.
inline std::vector<ConvShape> unet_shapes() {
  const long n = 8, levels = 5, height[] = {120, 60, 30, 15, 7}, width[] = {160, 80, 40, 20, 10};
  const long channels[] = {16, 32, 64, 128, 128};
  std::vector<ConvShape> shapes;
  const auto two = [&](long level, long in) {
    const long h = height[level], w = width[level], out = channels[level];
    shapes.push_back({n, in, h, w, out, 3, 1, 1, "unet", in == 1});
    shapes.push_back({n, out, h, w, out, 3, 1, 1, "unet"});
  };
  for (long level = 0; level < levels; ++level) two(level, level == 0 ? 1 : channels[level - 1]);
  for (long level = levels - 2; level >= 0; --level) two(level, channels[level] + channels[level + 1]);
  shapes.push_back({n, 16, 120, 160, 58, 1, 1, 0, "unet"});
  return shapes;
}

/// ResNet-18 on grey images of 224 x 224.
inline std::vector<ConvShape> resnet18_shapes() {
  const long n = 16;
  std::vector<ConvShape> shapes{{n, 1, 224, 224, 64, 7, 2, 3, "resnet18", true},
                                {n, 64, 56, 56, 64, 3, 1, 1, "resnet18"}};
  for (long in = 64, side = 56; in < 512; in *= 2, side /= 2) {
    shapes.push_back({n, in, side, side, 2 * in, 3, 2, 1, "resnet18"});
    shapes.push_back({n, in, side, side, 2 * in, 1, 2, 0, "resnet18"});
    shapes.push_back({n, 2 * in, side / 2, side / 2, 2 * in, 3, 1, 1, "resnet18"});
  }
  return shapes;
}
}  // namespace detail

/// Each shape of `lists` once, with the names of all networks that have it.
inline std::vector<ConvShape> unique_shapes(const std::vector<std::vector<ConvShape>>& lists) {
  std::vector<ConvShape> shapes;
  for (const auto& list : lists)
    for (const auto& shape : list) {
      const auto same =
          std::find_if(shapes.begin(), shapes.end(), [&](const ConvShape& other) { return other.same_work(shape); });
      if (same == shapes.end())
        shapes.push_back(shape);
      else if (same->network.find(shape.network) == std::string::npos)
        same->network += ", " + shape.network;
    }
  return shapes;
}

/// The shapes of the five networks, at the batch sizes that they are trained with.
inline std::vector<ConvShape> conv_shapes() {
  std::vector<ConvShape> all{
      {16, 1, 60, 80, 12, 3, 1, 0, "part1", true},   {16, 12, 12, 12, 32, 5, 1, 0, "part1"},
      {16, 32, 32, 32, 64, 5, 1, 0, "part1"},        {16, 64, 64, 64, 32, 3, 1, 0, "part1"},
      {64, 1, 120, 160, 12, 3, 1, 0, "part2", true}, {64, 12, 12, 12, 32, 5, 1, 0, "part2"},
      {64, 32, 32, 32, 64, 5, 1, 0, "part2"},        {64, 64, 64, 64, 64, 5, 1, 0, "part2"},
      {64, 64, 64, 64, 32, 5, 1, 0, "part2"},        {8, 1, 120, 160, 12, 3, 1, 0, "fcn", true},
      {8, 12, 118, 158, 32, 5, 1, 0, "fcn"},         {8, 32, 32, 32, 64, 5, 1, 0, "fcn"},
      {8, 64, 64, 64, 64, 5, 1, 0, "fcn"},           {8, 64, 60, 60, 128, 3, 1, 0, "fcn"},
      {8, 128, 128, 128, 64, 3, 1, 0, "fcn"},        {8, 64, 120, 160, 58, 1, 1, 0, "fcn"},
  };
  return unique_shapes({all, detail::unet_shapes(), detail::resnet18_shapes()});
}

}  // namespace bench
