#include "nasion/core/bfloat16.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace nasion;

namespace {

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

/// The two numbers of a pair.
std::pair<float, float> numbers(Bfloat16Pair pair) {
  return {from_bits(pair.bits << 16), from_bits(pair.bits & 0xffff0000U)};
}

bool same(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

/// Numbers with every exponent, on both sides of what rounds up and down, and special ones.
std::vector<float> samples() {
  std::vector<float> values;
  for (std::uint32_t upper = 0; upper < 0x10000; upper += 61)
    for (const std::uint32_t lower : {0U, 1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU})
      values.push_back(from_bits(upper << 16 | lower));
  for (const float x : {0.0F, -0.0F, INFINITY, -INFINITY, from_bits(0x7f800001), from_bits(0xff800001)})
    values.push_back(x);
  return values;
}

}  // namespace

TEST_CASE("Rounding to bfloat16 takes the nearest, ties to even") {
  CHECK(round_to_bfloat16(1.0F) == 1.0F);
  CHECK(round_to_bfloat16(-3.140625F) == -3.140625F);
  const float step = std::ldexp(1.0F, -7);  // between the numbers from 1 to 2
  CHECK(round_to_bfloat16(1 + 0.49F * step) == 1);
  CHECK(round_to_bfloat16(1 + 0.51F * step) == 1 + step);
  CHECK(round_to_bfloat16(1 + 0.5F * step) == 1);
  CHECK(round_to_bfloat16(1 + 1.5F * step) == 1 + 2 * step);
  CHECK(round_to_bfloat16(-1 - 1.5F * step) == -1 - 2 * step);
  CHECK(round_to_bfloat16(std::numeric_limits<float>::max()) == INFINITY);
  CHECK(round_to_bfloat16(-INFINITY) == -INFINITY);
  CHECK(same(round_to_bfloat16(-0.0F), -0.0F));
  CHECK(same(round_to_bfloat16(-1e-40F), -0.0F));
  for (const std::uint32_t bits : {0x7fc00000U, 0x7f800001U, 0xff800001U, 0x7fffffffU, 0xffffffffU})
    CHECK(std::isnan(round_to_bfloat16(from_bits(bits))));
}

TEST_CASE("Pairs hold rounded numbers, however they are made") {
  auto values = samples();
  const auto count = static_cast<Index>(values.size());
  for (const Index some : {Index{0}, Index{1}, Index{2}, Index{31}, Index{32}, Index{33}, count}) {
    std::vector<Bfloat16Pair> pairs(static_cast<std::size_t>(some / 2 + 2), Bfloat16Pair(7, 7));
    simd::make_pairs(values.data(), some, pairs.data());
    bool right = true;
    for (Index i = 0; i < some; ++i) {
      const auto [first, second] = numbers(pairs[static_cast<std::size_t>(i / 2)]);
      right = right && same(i % 2 ? second : first, round_to_bfloat16(values[static_cast<std::size_t>(i)]));
    }
    CHECK(right);
    if (some % 2) CHECK(same(numbers(pairs[static_cast<std::size_t>(some / 2)]).second, 0));
    CHECK(numbers(pairs[static_cast<std::size_t>((some + 1) / 2)]).first == 7);  // nothing behind is written
  }
  constexpr Index lanes = simd::lanes<float>;
  values.resize(values.size() / static_cast<std::size_t>(2 * lanes) * static_cast<std::size_t>(2 * lanes));
  bool right = true;
  for (auto at = values.begin(); at != values.end(); at += 2 * lanes) {
    Bfloat16Pair both[lanes], one_by_one[lanes];
    const auto first = simd::load(&*at), second = simd::load(&*at + lanes);
    simd::store(both, simd::make_pairs(first, second));
    simd::store_element(one_by_one, first, 0);
    simd::store_element(one_by_one, second, 1);
    for (Index i = 0; i < lanes; ++i) {
      const auto [a, b] = numbers(both[i]);
      right = right && same(a, round_to_bfloat16(at[i])) && same(b, round_to_bfloat16(at[lanes + i])) &&
              both[i].bits == one_by_one[i].bits;
    }
  }
  CHECK(right);
}

TEST_CASE("Products of pairs are added in float") {
  constexpr Index lanes = simd::lanes<float>;
  simd::Vector<float> sum, a, b;
  for (Index i = 0; i < lanes; ++i) {
    const auto x = static_cast<float>(i);
    sum[i] = 1000 + x / 1024;
    a[i] = 1 + x / 128;
    b[i] = 3 - x / 64;
  }
  const auto before = sum;
  simd::add_product(sum, simd::make_pairs(a, b), simd::make_pairs(b, b));
  const auto once = sum;
  simd::add_product(sum, simd::broadcast(Bfloat16Pair(2, 0.5F)), simd::make_pairs(a, b));
  for (Index i = 0; i < lanes; ++i) {
    CHECK(once[i] == Approx(double{before[i]} + double{a[i]} * b[i] + double{b[i]} * b[i]).epsilon(1e-7));
    CHECK(sum[i] == Approx(double{once[i]} + 2 * double{a[i]} + 0.5 * double{b[i]}).epsilon(1e-7));
  }
}
