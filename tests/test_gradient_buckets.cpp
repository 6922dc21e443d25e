#include "nasion/distributed/gradient_buckets.hpp"

#include "support/catch.hpp"
#include "support/mpi_session.hpp"

using namespace nasion;
using namespace nasion::distributed;
using test::session;

namespace {

std::vector<Tensorf> make_parameters() {
  std::vector<Tensorf> parameters;
  for (const Index size : {3, 40, 1, 7, 500, 2}) {
    parameters.push_back(Tensorf::zeros({size}));
    parameters.back().set_requires_grad();
  }
  return parameters;
}

float rank() { return static_cast<float>(session().rank()); }

}  // namespace

TEST_CASE("Buckets have about the size that was asked for") {
  session();
  const auto parameters = make_parameters();
  CHECK(GradientBuckets<float>(parameters, session().shard(), 1).size() == 6);
  CHECK(GradientBuckets<float>(parameters, session().shard(), 100).size() == 3);  // 2 + 500, 7 + 1 + 40, 3
  CHECK(GradientBuckets<float>(parameters, session().shard(), 1 << 20).size() == 1);
  CHECK_THROWS_AS(GradientBuckets<float>(parameters, session().shard(), 0), ValueError);
}

TEST_CASE("Gradients are summed whatever the order they are completed in") {
  const float ranks = static_cast<float>(session().ranks());
  for (const Index bucket_bytes : {1, 100, 1 << 20}) {
    auto parameters = make_parameters();
    parameters[2].set_requires_grad(false);
    GradientBuckets<float> buckets(parameters, session().shard(), bucket_bytes);
    for (int step = 0; step < 2; ++step) {
      for (const auto& p : parameters) p.zero_grad();
      buckets.begin();
      // The last process has no gradient of [3], and nobody has one of [5]. Each completes another one first.
      for (std::size_t i = 0; i < 5; ++i) {
        const std::size_t at = (i + static_cast<std::size_t>(session().rank())) % 5;
        if (at == 2 || (at == 3 && session().rank() == session().ranks() - 1 && session().ranks() > 1)) continue;
        parameters[at].set_grad(Tensorf::full(parameters[at].shape(), rank() + 1));
        buckets.complete(parameters[at]);
      }
      buckets.finish();
      const float all = ranks * (ranks + 1) / 2;
      for (const std::size_t at : {0, 1, 4}) {
        CHECK(parameters[at].grad().data()[0] == all);
        CHECK(parameters[at].grad().values().back() == all);
      }
      CHECK(parameters[3].grad().data()[6] == (session().ranks() > 1 ? all - ranks : all));
      CHECK_FALSE(parameters[2].grad().defined());
      CHECK_FALSE(parameters[5].grad().defined());
    }
  }
}

TEST_CASE("What is trained does not change under way") {
  const auto parameters = make_parameters();
  GradientBuckets<float> buckets(parameters, session().shard(), 100);
  parameters[1].set_requires_grad(false);
  CHECK_THROWS_WITH(buckets.begin(), ContainsSubstring("[40] was frozen"));
}
