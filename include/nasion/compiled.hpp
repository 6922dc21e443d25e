#pragma once
// Units that link the CMake target nasion::compiled (it defines NASION_COMPILED) are told here that src/compiled_*.cpp
// hold the operations, layers and optimizers for float and double, so that they need not compile them again.
// nasion/nasion.hpp includes it for them; the kernels' part is kernels/compiled.hpp.

#include "nasion/data/loader.hpp"
#include "nasion/kernels/compiled.hpp"
#include "nasion/nn/attention.hpp"
#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/nn/norm.hpp"
#include "nasion/ops/activation.hpp"
#include "nasion/ops/attention.hpp"
#include "nasion/ops/compare.hpp"
#include "nasion/ops/conv1d.hpp"
#include "nasion/ops/cross_entropy.hpp"
#include "nasion/ops/dropout.hpp"
#include "nasion/ops/grid_sample.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/ops/norm.hpp"
#include "nasion/ops/pixel_shuffle.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/prelu.hpp"
#include "nasion/ops/soft_argmax.hpp"
#include "nasion/ops/softmax.hpp"
#include "nasion/ops/sort.hpp"
#include "nasion/ops/statistics.hpp"
#include "nasion/ops/upsample.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/sgd.hpp"

// Each by its name alone, overloads by their types. tests/docs/places.py sees to it that no operation is missing.
#define NASION_COMPILED_FOR(prefix, T)                                                                             \
  prefix template class Tensor<T>;                                                                                 \
  prefix template Tensor<T> operator+(const Tensor<T>&, const Tensor<T>&);                                         \
  prefix template Tensor<T> operator+(const Tensor<T>&, std::type_identity_t<T>);                                  \
  prefix template Tensor<T> operator+(std::type_identity_t<T>, const Tensor<T>&);                                  \
  prefix template Tensor<T> operator-(const Tensor<T>&, const Tensor<T>&);                                         \
  prefix template Tensor<T> operator-(const Tensor<T>&, std::type_identity_t<T>);                                  \
  prefix template Tensor<T> operator-(std::type_identity_t<T>, const Tensor<T>&);                                  \
  prefix template Tensor<T> operator*(const Tensor<T>&, const Tensor<T>&);                                         \
  prefix template Tensor<T> operator*(const Tensor<T>&, std::type_identity_t<T>);                                  \
  prefix template Tensor<T> operator*(std::type_identity_t<T>, const Tensor<T>&);                                  \
  prefix template Tensor<T> operator/(const Tensor<T>&, const Tensor<T>&);                                         \
  prefix template Tensor<T> operator/(const Tensor<T>&, std::type_identity_t<T>);                                  \
  prefix template Tensor<T> operator/(std::type_identity_t<T>, const Tensor<T>&);                                  \
  prefix template Tensor<T> operator-(const Tensor<T>&);                                                           \
  prefix template decltype(abs<T>) abs<T>;                                                                         \
  prefix template decltype(adaptive_avg_pool2d<T>) adaptive_avg_pool2d<T>;                                         \
  prefix template decltype(adaptive_max_pool2d<T>) adaptive_max_pool2d<T>;                                         \
  prefix template decltype(add_relu<T>) add_relu<T>;                                                               \
  prefix template decltype(argmax<T>) argmax<T>;                                                                   \
  prefix template decltype(argmin<T>) argmin<T>;                                                                   \
  prefix template decltype(avg_pool2d<T>) avg_pool2d<T>;                                                           \
  prefix template decltype(batch_norm<T>) batch_norm<T>;                                                           \
  prefix template Tensor<T> bce_with_logits_loss(const Tensor<T>&, const Tensor<T>&, Reduction,                    \
                                                 std::type_identity_t<T>);                                         \
  prefix template Tensor<T> bce_with_logits_loss(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, Reduction); \
  prefix template decltype(broadcast_to<T>) broadcast_to<T>;                                                       \
  prefix template decltype(chunk<T>) chunk<T>;                                                                     \
  prefix template decltype(clamp<T>) clamp<T>;                                                                     \
  prefix template decltype(concat<T>) concat<T>;                                                                   \
  prefix template decltype(contiguous<T>) contiguous<T>;                                                           \
  prefix template decltype(conv1d<T>) conv1d<T>;                                                                   \
  prefix template decltype(conv2d<T>) conv2d<T>;                                                                   \
  prefix template decltype(conv_transpose2d<T>) conv_transpose2d<T>;                                               \
  prefix template Tensor<T> cross_entropy(const Tensor<T>&, const std::vector<Index>&, Reduction);                 \
  prefix template Tensor<T> cross_entropy(const Tensor<T>&, const IntegerArray&, const CrossEntropyOptions<T>&);   \
  prefix template Tensor<T> cross_entropy(const Tensor<T>&, const Tensor<T>&, Reduction);                          \
  prefix template Tensor<T> cross_entropy(const Tensor<T>&, const Tensor<T>&, const CrossEntropyOptions<T>&);      \
  prefix template decltype(cumsum<T>) cumsum<T>;                                                                   \
  prefix template decltype(dropout<T>) dropout<T>;                                                                 \
  prefix template decltype(dropout2d<T>) dropout2d<T>;                                                             \
  prefix template decltype(elu<T>) elu<T>;                                                                         \
  prefix template decltype(embedding<T>) embedding<T>;                                                             \
  prefix template Tensor<T> eq(const Tensor<T>&, const Tensor<T>&);                                                \
  prefix template Tensor<T> eq(const Tensor<T>&, std::type_identity_t<T>);                                         \
  prefix template decltype(exp<T>) exp<T>;                                                                         \
  prefix template decltype(flatten<T>) flatten<T>;                                                                 \
  prefix template decltype(flip<T>) flip<T>;                                                                       \
  prefix template decltype(gather<T>) gather<T>;                                                                   \
  prefix template Tensor<T> ge(const Tensor<T>&, const Tensor<T>&);                                                \
  prefix template Tensor<T> ge(const Tensor<T>&, std::type_identity_t<T>);                                         \
  prefix template decltype(gelu<T>) gelu<T>;                                                                       \
  prefix template decltype(grid_sample<T>) grid_sample<T>;                                                         \
  prefix template decltype(group_norm<T>) group_norm<T>;                                                           \
  prefix template Tensor<T> gt(const Tensor<T>&, const Tensor<T>&);                                                \
  prefix template Tensor<T> gt(const Tensor<T>&, std::type_identity_t<T>);                                         \
  prefix template decltype(hardsigmoid<T>) hardsigmoid<T>;                                                         \
  prefix template decltype(hardswish<T>) hardswish<T>;                                                             \
  prefix template decltype(huber_loss<T>) huber_loss<T>;                                                           \
  prefix template decltype(index_select<T>) index_select<T>;                                                       \
  prefix template decltype(instance_norm<T>) instance_norm<T>;                                                     \
  prefix template decltype(interpolate<T>) interpolate<T>;                                                         \
  prefix template decltype(kl_div<T>) kl_div<T>;                                                                   \
  prefix template decltype(l1_loss<T>) l1_loss<T>;                                                                 \
  prefix template decltype(layer_norm<T>) layer_norm<T>;                                                           \
  prefix template Tensor<T> le(const Tensor<T>&, const Tensor<T>&);                                                \
  prefix template Tensor<T> le(const Tensor<T>&, std::type_identity_t<T>);                                         \
  prefix template decltype(leaky_relu<T>) leaky_relu<T>;                                                           \
  prefix template decltype(linear<T>) linear<T>;                                                                   \
  prefix template decltype(log<T>) log<T>;                                                                         \
  prefix template decltype(log_softmax<T>) log_softmax<T>;                                                         \
  prefix template decltype(logsumexp<T>) logsumexp<T>;                                                             \
  prefix template Tensor<T> lt(const Tensor<T>&, const Tensor<T>&);                                                \
  prefix template Tensor<T> lt(const Tensor<T>&, std::type_identity_t<T>);                                         \
  prefix template decltype(masked_fill<T>) masked_fill<T>;                                                         \
  prefix template decltype(matmul<T>) matmul<T>;                                                                   \
  prefix template Tensor<T> max(const Tensor<T>&);                                                                 \
  prefix template Tensor<T> max(const Tensor<T>&, int, bool);                                                      \
  prefix template decltype(max_pool2d<T>) max_pool2d<T>;                                                           \
  prefix template decltype(max_pool2d_with_indices<T>) max_pool2d_with_indices<T>;                                 \
  prefix template decltype(max_unpool2d<T>) max_unpool2d<T>;                                                       \
  prefix template decltype(maximum<T>) maximum<T>;                                                                 \
  prefix template decltype(mean<T>) mean<T>;                                                                       \
  prefix template Tensor<T> min(const Tensor<T>&);                                                                 \
  prefix template Tensor<T> min(const Tensor<T>&, int, bool);                                                      \
  prefix template decltype(minimum<T>) minimum<T>;                                                                 \
  prefix template decltype(mse_loss<T>) mse_loss<T>;                                                               \
  prefix template Tensor<T> ne(const Tensor<T>&, const Tensor<T>&);                                                \
  prefix template Tensor<T> ne(const Tensor<T>&, std::type_identity_t<T>);                                         \
  prefix template decltype(nll_loss<T>) nll_loss<T>;                                                               \
  prefix template decltype(norm<T>) norm<T>;                                                                       \
  prefix template decltype(one_hot<T>) one_hot<T>;                                                                 \
  prefix template Tensor<T> pad(const Tensor<T>&, const std::vector<Index>&, const std::vector<Index>&,            \
                                std::type_identity_t<T>);                                                          \
  prefix template Tensor<T> pad(const Tensor<T>&, const std::vector<Index>&, const std::vector<Index>&, PadMode);  \
  prefix template decltype(permute<T>) permute<T>;                                                                 \
  prefix template decltype(pixel_shuffle<T>) pixel_shuffle<T>;                                                     \
  prefix template decltype(pixel_unshuffle<T>) pixel_unshuffle<T>;                                                 \
  prefix template decltype(pow<T>) pow<T>;                                                                         \
  prefix template decltype(prelu<T>) prelu<T>;                                                                     \
  prefix template decltype(relu<T>) relu<T>;                                                                       \
  prefix template decltype(relu6<T>) relu6<T>;                                                                     \
  prefix template Tensor<T> reshape(const Tensor<T>&, const Shape&);                                               \
  prefix template Tensor<T> reshape(const Tensor<T>&, std::initializer_list<Index>);                               \
  prefix template decltype(scaled_dot_product_attention<T>) scaled_dot_product_attention<T>;                       \
  prefix template decltype(selu<T>) selu<T>;                                                                       \
  prefix template decltype(sigmoid<T>) sigmoid<T>;                                                                 \
  prefix template decltype(silu<T>) silu<T>;                                                                       \
  prefix template decltype(slice<T>) slice<T>;                                                                     \
  prefix template decltype(smooth_l1_loss<T>) smooth_l1_loss<T>;                                                   \
  prefix template decltype(soft_argmax2d<T>) soft_argmax2d<T>;                                                     \
  prefix template decltype(softmax<T>) softmax<T>;                                                                 \
  prefix template decltype(softplus<T>) softplus<T>;                                                               \
  prefix template decltype(sort<T>) sort<T>;                                                                       \
  prefix template decltype(spatial_cross_entropy<T>) spatial_cross_entropy<T>;                                     \
  prefix template decltype(spatial_softmax<T>) spatial_softmax<T>;                                                 \
  prefix template std::vector<Tensor<T>> split(const Tensor<T>&, const std::vector<Index>&, int);                  \
  prefix template std::vector<Tensor<T>> split(const Tensor<T>&, Index, int);                                      \
  prefix template decltype(sqrt<T>) sqrt<T>;                                                                       \
  prefix template decltype(square<T>) square<T>;                                                                   \
  prefix template Tensor<T> squeeze(const Tensor<T>&, int);                                                        \
  prefix template Tensor<T> squeeze(const Tensor<T>&);                                                             \
  prefix template decltype(stack<T>) stack<T>;                                                                     \
  prefix template decltype(stddev<T>) stddev<T>;                                                                   \
  prefix template decltype(sum<T>) sum<T>;                                                                         \
  prefix template decltype(tanh<T>) tanh<T>;                                                                       \
  prefix template decltype(to_order<T>) to_order<T>;                                                               \
  prefix template decltype(topk<T>) topk<T>;                                                                       \
  prefix template decltype(transpose<T>) transpose<T>;                                                             \
  prefix template decltype(unsqueeze<T>) unsqueeze<T>;                                                             \
  prefix template decltype(var<T>) var<T>;                                                                         \
  prefix template decltype(where<T>) where<T>;                                                                     \
  prefix template decltype(wing_loss<T>) wing_loss<T>;                                                             \
  prefix template data::Example<T> data::stack(const std::vector<data::Example<T>>&);                              \
  prefix template decltype(nn::detail::load_state<T>) nn::detail::load_state<T>;                                   \
  prefix template void detail::multiply_add(T*, Index);                                                            \
  prefix template decltype(detail::add_scaled<T>) detail::add_scaled<T>;                                           \
  prefix template struct nn::Conv1d<T>;                                                                            \
  prefix template struct nn::Conv2d<T>;                                                                            \
  prefix template struct nn::ConvTranspose2d<T>;                                                                   \
  prefix template struct nn::Embedding<T>;                                                                         \
  prefix template struct nn::GroupNorm<T>;                                                                         \
  prefix template struct nn::InstanceNorm2d<T>;                                                                    \
  prefix template struct nn::LayerNorm<T>;                                                                         \
  prefix template struct nn::Linear<T>;                                                                            \
  prefix template struct nn::MultiheadAttention<T>;                                                                \
  prefix template struct nn::PReLU<T>;                                                                             \
  prefix template struct nn::BatchNorm1d<T>;                                                                       \
  prefix template struct nn::BatchNorm2d<T>;                                                                       \
  prefix template class optim::Adam<T>;                                                                            \
  prefix template class optim::SGD<T>

namespace nasion {

NASION_COMPILED_FOR(extern, float);
NASION_COMPILED_FOR(extern, double);
#ifdef NASION_COMPILE_FOR  // src/compiled_*.cpp
NASION_COMPILED_FOR(, NASION_COMPILE_FOR);
#endif

}  // namespace nasion

#undef NASION_COMPILED_FOR
