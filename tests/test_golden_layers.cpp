#include "nasion/nasion.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace nasion;
using test::compare_with_golden;
using test::Golden;

namespace {

const double rounding = 1e-12;

/// Compares f(inputs, options) with every case of a file, and counts the cases.
struct Comparison {
  Golden golden;
  std::size_t compared = 0;
  explicit Comparison(const std::string& file) : golden(file) {}

  template <class F>
  void operator()(const std::string& prefix, const std::vector<std::string>& inputs, F f, double tolerance = rounding) {
    for (const auto& name : golden.cases(prefix)) {
      const auto o = golden.integers(name + ".options");
      CHECK(compare_with_golden(
                golden, name, inputs, [&](const auto& t) { return f(t, o); }, tolerance) == "");
      ++compared;
    }
  }
};

}  // namespace

TEST_CASE("Layers as in PyTorch") {
  Comparison compare("layers");
  compare("conv1d.", {"x", "w", "b"}, [](const auto& t, const auto& o) {
    return conv1d(t[0], t[1], t[2], {.stride = o[0], .padding = o[1], .dilation = o[2], .groups = o[3]});
  });
  compare("prelu.", {"x", "w"}, [](const auto& t, const auto&) { return prelu(t[0], t[1]); });
  compare("pixel_shuffle.", {"x"}, [](const auto& t, const auto& o) { return pixel_shuffle(t[0], o[0]); });
  compare("pixel_unshuffle.", {"x"}, [](const auto& t, const auto& o) { return pixel_unshuffle(t[0], o[0]); });
  for (const auto& name : compare.golden.cases("batch_norm.")) {
    const auto part = [&](const char* what) { return compare.golden[name + what]; };
    Tensord mean, var;
    compare(name + ".", {"x", "w", "b"}, [&](const auto& t, const auto& o) {
      mean = part(".mean").clone(), var = part(".var").clone();
      return batch_norm(t[0], mean, var, t[1], t[2], {.training = o[0] == 1, .momentum = 0.3});
    });
    CHECK(test::max_difference(mean, part(".new_mean")) < rounding);
    CHECK(test::max_difference(var, part(".new_var")) < rounding);
  }
  CHECK(compare.compared == compare.golden.cases().size());
}
