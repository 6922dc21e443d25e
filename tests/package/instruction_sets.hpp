#pragma once
#include "nasion/ops/conv2d.hpp"

// Inference and a training step of one convolution, each in a unit of its own: compiled for every processor, and for
// those with AVX2.
nasion::Tensorf infer_baseline(const nasion::Tensorf& x, const nasion::Tensorf& weight);
nasion::Tensorf infer_avx2(const nasion::Tensorf& x, const nasion::Tensorf& weight);
/// The gradients of x and weight, one after the other.
std::vector<float> train_baseline(const nasion::Tensorf& x, const nasion::Tensorf& weight);
std::vector<float> train_avx2(const nasion::Tensorf& x, const nasion::Tensorf& weight);
