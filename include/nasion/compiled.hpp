#pragma once
// Units that link the CMake target nasion::compiled (it defines NASION_COMPILED) are told here that src/compiled_*.cpp
// hold the operations, layers and optimizers for float and double, so that they need not compile them again.
// nasion/nasion.hpp includes it for them; the kernels' part is kernels/compiled.hpp.

#include "nasion/data/loader.hpp"
#include "nasion/kernels/compiled.hpp"
#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/ops/dropout.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/soft_argmax.hpp"
#include "nasion/ops/softmax.hpp"
#include "nasion/ops/upsample.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/sgd.hpp"

#define NASION_UNARY(prefix, name, T) prefix template Tensor<T> name(const Tensor<T>&)
#define NASION_BINARY(prefix, name, T) prefix template Tensor<T> name(const Tensor<T>&, const Tensor<T>&)
#define NASION_WITH_NUMBER(prefix, name, T) prefix template Tensor<T> name(const Tensor<T>&, std::type_identity_t<T>)
#define NASION_LOSS(prefix, name, T) prefix template Tensor<T> name(const Tensor<T>&, const Tensor<T>&, Reduction)

#define NASION_COMPILED_FOR(prefix, T)                                                                              \
  prefix template class Tensor<T>;                                                                                  \
  NASION_BINARY(prefix, operator+, T);                                                                              \
  NASION_BINARY(prefix, operator-, T);                                                                              \
  NASION_BINARY(prefix, operator*, T);                                                                              \
  NASION_BINARY(prefix, operator/, T);                                                                              \
  NASION_BINARY(prefix, maximum, T);                                                                                \
  NASION_BINARY(prefix, minimum, T);                                                                                \
  NASION_BINARY(prefix, add_relu, T);                                                                               \
  NASION_WITH_NUMBER(prefix, operator+, T);                                                                         \
  NASION_WITH_NUMBER(prefix, operator-, T);                                                                         \
  NASION_WITH_NUMBER(prefix, operator*, T);                                                                         \
  NASION_WITH_NUMBER(prefix, operator/, T);                                                                         \
  NASION_WITH_NUMBER(prefix, pow, T);                                                                               \
  NASION_WITH_NUMBER(prefix, leaky_relu, T);                                                                        \
  NASION_WITH_NUMBER(prefix, elu, T);                                                                               \
  NASION_UNARY(prefix, operator-, T);                                                                               \
  NASION_UNARY(prefix, exp, T);                                                                                     \
  NASION_UNARY(prefix, log, T);                                                                                     \
  NASION_UNARY(prefix, sqrt, T);                                                                                    \
  NASION_UNARY(prefix, square, T);                                                                                  \
  NASION_UNARY(prefix, abs, T);                                                                                     \
  NASION_UNARY(prefix, relu, T);                                                                                    \
  NASION_UNARY(prefix, sigmoid, T);                                                                                 \
  NASION_UNARY(prefix, tanh, T);                                                                                    \
  NASION_UNARY(prefix, contiguous, T);                                                                              \
  NASION_UNARY(prefix, max, T);                                                                                     \
  NASION_UNARY(prefix, min, T);                                                                                     \
  NASION_UNARY(prefix, spatial_softmax, T);                                                                         \
  NASION_UNARY(prefix, soft_argmax2d, T);                                                                           \
  NASION_BINARY(prefix, matmul, T);                                                                                 \
  NASION_LOSS(prefix, mse_loss, T);                                                                                 \
  NASION_LOSS(prefix, l1_loss, T);                                                                                  \
  NASION_LOSS(prefix, cross_entropy, T);                                                                            \
  NASION_LOSS(prefix, spatial_cross_entropy, T);                                                                    \
  prefix template Tensor<T> smooth_l1_loss(const Tensor<T>&, const Tensor<T>&, Reduction, std::type_identity_t<T>); \
  prefix template Tensor<T> wing_loss(const Tensor<T>&, const Tensor<T>&, Reduction, std::type_identity_t<T>,       \
                                      std::type_identity_t<T>);                                                     \
  prefix template Tensor<T> bce_with_logits_loss(const Tensor<T>&, const Tensor<T>&, Reduction,                     \
                                                 std::type_identity_t<T>);                                          \
  prefix template Tensor<T> bce_with_logits_loss(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, Reduction);  \
  prefix template Tensor<T> cross_entropy(const Tensor<T>&, const std::vector<Index>&, Reduction);                  \
  prefix template Tensor<T> clamp(const Tensor<T>&, std::type_identity_t<T>, std::type_identity_t<T>);              \
  prefix template Tensor<T> to_order(const Tensor<T>&, MemoryOrder);                                                \
  prefix template Tensor<T> reshape(const Tensor<T>&, std::initializer_list<Index>);                                \
  prefix template Tensor<T> reshape(const Tensor<T>&, const Shape&);                                                \
  prefix template Tensor<T> flatten(const Tensor<T>&, int);                                                         \
  prefix template Tensor<T> permute(const Tensor<T>&, const std::vector<int>&);                                     \
  prefix template Tensor<T> transpose(const Tensor<T>&, int, int);                                                  \
  prefix template Tensor<T> pad(const Tensor<T>&, const std::vector<Index>&, const std::vector<Index>&,             \
                                std::type_identity_t<T>);                                                           \
  prefix template Tensor<T> slice(const Tensor<T>&, int, Index, Index);                                             \
  prefix template Tensor<T> concat(const std::vector<Tensor<T>>&, int);                                             \
  prefix template Tensor<T> broadcast_to(const Tensor<T>&, const Shape&);                                           \
  prefix template Tensor<T> sum(const Tensor<T>&, const Dims&, bool);                                               \
  prefix template Tensor<T> mean(const Tensor<T>&, const Dims&, bool);                                              \
  prefix template std::vector<Index> argmax(const Tensor<T>&, int);                                                 \
  prefix template Tensor<T> max(const Tensor<T>&, int, bool);                                                       \
  prefix template Tensor<T> min(const Tensor<T>&, int, bool);                                                       \
  prefix template Tensor<T> log_softmax(const Tensor<T>&, int);                                                     \
  prefix template Tensor<T> softmax(const Tensor<T>&, int);                                                         \
  prefix template Tensor<T> interpolate(const Tensor<T>&, const InterpolateOptions&);                               \
  prefix template Tensor<T> dropout(const Tensor<T>&, double, Rng&);                                                \
  prefix template Tensor<T> dropout2d(const Tensor<T>&, double, Rng&);                                              \
  prefix template Tensor<T> max_pool2d(const Tensor<T>&, const PoolOptions&);                                       \
  prefix template Tensor<T> avg_pool2d(const Tensor<T>&, const PoolOptions&);                                       \
  prefix template Tensor<T> adaptive_max_pool2d(const Tensor<T>&, const Size2&);                                    \
  prefix template Tensor<T> adaptive_avg_pool2d(const Tensor<T>&, const Size2&);                                    \
  prefix template Tensor<T> linear(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&);                           \
  prefix template Tensor<T> conv2d(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, const Conv2dOptions&);     \
  prefix template Tensor<T> conv_transpose2d(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,                  \
                                             const ConvTranspose2dOptions&);                                        \
  prefix template Tensor<T> batch_norm(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,      \
                                       const Tensor<T>&, const BatchNormOptions&, const Tensor<T>&);                \
  prefix template void detail::multiply_add(T*, Index);                                                             \
  prefix template void detail::add_scaled(T*, const T*, const T*, Index);                                           \
  prefix template data::Example<T> data::stack(const std::vector<data::Example<T>>&);                               \
  prefix template void nn::detail::load_state(const nn::Visitor<T>&, const nn::StateDict<T>&, FirstFew);            \
  prefix template struct nn::Conv2d<T>;                                                                             \
  prefix template struct nn::ConvTranspose2d<T>;                                                                    \
  prefix template struct nn::Linear<T>;                                                                             \
  prefix template struct nn::BatchNorm2d<T>;                                                                        \
  prefix template class optim::Adam<T>;                                                                             \
  prefix template class optim::SGD<T>

namespace nasion {

NASION_COMPILED_FOR(extern, float);
NASION_COMPILED_FOR(extern, double);

}  // namespace nasion
