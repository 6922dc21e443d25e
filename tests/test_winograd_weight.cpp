#include "nasion/kernels/conv2d/winograd_weight.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nasion/core/random.hpp"
#include "support/catch.hpp"
#include "support/relative_error.hpp"
#include "support/threads.hpp"

using namespace nasion;
using kernels::detail::WinogradWeightCut;
using test::relative_error;

namespace {

template <class T>
std::vector<T> random(Index size, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<T> values(static_cast<std::size_t>(size));
  std::generate(values.begin(), values.end(), [&] { return static_cast<T>(static_cast<float>(rng.uniform(-1, 1))); });
  return values;
}

/// One convolution, padded to keep the size; the same numbers in float and double.
struct Problem {
  kernels::Conv2dSizes sizes;
  Problem(Index n, Index c, Index h, Index w, Index k, Index kernel, Index groups = 1)
      : sizes{.n = n,
              .c = c,
              .h = h,
              .w = w,
              .k = k,
              .kh = kernel,
              .kw = kernel,
              .oh = h,
              .ow = w,
              .stride_h = 1,
              .stride_w = 1,
              .pad_h = kernel / 2,
              .pad_w = kernel / 2,
              .dilation_h = 1,
              .dilation_w = 1,
              .groups = groups} {}

  template <class T>
  std::vector<T> x() const {
    return random<T>(sizes.n * sizes.c * sizes.h * sizes.w, 1);
  }
  template <class T>
  std::vector<T> dy() const {
    return random<T>(sizes.n * sizes.k * sizes.oh * sizes.ow, 2);
  }
  template <class T>
  std::vector<T> winograd(const std::vector<T>& x, const std::vector<T>& dy) const {
    // Whatever is not written stays and is found.
    std::vector<T> dw(static_cast<std::size_t>(sizes.k * sizes.taps()), T{1e6});
    kernels::conv2d_winograd_backward_weight<T>(sizes, x.data(), dy.data(), dw.data());
    return dw;
  }
  template <class T>
  std::vector<T> direct(const std::vector<T>& x, const std::vector<T>& dy) const {
    std::vector<T> dw(static_cast<std::size_t>(sizes.k * sizes.taps()));
    kernels::conv2d_direct_backward_weight<T>(sizes, x.data(), dy.data(), dw.data());
    return dw;
  }
};

/// Parts of tiles, of which the last is shorter; units of channels with tails, one and several in a piece of work.
const Problem problems[] = {
    {3, 16, 32, 35, 24, 3},      // one unit, two parts
    {1, 66, 104, 106, 72, 3},    // a piece of four units, four parts
    {1, 20, 100, 103, 130, 3},   // and of three
    {2, 70, 35, 38, 66, 3},      // four pieces
    {1, 300, 15, 13, 200, 3},    // pieces of four units and of fewer
    {2, 96, 26, 27, 160, 3, 2},  // groups
    {3, 12, 26, 23, 20, 5},      // 5x5
    {1, 150, 13, 14, 135, 5},
};

}  // namespace

TEST_CASE("Winograd's gradient of the weight cuts work into parts that hold every tile once") {
  for (const Index tiles : {1, 31, 64, 159, 161, 321, 703, 2049, 25088, 1000003})
    for (const Index c : {1, 2, 3, 5, 8})
      for (const Index k : {1, 2, 3, 4, 9}) {
        INFO(tiles << " tiles, " << c << " x " << k << " units");
        const WinogradWeightCut cut(tiles, c, k);
        CHECK(cut.part_tiles * cut.parts >= tiles);
        CHECK(cut.part_tiles * (cut.parts - 1) < tiles);
        CHECK(cut.c_side * cut.k_side <= 4);
        CHECK(cut.pieces() >= (c * k + 3) / 4);
        CHECK((cut.parts == 1 || cut.parts * cut.pieces() <= 32));
      }
}

TEST_CASE("Winograd's gradient of the weight from parts of the tiles agrees with the definition") {
  for (const auto& p : problems) {
    const auto& s = p.sizes;
    INFO(s.n << "x" << s.c << "x" << s.h << "x" << s.w << " -> " << s.k << ", kernel " << s.kh);
    const auto truth = p.direct(p.x<double>(), p.dy<double>());
    CHECK(relative_error(p.winograd(p.x<float>(), p.dy<float>()), truth) < 1.5e-6);
    CHECK(relative_error(p.winograd(p.x<double>(), p.dy<double>()), truth) < 3e-15);
  }
}

TEST_CASE("Winograd's gradient of the weight has the same bits for any number of threads") {
  for (const auto& p : problems) {
    const auto x = p.x<float>(), dy = p.dy<float>();
    CHECK(test::same_for_all_thread_counts([&] { return p.winograd(x, dy); },
                                           [](const auto& a, const auto& b) { return a == b; }));
  }
}

TEST_CASE("Winograd's gradient of the weight finds NaN and infinity in every part and piece") {
  for (const auto& p : problems)
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      auto x = p.x<float>();
      const auto dy = p.dy<float>();
      x[x.size() - 1] = bad;  // the last tile's, of the last channel
      const auto got = p.winograd(x, dy), direct = p.direct(x, dy);
      CHECK(
          std::ranges::equal(got, direct, [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
      CHECK(std::ranges::any_of(got, [](float v) { return !std::isfinite(v); }));
    }
}

TEST_CASE("Winograd's gradient of the weight of no images is zero") {
  const Problem p(0, 16, 8, 8, 16, 3);
  CHECK(std::ranges::all_of(p.winograd<float>({}, {}), [](float v) { return v == 0; }));
}
