#include "nasion/kernels/conv2d/direct.hpp"

#include "nasion/ops/conv2d.hpp"
#include "support/activations.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::random;

TEST_CASE("Results that are written past the caches are those of the definition") {
  const auto x = random<float>({2, 16, 230, 150}), b = random<float>({64}, 9);  // 17 MiB of results
  for (const Index kernel : {1, 3}) {
    const auto w = random<float>({64, 16, kernel, kernel}, 8);
    for (const auto activation : test::activations) {
      INFO("kernel " << kernel << ", activation " << static_cast<int>(activation));
      const auto with = [&](Conv2dAlgorithm algorithm) {
        const NoGrad no_grad;
        return conv2d(x, w, b, {.padding = kernel / 2, .algorithm = algorithm, .activation = activation});
      };
      CHECK(test::error(with(Conv2dAlgorithm::direct), with(Conv2dAlgorithm::im2col)) < 1e-5);
    }
  }
}
