#pragma once
// Matrix products of row-major matrices. Tiles of the result are summed up in registers, straight from the factors:
// these are packed only where rows of b are no whole vectors.

#include <algorithm>
#include <type_traits>

#include "nasion/core/strided.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// How a factor lies in memory: as it is used, or transposed.
enum class Factor { plain, transposed };

/// Whether a product is added to what is there, or takes its place.
enum class Into { sum, fresh };

namespace detail {

/// Calls f(integral_constant of rows) for 1 <= rows <= most: register tiles need their size as a constant.
template <Index most, class F>
void with_rows(Index rows, F&& f) {
  if constexpr (most > 1)
    if (rows < most) return with_rows<most - 1>(rows, f);
  f(std::integral_constant<Index, most>());
}

/// Whether tiles are cut for the 32 registers of AVX-512 and Arm, or the 16 of AVX2 and SSE.
inline constexpr bool many_registers = simd::register_count >= 32;

// Elements of a times rows of b: c[i, j] += a[i, l] b[l, j], in vectors along j.

/// The register tile: rows x vectors of c. Each vector of b that is loaded serves all rows.
template <Index rows, Index vectors, class T>
void row_tile(Index k, const T* a, Index a_row, Index a_stride, const T* b, Index ldb, T* c, Index ldc, Into into) {
  constexpr Index lanes = simd::lanes<T>;
  simd::Vector<T> sum[rows][vectors];
  for (Index i = 0; i < rows; ++i)
    for (Index v = 0; v < vectors; ++v)
      sum[i][v] = into == Into::fresh ? simd::Vector<T>{} : simd::load(c + i * ldc + v * lanes);
  for (Index l = 0; l < k; ++l) {
    simd::Vector<T> factor[vectors];
    for (Index v = 0; v < vectors; ++v) factor[v] = simd::load(b + l * ldb + v * lanes);
    // Elements of a are broadcast, with AVX-512 from memory within the multiplication.
    for (Index i = 0; i < rows; ++i)
      for (Index v = 0; v < vectors; ++v) sum[i][v] += a[i * a_row + l * a_stride] * factor[v];
  }
  for (Index i = 0; i < rows; ++i)
    for (Index v = 0; v < vectors; ++v) simd::store(c + i * ldc + v * lanes, sum[i][v]);
}

/// c (+)= a b, where a[i, l] is at a[i a_row + l a_stride].
template <Factor b_is, class T>
void row_gemm(Index m, Index n, Index k, const T* a, Index a_row, Index a_stride, const T* b, Index ldb, T* c,
              Index ldc, Into into) {
  // 8 x 3 sums, 3 vectors of b and an element of a are 28 of 32 registers; 4 x 3, 3 and 1 are all of 16.
  constexpr Index lanes = simd::lanes<T>, most = 3 * lanes, rows = many_registers ? 8 : 4;
  // Rows of b at a time. A panel of 192 x 3 vectors is 36 KiB with AVX-512, of an L1 of 48, and 18 KiB with AVX2, of
  // 32: it stays there while all rows of a pass.
  constexpr Index depth = 192;
  T panel[depth * most];  // of b, packed where the tiles cannot read it in place: transposed, or less than a vector
  T tail_of_c[rows * lanes] = {};
  const auto tiles = [&](auto vectors, Index count, const T* a_block, const T* b_panel, Index stride, T* c_block,
                         Into mode) {
    for (Index i = 0; i < m; i += rows)
      with_rows<rows>(std::min(rows, m - i), [&](auto r) {
        row_tile<r(), vectors()>(count, a_block + i * a_row, a_row, a_stride, b_panel, stride, c_block + i * ldc, ldc,
                                 mode);
      });
  };
  // As Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), without packing a.
  // Panels of b outermost, rows of a innermost: a panel is packed once and read from L1 m / rows times.
  for (Index begin = 0; begin < k; begin += depth) {
    const Index count = std::min(depth, k - begin);
    const T* a_block = a + begin * a_stride;
    const Into mode = begin == 0 ? into : Into::sum;
    for (Index j = 0, width = most; j < n; j += width) {
      width = n - j >= most ? most : std::min(lanes, n - j);
      const T* b_panel = b + begin * ldb + j;
      Index stride = ldb;
      if (b_is == Factor::transposed || width < lanes) {
        stride = std::max(width, lanes);
        if (width < lanes) std::fill_n(panel, count * stride, T{0});
        if (b_is == Factor::transposed)
          nasion::detail::transpose(width, count, b + j * ldb + begin, ldb, panel, stride);
        else
          for (Index l = 0; l < count; ++l) std::copy_n(b_panel + l * ldb, width, panel + l * stride);
        b_panel = panel;
      }
      if (width == most)
        tiles(std::integral_constant<Index, 3>(), count, a_block, b_panel, stride, c + j, mode);
      else if (width == lanes)
        tiles(std::integral_constant<Index, 1>(), count, a_block, b_panel, stride, c + j, mode);
      else
        for (Index i = 0; i < m; i += rows)
          with_rows<rows>(std::min(rows, m - i), [&](auto r) {
            T* dst = c + i * ldc + j;  // columns that are less than a vector pass through a padded copy
            for (Index q = 0; q < r(); ++q) std::copy_n(dst + q * ldc, width, tail_of_c + q * lanes);
            row_tile<r(), 1>(count, a_block + i * a_row, a_row, a_stride, b_panel, stride, tail_of_c, lanes, mode);
            for (Index q = 0; q < r(); ++q) std::copy_n(tail_of_c + q * lanes, width, dst + q * ldc);
          });
    }
  }
}

// Rows of a times rows of b: c[i, j] += sum over l of a[i, l] b[j, l], in vectors along l.

/// The register tile: rows x columns of c, each a vector of partial sums that is added up at the end. Nothing is
/// packed, which pays when b is used for few rows only.
template <Index rows, Index columns, class T>
void dot_tile(Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc, Into into) {
  constexpr Index lanes = simd::lanes<T>;
  simd::Vector<T> sum[rows][columns] = {};
  Index l = 0;
  for (; l + lanes <= k; l += lanes) {
    simd::Vector<T> left[rows];
    for (Index i = 0; i < rows; ++i) left[i] = simd::load(a + i * lda + l);
    for (Index j = 0; j < columns; ++j) {
      const simd::Vector<T> right = simd::load(b + j * ldb + l);
      for (Index i = 0; i < rows; ++i) sum[i][j] += left[i] * right;
    }
  }
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      T total = simd::sum<T>(sum[i][j]);
      for (Index r = l; r < k; ++r)  // the tail, less than a vector
        total += a[i * lda + r] * b[j * ldb + r];
      T& dst = c[i * ldc + j];
      dst = into == Into::fresh ? total : dst + total;
    }
}

/// c (+)= a b, for plain a and transposed b.
template <class T>
void dot_gemm(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc, Into into) {
  // 4 x 6 sums, 4 vectors of a and one of b are 29 of 32 registers; 3 x 3, 3 and 1 are 13 of 16. Ten rows of 1024
  // floats are 40 KiB of an L1 of 48; six are 24 KiB of 32.
  constexpr Index rows = many_registers ? 4 : 3, columns = many_registers ? 6 : 3, depth = 1024;
  for (Index begin = 0; begin < k; begin += depth)
    for (Index j = 0; j < n; j += columns)
      with_rows<columns>(std::min(columns, n - j), [&](auto q) {
        for (Index i = 0; i < m; i += rows)
          with_rows<rows>(std::min(rows, m - i), [&](auto r) {
            dot_tile<r(), q()>(std::min(depth, k - begin), a + i * lda + begin, lda, b + j * ldb + begin, ldb,
                               c + i * ldc + j, ldc, begin == 0 ? into : Into::sum);
          });
      });
}

}  // namespace detail

/// c += a b, or c = a b, on this thread.   a [m, k], b [k, n], c [m, n], each row-major with rows `ld` apart (after
/// transposing, if so).
template <Factor a_is = Factor::plain, Factor b_is = Factor::plain, class T>
void gemm(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc,
          Into into = Into::sum) {
  if (m == 0 || n == 0) return;
  if (k == 0 && into == Into::fresh)
    for (Index i = 0; i < m; ++i) std::fill_n(c + i * ldc, n, T{0});
  if (a_is == Factor::plain && b_is == Factor::transposed && m < 16)  // too few rows to pay for transposing b
    return detail::dot_gemm(m, n, k, a, lda, b, ldb, c, ldc, into);
  // Where there is little to sum up, writing c takes the time: 8 rows at a time then, each written as a whole.
  const Index strip = b_is == Factor::plain && k <= 32 ? 8 : m;
  const Index a_row = a_is == Factor::plain ? lda : 1, a_stride = a_is == Factor::plain ? 1 : lda;
  for (Index i = 0; i < m; i += strip)
    detail::row_gemm<b_is>(std::min(strip, m - i), n, k, a + i * a_row, a_row, a_stride, b, ldb, c + i * ldc, ldc,
                           into);
}

/// The same on all threads, for one large product. The cut depends on the sizes alone.
template <Factor a_is = Factor::plain, Factor b_is = Factor::plain, class T>
void parallel_gemm(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc,
                   Into into = Into::sum) {
  // About 16 blocks of c, of whole tiles (48 = 3 vectors of AVX-512). A product of less than 2^18 multiplications, some
  // ten microseconds, in one piece: starting threads would take as long.
  const bool small = m * n <= (Index{1} << 18) / std::max<Index>(1, k);
  const Index tile_n = small ? n : std::max<Index>(48, (n + 8 * 48 - 1) / (8 * 48) * 48);
  const Index tile_m = small ? m : std::max<Index>(64, (m + 15) / 16 * 8);
  const Index columns = n == 0 ? 0 : (n + tile_n - 1) / tile_n, rows = m == 0 ? 0 : (m + tile_m - 1) / tile_m;
  parallel_for(rows * columns, 1, [&](Index tile, Index) {
    const Index i = tile / columns * tile_m, j = tile % columns * tile_n;
    gemm<a_is, b_is>(std::min(tile_m, m - i), std::min(tile_n, n - j), k, a + (a_is == Factor::plain ? i * lda : i),
                     lda, b + (b_is == Factor::plain ? j : j * ldb), ldb, c + i * ldc + j, ldc, into);
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
