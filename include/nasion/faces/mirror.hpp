#pragma once
// A second opinion at no cost of training: what a network says of a face and of the same face in a mirror, averaged.

#include <algorithm>
#include <cstddef>
#include <span>

#include "nasion/core/autograd.hpp"
#include "nasion/core/tensor.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::faces {

/// Images [N, C, H, W] with left and right exchanged. Without a gradient. ShapeError for other ranks.
template <Real T>
Tensor<T> mirror_images(const Tensor<T>& images) {
  check<ShapeError>(images.rank() == 4, "[mirror_images] needs [N, C, H, W], got ", images.shape());
  const auto from = contiguous(images.detach());
  const auto to = Tensor<T>::empty(images.shape());
  const Index width = images.dim(3);
  T* row = to.mutable_data();
  for (const T *at = from.data(), *end = at + from.size(); at < end; at += width, row += width)
    std::reverse_copy(at, at + width, row);
  return to;
}

/// Coordinates [N, 2 K] of points in mirrored images, as parts of width and height -> of the same points in the images
/// themselves. ShapeError when there are not 2 K of them, K the size of `mirrored` (see mirrored_landmarks).
template <Real T>
Tensor<T> mirror_coordinates(const Tensor<T>& coordinates, std::span<const int> mirrored) {
  const auto count = static_cast<Index>(mirrored.size());
  check<ShapeError>(coordinates.rank() == 2 && coordinates.dim(1) == 2 * count, "[mirror_coordinates] coordinates ",
                    coordinates.shape(), " must be [N, ", 2 * count, "]");
  const auto from = contiguous(coordinates.detach());
  const auto result = Tensor<T>::empty(from.shape());
  T* to = result.mutable_data();
  for (Index n = 0; n < from.dim(0); ++n) {
    const T* face = from.data() + n * from.dim(1);
    for (const int k : mirrored) {
      *to++ = 1 - face[2 * k];
      *to++ = face[2 * k + 1];
    }
  }
  return result;
}

/// The mean of `model`'s coordinates [N, 2 K] for the images and for their mirror images, without a gradient. Errors as
/// for mirror_coordinates.
template <class Model, Real T>
Tensor<T> mirror_average(const Model& model, const Tensor<T>& images, std::span<const int> mirrored) {
  const NoGrad no_grad;
  return (model(images) + mirror_coordinates(model(mirror_images(images)), mirrored)) * T(0.5);
}

}  // namespace nasion::faces
