#include "nasion/core/trace.hpp"

#include "nasion/ops/activation.hpp"
#include "nasion/ops/conv2d.hpp"
#include "nasion/ops/matmul.hpp"
#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("A trace has the operations that ran, their tensors and their options") {
  const auto x = Tensorf::ones({1, 2, 5, 5}), weight = Tensorf::ones({3, 2, 3, 3});
  const NoGrad no_grad;  // of what needs no gradient, too
  relu(x);
  const Trace<float> trace;
  const auto y = conv2d(x, weight, {}, {.stride = {2, 1}, .padding = 1, .activation = Activation::relu6});
  const auto z = sum(leaky_relu(y, 0.25f), {1, -1});
  const auto& ops = trace.operations();
  const auto find = [&](const char* name) {
    const auto found =
        std::find_if(ops.begin(), ops.end(), [&](const auto& op) { return op.name == std::string(name); });
    REQUIRE(found != ops.end());
    return *found;
  };
  const auto conv = find("conv2d");
  CHECK(conv.result.same_as(y));
  REQUIRE(conv.inputs.size() == 3);
  CHECK(conv.inputs[0].same_as(x));
  CHECK(conv.inputs[1].same_as(weight));
  CHECK_FALSE(conv.inputs[2].defined());
  CHECK(conv.find("stride")->values == std::vector<double>{2, 1});
  CHECK(conv.find("padding")->values == std::vector<double>{1, 1, 1, 1});
  CHECK(conv.find("activation")->values == std::vector<double>{double(Activation::relu6)});
  CHECK(conv.find("kernel") == nullptr);
  CHECK(find("leaky_relu").find("slope")->values == std::vector<double>{0.25});
  CHECK(find("sum").find("dims")->values == std::vector<double>{1, -1});
  CHECK(find("sum").result.same_as(z));
  CHECK(std::none_of(ops.begin(), ops.end(), [](const auto& op) { return op.name == std::string("relu"); }));
}

TEST_CASE("Traces are of one thread, one type and one scope") {
  const auto x = Tensorf::ones({2, 2});
  {
    const Trace<float> outer;
    relu(x);
    {
      const Trace<float> inner;
      relu(x);
      relu(x);
      CHECK(inner.operations().size() == 2);
    }
    relu(Tensord::ones({2}));
    CHECK(outer.operations().size() == 1);
  }
  const Trace<double> other;
  relu(x);
  CHECK(other.operations().empty());
}
