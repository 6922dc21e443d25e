#pragma once
// Eigen's matrices and tensors on the same memory. CMake target nasion::eigen.

#include <memory>
#include <utility>

#include <Eigen/Core>

#include "nasion/core/tensor.hpp"

namespace nasion {

/// Row-major, as tensors are.
template <Real T>
using RowMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace detail {
template <class T>
const Tensor<T>& check_matrix(const char* op, const Tensor<T>& x) {
  check(x.rank() == 2, "[", op, "] needs a matrix [rows, columns], got ", x.shape());
  return x;
}
}  // namespace detail

/// The numbers of x [rows, columns] as a matrix for reading. A map is valid as long as a tensor holds the memory.
/// ShapeError for other ranks.
template <Real T>
Eigen::Map<const RowMatrix<T>> as_matrix(const Tensor<T>& x) {
  return {detail::check_matrix("as_matrix", x).data(), x.dim(0), x.dim(1)};
}
/// The same for writing: counts as a modification. ShapeError for other ranks.
template <Real T>
Eigen::Map<RowMatrix<T>> as_mutable_matrix(const Tensor<T>& x) {
  return {detail::check_matrix("as_mutable_matrix", x).mutable_data(), x.dim(0), x.dim(1)};
}
/// The elements of x, of any shape, the last index fastest, as a vector of x.size(); a view, while x lives. ValueError
/// for channels-last images, here and below.
template <Real T>
Eigen::Map<const Eigen::VectorX<T>> as_vector(const Tensor<T>& x) {
  return {x.data(), x.size()};
}
/// The same for writing: counts as a modification.
template <Real T>
Eigen::Map<Eigen::VectorX<T>> as_mutable_vector(const Tensor<T>& x) {
  return {x.mutable_data(), x.size()};
}

/// A tensor [rows, columns] on the memory of a row-major matrix or map (or a vector), which must outlive it and keep
/// its size. ValueError when rows do not follow one another. Eigen's matrices are column-major unless asked
/// otherwise: those go through to_tensor().
template <class Derived>
Tensor<typename Derived::Scalar> as_tensor(Eigen::MatrixBase<Derived>& matrix) {
  static_assert(Derived::IsRowMajor || Derived::IsVectorAtCompileTime,
                "a tensor is row-major: copy this matrix with to_tensor()");
  Derived& m = matrix.derived();
  const bool one_row = m.rows() == 1 || Derived::ColsAtCompileTime == 1;
  check<ValueError>(m.innerStride() == 1 && (one_row || m.outerStride() == m.cols()), "[as_tensor] the matrix of ",
                    m.rows(), " rows and ", m.cols(), " columns has gaps in its memory; to_tensor() copies it");
  return Tensor<typename Derived::Scalar>::from_external(m.data(), {m.rows(), m.cols()});
}

/// The values of any matrix or expression, computed into a new tensor [rows, columns].
template <class Derived>
Tensor<typename Derived::Scalar> to_tensor(const Eigen::MatrixBase<Derived>& matrix) {
  using T = typename Derived::Scalar;
  const auto x = Tensor<T>::empty({matrix.rows(), matrix.cols()});
  Eigen::Map<RowMatrix<T>>(detail::writable(x), matrix.rows(), matrix.cols()) = matrix;
  return x;
}
/// Matrix of N rows, C columns -> [N, C]. The matrix itself becomes the memory of the tensor: nothing is copied.
template <Real T>
Tensor<T> to_tensor(RowMatrix<T>&& matrix) {
  const auto owner = std::make_shared<RowMatrix<T>>(std::move(matrix));
  return Tensor<T>::from_external(owner->data(), {owner->rows(), owner->cols()}, MemoryOrder::row_major,
                                  [owner](T*) {});
}

}  // namespace nasion
