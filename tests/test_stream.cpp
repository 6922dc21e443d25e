#include "nasion/kernels/stream.hpp"

#include <numeric>

#include "nasion/ops/batch_norm.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEMPLATE_TEST_CASE("Rows arrive whole, whichever way they are written", "", float, double) {
  const Index size = GENERATE(1, Index{1} << 30);  // told, so that small results are written as large ones
  const Index width = GENERATE(16, 24, 64, 72, 640, 2049);
  const Index shift = GENERATE(0, 3);  // 3: not aligned
  const auto y = Tensor<TestType>::full({5 * width + 16}, TestType{-1});
  TestType* const begin = y.mutable_data() + shift;
  const kernels::RowWriter<TestType> rows(size, width);
  for (Index row = 0; row < 5; ++row) {
    const Index n = row < 4 ? width : width - 5;
    rows.write(n, begin + row * width,
               [&](TestType* to) { std::iota(to, to + n, static_cast<TestType>(1 + row * width)); });
  }
  rows.finish();
  Index wrong = 0;
  for (Index i = 0; i < y.size(); ++i) {
    const Index element = i - shift;
    const bool written = element >= 0 && element < 5 * width - 5;
    wrong += y.at({i}) != (written ? static_cast<TestType>(1 + element) : TestType{-1});
  }
  CHECK(wrong == 0);
}

TEST_CASE("Batch norm of a large batch gives what its images give alone") {
  // 18 MiB; channels that make rows of whole cache lines, and a last row that is none.
  for (const Shape& shape : {Shape{3, 32, 225, 225}, Shape{2, 24, 313, 313}}) {
    const auto order = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
    const auto x = test::random<float>(shape, 1, order), dy = test::random<float>(shape, 2, order);
    const auto mean = test::random<float>({shape[1]}, 3), var = square(test::random<float>({shape[1]}, 4)) + 0.5f;
    const auto run = [&](const Tensorf& images, const Tensorf& gradient) {
      const auto leaf = images.clone().set_requires_grad();
      const auto y = batch_norm(leaf, mean, var, {}, {}, {.activation = Activation::relu});
      y.backward(gradient);
      return std::pair(y.detach(), leaf.grad());
    };
    const auto all = run(x, dy);
    for (Index n = 0; n < shape[0]; ++n) {
      const auto one = run(slice(x, 0, n, n + 1), slice(dy, 0, n, n + 1));
      CHECK(test::identical(slice(all.first, 0, n, n + 1), one.first));
      CHECK(test::identical(slice(all.second, 0, n, n + 1), one.second));
    }
  }
}
