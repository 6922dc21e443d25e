#include "nasion/core/batch_part.hpp"

#include "nasion/ops/dropout.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("Processes that share a batch draw what one would, and go on at the same place") {
  const auto x = test::random({5, 3, 2, 2});
  const auto drop_all = [](const Tensord& part, Rng& rng) {
    auto results = test::values(dropout(part, 0.5, rng));
    for (const double v : test::values(dropout2d(part, 0.3, rng))) results.push_back(v);
    return results;
  };
  Rng whole_rng(3);
  const auto whole = drop_all(x, whole_rng);
  std::vector<double> first_op, second_op;
  const std::vector<Index> cuts{0, 2, 5};
  for (std::size_t part = 0; part < 2; ++part) {
    Rng rng(3);
    const BatchPart here(cuts[part], 5 - cuts[part + 1]);
    const auto own = drop_all(contiguous(slice(x, 0, cuts[part], cuts[part + 1])), rng);
    const auto half = own.begin() + std::ssize(own) / 2;
    first_op.insert(first_op.end(), own.begin(), half);
    second_op.insert(second_op.end(), half, own.end());
    CHECK(rng.state() == whole_rng.state());
  }
  first_op.insert(first_op.end(), second_op.begin(), second_op.end());
  CHECK(first_op == whole);
  Rng rng(3);
  CHECK(drop_all(x, rng) == whole);  // nothing is left of the parts
}
