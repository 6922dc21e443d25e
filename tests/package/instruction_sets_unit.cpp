// Compiled twice, with different flags: UNIT is baseline or avx2.
#include "instruction_sets.hpp"

#define JOIN(a, b) a##b
#define NAMED(prefix, unit) JOIN(prefix, unit)

using namespace nasion;

Tensorf NAMED(infer_, UNIT)(const Tensorf& x, const Tensorf& weight) {
  const NoGrad no_grad;
  return contiguous(conv2d(x, weight));
}

std::vector<float> NAMED(train_, UNIT)(const Tensorf& x, const Tensorf& weight) {
  const auto a = x.clone(), w = weight.clone();
  a.set_requires_grad();
  w.set_requires_grad();
  const auto y = conv2d(a, w, {}, {.stride = 2});
  y.backward(Tensorf::ones(y.shape()));
  const auto da = contiguous(a.grad());
  std::vector<float> all(da.values().begin(), da.values().end());
  all.insert(all.end(), w.grad().values().begin(), w.grad().values().end());
  return all;
}
