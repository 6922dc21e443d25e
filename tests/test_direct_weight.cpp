#include "nasion/kernels/conv2d/direct_weight.hpp"

#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/relative_error.hpp"
#include "support/threads.hpp"

using namespace nasion;
using kernels::Conv2dSizes;
using test::random;

namespace {

struct Case {
  Index n, c, h, w, k, kernel = 1, stride = 1, padding = 0, dilation = 1, groups = 1;

  Conv2dSizes sizes() const {
    const auto results = [&](Index size) { return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1; };
    return {.n = n,
            .c = c,
            .h = h,
            .w = w,
            .k = k,
            .kh = kernel,
            .kw = kernel,
            .oh = results(h),
            .ow = results(w),
            .stride_h = stride,
            .stride_w = stride,
            .pad_h = padding,
            .pad_w = padding,
            .dilation_h = dilation,
            .dilation_w = dilation,
            .groups = groups};
  }
  friend std::ostream& operator<<(std::ostream& to, const Case& it) {
    return to << it.n << "x" << it.c << "x" << it.h << "x" << it.w << " -> " << it.k << ", kernel " << it.kernel
              << ", stride " << it.stride << ", padding " << it.padding << ", dilation " << it.dilation << ", groups "
              << it.groups;
  }
};

const Case cases[] = {
    {1, 1, 1, 1, 1},
    {1, 40, 12, 7, 24},  // a block of 84 pixels, channels of x as columns
    {1, 24, 5, 17, 40},  // one pixel more
    {2, 97, 7, 5, 17},   // more channels than are read in place
    {1, 7, 9, 9, 65},    // a tail of one channel
    {2, 6, 5, 5, 10, 1, 1, 0, 1, 2},
    {2, 6, 5, 6, 4, 1, 2},
    {2, 6, 5, 6, 4, 1, 1, 1},
    {1, 1, 20, 9, 12, 3},
    {2, 3, 13, 11, 20, 3, 2, 1},
    {1, 3, 19, 19, 8, 7, 2, 3},
    {2, 70, 6, 5, 33, 3, 1, 1},     // two pieces of channels
    {1, 75, 9, 9, 19, 3, 2, 1},     // with a stride
    {1, 66, 8, 8, 18, 3, 1, 2, 2},  // and dilated
    {1, 150, 5, 5, 10, 3, 1, 1, 1, 2},
    {1, 20, 9, 8, 5, 7, 1, 3},  // a piece of one vector of channels
    {1, 530, 2, 3, 66},
    {1, 200, 2, 2, 530},
};

/// By the definition, in double.
template <class T>
std::vector<double> reference(const Conv2dSizes& s, const T* x, const T* dy) {
  std::vector<double> dw(static_cast<std::size_t>(s.k * s.taps()));
  for (Index p = 0; p < s.n * s.pixels(); ++p)
    for (Index i = 0; i < s.kh; ++i)
      for (Index j = 0; j < s.kw; ++j) {
        const Index row = p % s.pixels() / s.ow * s.stride_h + i * s.dilation_h - s.pad_h;
        const Index column = p % s.ow * s.stride_w + j * s.dilation_w - s.pad_w;
        if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
        const T* const pixel = x + ((p / s.pixels() * s.h + row) * s.w + column) * s.c;
        for (Index k = 0; k < s.k; ++k) {
          double* const to = dw.data() + k * s.taps() + i * s.kw + j;
          const T* const group = pixel + k / s.group_k() * s.group_c();
          for (Index c = 0; c < s.group_c(); ++c) to[c * s.kh * s.kw] += double{group[c]} * double{dy[p * s.k + k]};
        }
      }
  return dw;
}

/// Elements for x and dy, and the kernel's dw.
template <class S, class T>
struct Problem {
  Conv2dSizes s;
  Tensor<T> x = random<T>({s.n * s.h * s.w, s.c}), dy = random<T>({s.n * s.pixels(), s.k}, 5);

  std::vector<T> dw() const {
    std::vector<T> to(static_cast<std::size_t>(s.k * s.taps()), T{7});
    kernels::conv2d_direct_backward_weight<S>(s, x.data(), dy.data(), to.data());
    return to;
  }
  /// The largest difference from the definition, as a part of the largest element.
  double error() const { return test::relative_error(dw(), reference(s, x.data(), dy.data())); }
};

kernels::detail::WeightCuts<float> cuts_of(const Conv2dSizes& s) {
  return {s, kernels::detail::DirectWeightGradient<float, float>::blocks(s)};
}

}  // namespace

TEST_CASE("The direct gradient of the weight is that of the definition") {
  for (const auto& c : cases) {
    INFO(c);
    CHECK(Problem<float, float>{c.sizes()}.error() < 2e-6);
    CHECK(Problem<double, double>{c.sizes()}.error() < 1e-14);
    CHECK(Problem<Bfloat16Pair, float>{c.sizes()}.error() < 0.02);
  }
}

TEST_CASE("Work on a gradient of the weight is cut by channels, columns and pixels") {
  // More than one piece of channels; range of columns; part of the pixels.
  const Case pieces{1, 600, 3, 3, 17, 2}, ranges{1, 300, 2, 2, 900, 1, 2}, parts{3, 64, 31, 30, 64},
      swapped{2, 72, 40, 40, 20}, all{3, 80, 36, 36, 80, 3, 1, 1};
  CHECK(cuts_of(pieces.sizes()).pieces() > 1);
  CHECK(cuts_of(ranges.sizes()).ranges() > 1);
  CHECK(cuts_of(parts.sizes()).parts > 1);
  CHECK(cuts_of(swapped.sizes()).swapped);
  CHECK(cuts_of(swapped.sizes()).parts > 1);
  CHECK(cuts_of(all.sizes()).parts * cuts_of(all.sizes()).pieces() > cuts_of(all.sizes()).parts);
  for (const auto& c : {pieces, ranges, parts, swapped, all}) {
    INFO(c);
    const Problem<float, float> problem{c.sizes()};
    CHECK(problem.error() < 2e-6);
    CHECK(test::same_for_all_thread_counts([&] { return problem.dw(); }, std::equal_to<>()));
  }
}

TEST_CASE("Many pixels are summed in parts that bound the error") {
  const Conv2dSizes s = Case{1, 1, 1, 84 * 600, 1}.sizes();
  CHECK(cuts_of(s).parts >= 3);
  Problem<float, float> problem{s};
  std::fill_n(detail::writable(problem.x), problem.x.size(), 0.1F);
  std::fill_n(detail::writable(problem.dy), problem.dy.size(), 1.1F);
  CHECK(problem.error() < 1e-5);
}

TEST_CASE("NaN and infinity reach the elements of the weight that see them, and no others") {
  for (const auto& c : {Case{1, 40, 12, 9, 24}, Case{1, 24, 12, 9, 40}, Case{1, 70, 9, 8, 5, 3}}) {
    INFO(c);
    const Problem<float, float> problem{c.sizes()};
    detail::writable(problem.x)[c.c * 20 + 3] = std::numeric_limits<float>::quiet_NaN();  // pixel 20, channel 3
    detail::writable(problem.dy)[problem.s.k * 7 + 2] = std::numeric_limits<float>::infinity();
    const auto dw = problem.dw();
    const auto expected = reference(problem.s, problem.x.data(), problem.dy.data());
    bool same = true;
    for (std::size_t i = 0; i < dw.size(); ++i)
      same = same && std::isnan(dw[i]) == std::isnan(expected[i]) && std::isinf(dw[i]) == std::isinf(expected[i]);
    CHECK(same);
  }
}

TEST_CASE("Without pixels or channels the gradient of the weight is zero") {
  CHECK(Problem<float, float>{Case{0, 3, 4, 4, 5}.sizes()}.dw() == std::vector<float>(15));
  CHECK(Problem<float, float>{Case{2, 3, 4, 4, 0}.sizes()}.dw().empty());
}
