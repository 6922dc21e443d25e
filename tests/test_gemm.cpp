#include "nasion/kernels/gemm.hpp"

#include <cstring>

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using kernels::Factor;
using kernels::Into;

namespace {

template <class T>
std::vector<T> numbers(Index n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<T> v(static_cast<std::size_t>(n));
  for (auto& x : v) x = static_cast<T>(rng.uniform(-1, 1));
  return v;
}

/// Largest error of c += a b, or c = a b, with 3 unused numbers between the rows; those must stay.
template <Factor a_is, Factor b_is, class T>
double gemm_error(Index m, Index n, Index k, bool parallel, Into into = Into::sum) {
  constexpr bool a_plain = a_is == Factor::plain, b_plain = b_is == Factor::plain;
  const Index lda = (a_plain ? k : m) + 3, ldb = (b_plain ? n : k) + 3, ldc = n + 3;
  const auto a = numbers<T>((a_plain ? m : k) * lda, 1), b = numbers<T>((b_plain ? k : n) * ldb, 2);
  auto c = numbers<T>(m * ldc, 3);
  const auto before = c;
  if (parallel)
    kernels::parallel_gemm<a_is, b_is>(m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc, into);
  else
    kernels::gemm<a_is, b_is>(m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc, into);
  double error = 0;
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < ldc; ++j) {
      double expected = into == Into::fresh && j < n ? 0 : before[static_cast<std::size_t>(i * ldc + j)];
      for (Index l = 0; j < n && l < k; ++l)
        expected += double{a[static_cast<std::size_t>(a_plain ? i * lda + l : l * lda + i)]} *
                    double{b[static_cast<std::size_t>(b_plain ? l * ldb + j : j * ldb + l)]};
      error = std::max(error, std::abs(expected - double{c[static_cast<std::size_t>(i * ldc + j)]}));
    }
  return error;
}

}  // namespace

TEST_CASE("gemm adds the product, plain or transposed") {
  struct Size {
    Index m, n, k;
  };
  for (const auto [m, n, k] : {Size{1, 1, 1}, Size{5, 7, 3}, Size{17, 33, 65}, Size{130, 70, 300}, Size{2, 200, 9},
                               Size{20, 100, 400}, Size{3, 11, 2100}, Size{0, 3, 2}, Size{3, 0, 2}, Size{3, 4, 0}})
    for (const bool parallel : {false, true}) {
      INFO(m << " x " << n << " x " << k << (parallel ? " parallel" : ""));
      CHECK(gemm_error<Factor::plain, Factor::plain, double>(m, n, k, parallel) < 1e-12);
      CHECK(gemm_error<Factor::transposed, Factor::plain, double>(m, n, k, parallel) < 1e-12);
      CHECK(gemm_error<Factor::plain, Factor::transposed, double>(m, n, k, parallel) < 1e-12);
      CHECK(gemm_error<Factor::transposed, Factor::transposed, double>(m, n, k, parallel) < 1e-12);
      // 2100 terms in float; 2e-5 is enough for the shorter sums.
      CHECK(gemm_error<Factor::plain, Factor::transposed, float>(m, n, k, parallel) < (k > 1000 ? 5e-5 : 2e-5));
      CHECK(gemm_error<Factor::plain, Factor::plain, double>(m, n, k, parallel, Into::fresh) < 1e-12);
      CHECK(gemm_error<Factor::plain, Factor::transposed, double>(m, n, k, parallel, Into::fresh) < 1e-12);
    }
}

TEST_CASE("parallel_gemm gives the same bits for any number of threads") {
  const Index m = 190, n = 530, k = 700;
  const auto a = numbers<float>(m * k, 1), b = numbers<float>(k * n, 2);
  CHECK(test::same_for_all_thread_counts(
      [&] {
        std::vector<float> c(static_cast<std::size_t>(m * n), 0);
        kernels::parallel_gemm(m, n, k, a.data(), k, b.data(), n, c.data(), n);
        return c;
      },
      [](const auto& p, const auto& q) { return std::memcmp(p.data(), q.data(), p.size() * sizeof(float)) == 0; }));
}
