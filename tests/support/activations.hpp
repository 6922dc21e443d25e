#pragma once
// Every activation that batch_norm() and conv2d() apply to their results.

#include <vector>

#include "nasion/kernels/activation.hpp"

namespace test {

inline const std::vector<nasion::Activation> activations{nasion::Activation::none, nasion::Activation::relu,
                                                         nasion::Activation::relu6, nasion::Activation::silu,
                                                         nasion::Activation::hardswish};

}  // namespace test
