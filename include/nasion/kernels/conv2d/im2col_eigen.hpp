#pragma once
// Convolution by im2col with Eigen's matrix product: including this header is what makes
// Conv2dAlgorithm::im2col_eigen work, in the whole program. CMake target nasion::eigen.
//
// Pieces of work are cut and run in parallel as those of im2col; within a piece Eigen multiplies on one thread.

#include <Eigen/Core>

#include "nasion/kernels/conv2d/im2col.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// c += a b, by the function that Eigen's `c.noalias() += a * b` ends in. That expression starts threads of its own
/// unless a macro says otherwise wherever Eigen is included, and cuts sums by their number, which changes their bits.
template <Factor a_is, Factor b_is, class T>
void eigen_product(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc) {
  if (m == 0 || n == 0 || k == 0) return;
  constexpr int rows = Eigen::RowMajor, columns = Eigen::ColMajor, any = Eigen::Dynamic;
  Eigen::internal::gemm_blocking_space<rows, T, T, any, any, any> blocking(m, n, k, /*num_threads=*/1, true);
  using Product =
      Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, a_is == Factor::plain ? rows : columns, false, T,
                                                     b_is == Factor::plain ? rows : columns, false, rows, 1>;
  Product::run(m, n, k, a, lda, b, ldb, c, 1, ldc, T{1}, blocking, nullptr);
}

template <class T>
inline constexpr Im2colProducts<T> products_of_eigen{eigen_product<Factor::plain, Factor::plain, T>,
                                                     eigen_product<Factor::plain, Factor::transposed, T>,
                                                     eigen_product<Factor::transposed, Factor::plain, T>};

/// Before main() begins.
inline const bool eigen_products_are_set = [] {
  eigen_products<float> = &products_of_eigen<float>;
  eigen_products<double> = &products_of_eigen<double>;
  return true;
}();

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
