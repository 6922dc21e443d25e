// However a batch is cut into tiles: sums lose nothing, and are the same bits for any number of threads.

#include "nasion/kernels/batch_norm_tiles.hpp"

#include "nasion/ops/batch_norm.hpp"
#include "support/activations.hpp"
#include "support/batch_norm.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::Moments;
using test::moments;
using test::reference;

TEST_CASE("Large means cost no digits, many numbers few") {
  // In float; the mean is 1000 deviations away, where E[x^2] - E[x]^2 has lost all digits of the variance.
  for (const Shape& shape : {Shape{8, 3, 64, 65}, Shape{2, 64, 33, 31}}) {
    const auto x = test::random<float>(shape) + 1000.0f;
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto mean = Tensorf::zeros({shape[1]}), var = Tensorf::ones({shape[1]});
      const auto y = batch_norm(to_order(x, order), mean, var, {}, {}, {.training = true, .momentum = 1});
      const double count = static_cast<double>(shape.size() / shape[1]);
      for (Index c = 0; c < shape[1]; ++c) {
        const Moments m = moments(x, c);
        CHECK(mean.at({c}) == Approx(m.mean).epsilon(1e-6));
        CHECK(var.at({c}) == Approx(m.variance * count / (count - 1)).epsilon(1e-4));
      }
      const auto one = Tensorf::ones({shape[1]}), zero = Tensorf::zeros({shape[1]});
      // The mean itself is rounded to float: 3e-5 at 1000.
      CHECK(test::max_difference(y, reference(
                                        x, [&](Index c) { return moments(x, c); }, one, zero, 1e-5)) < 1e-4);
    }
  }
}

TEST_CASE("A number far from all others does not drown the variance") {
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    for (const Index channels : {3, 70})
      for (const Index at : {0, 5}) {
        const auto x = test::random<float>({1, channels, 40, 41});
        for (Index c = 0; c < channels; ++c) x.set({0, c, 0, at}, 1e6f);
        const auto mean = Tensorf::zeros({channels}), var = Tensorf::ones({channels});
        batch_norm(to_order(x, order), mean, var, {}, {}, {.training = true, .momentum = 1});
        for (Index c = 0; c < channels; ++c) {
          const Moments m = moments(x, c);
          CHECK(mean.at({c}) == Approx(m.mean).epsilon(1e-3));
          CHECK(var.at({c}) == Approx(m.variance * 1640 / 1639).epsilon(1e-3));
        }
      }
}

TEST_CASE("Batch normalisation gives the same bits for any number of threads") {
  for (const Shape& shape : {Shape{5, 7, 33, 31}, Shape{3, 300, 9, 7}, Shape{2, 3, 160, 150}})
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
      for (const bool training : {true, false}) {
        const auto x = test::random<float>(shape, 7, order), dy = test::random<float>(shape, 8, order);
        const auto residual = test::random<float>(shape, 9, order).set_requires_grad();
        CHECK(test::same_for_all_thread_counts(
            [&] {
              const auto leaf = x.clone().set_requires_grad();
              const auto weight = test::random<float>({shape[1]}).set_requires_grad();
              const auto mean = Tensorf::zeros({shape[1]}), var = Tensorf::ones({shape[1]});
              residual.zero_grad();
              const auto y = batch_norm(leaf, mean, var, weight, {}, {.training = training});
              y.backward(dy);
              std::vector results{y.detach()};
              for (const auto activation : test::activations) {
                const BatchNormOptions options{.training = training, .activation = activation};
                const auto z = batch_norm(leaf, mean, var, weight, {}, options, residual);
                z.backward(dy);
                batch_norm(leaf, mean, var, weight, {}, options).backward(dy);
                results.push_back(z.detach());
              }
              for (const auto& v : {leaf.grad(), weight.grad(), residual.grad(), mean, var}) results.push_back(v);
              return results;
            },
            [](const auto& p, const auto& q) {
              return std::equal(p.begin(), p.end(), q.begin(), test::identical<float>);
            }));
      }
}
