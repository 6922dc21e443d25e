#pragma once
// Matrix products of row-major matrices. Eigen multiplies, we cut.

#include <Eigen/Core>
#include <algorithm>

#include "nasion/core/parallel.hpp"

namespace nasion::kernels {

/// How a factor lies in memory: as it is used, or transposed.
enum class Factor { plain, transposed };

namespace detail {
// Below Eigen's expression `c.noalias() += a * b`, which would start threads of its own: its blocking, and so the last
// bits of its results, depend on how many. Eigen's matrices are column-major here, ours row-major: c^T += b^T a^T.
template <Factor a_is, Factor b_is, class T>
void eigen_gemm(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc) {
  namespace ei = Eigen::internal;
  constexpr int b_order = b_is == Factor::plain ? Eigen::ColMajor : Eigen::RowMajor;
  constexpr int a_order = a_is == Factor::plain ? Eigen::ColMajor : Eigen::RowMajor;
  ei::gemm_blocking_space<Eigen::ColMajor, T, T, Eigen::Dynamic, Eigen::Dynamic, Eigen::Dynamic> blocking(n, m, k, 1,
                                                                                                          true);
  ei::general_matrix_matrix_product<Eigen::Index, T, b_order, false, T, a_order, false, Eigen::ColMajor, 1>::run(
      n, m, k, b, ldb, a, lda, c, 1, ldc, T{1}, blocking, nullptr);
}
}  // namespace detail

/// c += a b on this thread.   a [m, k], b [k, n], c [m, n], each row-major with rows `ld` apart (after transposing, if
/// so).
template <Factor a_is = Factor::plain, Factor b_is = Factor::plain, class T>
void gemm(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc) {
  if (m == 0 || n == 0 || k == 0) return;
  detail::eigen_gemm<a_is, b_is>(m, n, k, a, lda, b, ldb, c, ldc);
}

/// c += a b on all threads, for one large product. The cut depends on the sizes alone.
template <Factor a_is = Factor::plain, Factor b_is = Factor::plain, class T>
void parallel_gemm(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc) {
  // About 16 blocks of c, never so small that packing the factors costs more than multiplying.
  const Index tile_n = std::max<Index>(64, (n + 7) / 8), tile_m = std::max<Index>(64, (m + 1) / 2);
  const Index columns = (n + tile_n - 1) / tile_n, rows = (m + tile_m - 1) / tile_m;
  parallel_for(rows * columns, 1, [&](Index tile, Index) {
    const Index i = tile / columns * tile_m, j = tile % columns * tile_n;
    gemm<a_is, b_is>(std::min(tile_m, m - i), std::min(tile_n, n - j), k, a + (a_is == Factor::plain ? i * lda : i),
                     lda, b + (b_is == Factor::plain ? j : j * ldb), ldb, c + i * ldc + j, ldc);
  });
}

}  // namespace nasion::kernels
