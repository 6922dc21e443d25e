#include "nasion/core/strided.hpp"

#include <cstring>
#include <numeric>
#include <vector>

#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace nasion;

namespace {

std::vector<double> counted(Index n) {
  std::vector<double> v(static_cast<std::size_t>(n));
  std::iota(v.begin(), v.end(), 1.0);
  return v;
}

/// Calls f(position) for each position of `shape` in row-major order.
template <class F>
void for_positions(const Shape& shape, F&& f) {
  std::array<Index, max_rank> at{};
  for (Index n = 0; n < shape.size(); ++n) {
    Index rest = n;
    for (int d = shape.rank(); d-- > 0;) {
      at[static_cast<std::size_t>(d)] = rest % shape[d];
      rest /= shape[d];
    }
    f(at);
  }
}

Index offset(const std::array<Index, max_rank>& at, const Strides& strides) {
  return std::inner_product(at.begin(), at.end(), strides.begin(), Index{0});
}

}  // namespace

TEST_CASE("Dense and broadcast strides") {
  CHECK(dense_strides({2, 3, 4}, MemoryOrder::row_major) == Strides{12, 4, 1});
  CHECK(dense_strides({2, 3, 4, 5}, MemoryOrder::channels_last) == Strides{60, 1, 15, 3});
  CHECK(dense_strides({}, MemoryOrder::row_major) == Strides{});
  CHECK(broadcast_strides({3, 1}, MemoryOrder::row_major, {2, 3, 4}) == Strides{0, 1, 0});
  CHECK(broadcast_strides({2, 3, 1, 5}, MemoryOrder::channels_last, {2, 3, 4, 5}) == Strides{15, 1, 0, 3});
}

TEST_CASE("strided_copy moves each element to its place") {
  // Large enough in one case for several pieces.
  const Shape shape = GENERATE(Shape{2, 3, 4, 5}, Shape{1, 1, 1, 1}, Shape{3, 1, 2, 1}, Shape{2, 1, 1, 7},
                               Shape{0, 3, 2, 2}, Shape{5, 64, 20, 17}, Shape{2, 21, 3, 300}, Shape{1, 270, 9, 1});
  const auto from = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
  const auto to = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
  const auto in = counted(shape.size());
  const Strides a = dense_strides(shape, from), b = dense_strides(shape, to);
  for (const int threads : {1, 3}) {
    const test::Threads use(threads);
    std::vector<double> out(in.size(), -1);
    strided_copy(shape, in.data(), a, out.data(), b);
    Index wrong = 0;
    for_positions(shape, [&](const auto& at) {
      wrong += out[static_cast<std::size_t>(offset(at, b))] != in[static_cast<std::size_t>(offset(at, a))];
    });
    CHECK(wrong == 0);
  }
}

TEST_CASE("strided_add adds each element of a part of something larger in its place") {
  const Shape whole = GENERATE(Shape{2, 3, 4, 5}, Shape{3, 2, 2, 2}, Shape{1, 70, 30, 41}, Shape{0, 3, 2, 2});
  const auto order = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
  const int axis = GENERATE(0, 1, 2, 3);
  const auto in = counted(whole.size());
  const Shape shape = whole.with(axis, std::max<Index>(0, whole[axis] - 1));
  const Strides a = dense_strides(whole, order), b = dense_strides(shape, order);
  for (const int threads : {1, 3}) {
    const test::Threads use(threads);
    std::vector<double> out(static_cast<std::size_t>(shape.size()), 0.5);
    const Index corner = whole.size() > 0 ? a[static_cast<std::size_t>(axis)] : 0;  // not the first of the axis
    strided_add(shape, in.data() + corner, a, out.data(), b);
    Index wrong = 0;
    for_positions(shape, [&](const auto& at) {
      wrong +=
          out[static_cast<std::size_t>(offset(at, b))] != in[static_cast<std::size_t>(corner + offset(at, a))] + 0.5;
    });
    CHECK(wrong == 0);
  }
}

TEST_CASE("strided_copy of a broadcast and of rank 0 and 6") {
  const auto in = counted(6);
  std::vector<double> out(24, -1);
  strided_copy({2, 3, 4}, in.data(), broadcast_strides({2, 3, 1}, MemoryOrder::row_major, {2, 3, 4}), out.data(),
               dense_strides({2, 3, 4}, MemoryOrder::row_major));
  for (std::size_t i = 0; i < 24; ++i) CHECK(out[i] == in[i / 4]);
  strided_copy(Shape{}, in.data(), {}, out.data() + 3, {});
  CHECK(out[3] == 1);
  const Shape six{2, 1, 3, 1, 2, 2};
  const auto many = counted(24);
  // Written with the dimensions reversed.
  const Strides reversed{1, 2, 2, 6, 6, 12};
  strided_copy(six, many.data(), dense_strides(six, MemoryOrder::row_major), out.data(), reversed);
  Index wrong = 0;
  for_positions(six, [&](const auto& at) {
    wrong += out[static_cast<std::size_t>(offset(at, reversed))] !=
             many[static_cast<std::size_t>(offset(at, dense_strides(six, MemoryOrder::row_major)))];
  });
  CHECK(wrong == 0);
}

TEST_CASE("strided_sum over any set of dimensions equals a plain loop") {
  const Shape shape = GENERATE(Shape{3, 4, 5, 6}, Shape{1, 7, 1, 3}, Shape{70, 3, 33, 31}, Shape{2, 40000, 1, 3},
                               Shape{1, 1, 1, 100003});
  const auto order = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
  const auto in = counted(shape.size());
  const Strides from = dense_strides(shape, order);
  for (unsigned mask = 0; mask < 16; ++mask) {
    Shape kept = shape;
    for (int d = 0; d < 4; ++d)
      if (mask >> d & 1) kept = kept.with(d, 1);
    const Strides to = broadcast_strides(kept, MemoryOrder::row_major, shape);
    std::vector<double> expected(static_cast<std::size_t>(kept.size()), 0.5);
    for_positions(shape, [&](const auto& at) {
      expected[static_cast<std::size_t>(offset(at, to))] += in[static_cast<std::size_t>(offset(at, from))];
    });
    const auto sum = [&] {
      std::vector<double> out(expected.size(), 0.5);
      strided_sum(shape, in.data(), from, out.data(), to, kept.size());
      return out;
    };
    INFO("dimensions " << mask << " of " << shape << " " << order);
    CHECK(sum() == expected);  // whole numbers: exact, unless a half is lost above 2^52, which these stay under
  }
}

TEST_CASE("strided_sum gives the same bits for any number of threads") {
  const Shape shape{40, 5, 61, 47};
  std::vector<float> in(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = 1 / static_cast<float>(i + 1);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    for (const Shape& kept : {Shape{1, 5, 1, 1}, Shape{1, 1, 1, 1}, Shape{40, 1, 1, 47}, Shape{1, 5, 61, 47}})
      CHECK(test::same_for_all_thread_counts(
          [&] {
            std::vector<float> out(static_cast<std::size_t>(kept.size()), 0);
            strided_sum(shape, in.data(), dense_strides(shape, order), out.data(),
                        broadcast_strides(kept, MemoryOrder::row_major, shape), kept.size());
            return out;
          },
          [](const auto& a, const auto& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }));
}

TEST_CASE("pairwise_sum is exact where it can be and accurate where not") {
  for (const Index n : {0, 1, 15, 16, 17, 255, 256, 257, 1000, 4099}) {
    const auto v = counted(n);
    CHECK(pairwise_sum(v.data(), n) == static_cast<double>(n * (n + 1) / 2));
  }
  const std::vector<float> tenths(1 << 22, 0.1f);
  const double exact = 0.1f * static_cast<double>(tenths.size());
  CHECK(std::abs(pairwise_sum(tenths.data(), static_cast<Index>(tenths.size())) - exact) < 1e-5 * exact);
}
