#include "nasion/ops/activation.hpp"

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

struct Activated {
  const char* name;
  Tensord (*in_double)(const Tensord&);
  Tensorf (*in_float)(const Tensorf&);
  double (*reference)(double);
};

const Activated all[] = {
    {"relu", relu<double>, relu<float>, [](double v) { return std::max(v, 0.0); }},
    {"relu6", relu6<double>, relu6<float>, [](double v) { return std::min(std::max(v, 0.0), 6.0); }},
    {"leaky_relu", [](const Tensord& x) { return leaky_relu(x, 0.2); },
     [](const Tensorf& x) { return leaky_relu(x, 0.2f); }, [](double v) { return v > 0 ? v : 0.2 * v; }},
    {"elu", [](const Tensord& x) { return elu(x, 1.5); }, [](const Tensorf& x) { return elu(x, 1.5f); },
     [](double v) { return v > 0 ? v : 1.5 * std::expm1(v); }},
    {"selu", selu<double>, selu<float>,
     [](double v) { return 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * std::expm1(v)); }},
    {"softplus", [](const Tensord& x) { return softplus(x); }, [](const Tensorf& x) { return softplus(x); },
     [](double v) { return v > 20 ? v : std::log1p(std::exp(v)); }},
    {"softplus of twice x", [](const Tensord& x) { return softplus(x, 2, 5); },
     [](const Tensorf& x) { return softplus(x, 2, 5); },
     [](double v) { return 2 * v > 5 ? v : std::log1p(std::exp(2 * v)) / 2; }},
    {"sigmoid", sigmoid<double>, sigmoid<float>, [](double v) { return 1 / (1 + std::exp(-v)); }},
    {"hardsigmoid", hardsigmoid<double>, hardsigmoid<float>,
     [](double v) { return std::min(std::max(v + 3, 0.0), 6.0) / 6; }},
    {"silu", silu<double>, silu<float>, [](double v) { return v / (1 + std::exp(-v)); }},
    {"hardswish", hardswish<double>, hardswish<float>,
     [](double v) { return v * std::min(std::max(v + 3, 0.0), 6.0) / 6; }},
    {"gelu", gelu<double>, gelu<float>, [](double v) { return v * std::erfc(-v / std::sqrt(2.0)) / 2; }},
    {"tanh", tanh<double>, tanh<float>, [](double v) { return std::tanh(v); }},
};

/// Numbers from -8 to 8, of which none is within 0.01 of a corner: they are whole numbers.
Tensord around_corners(const Shape& shape) {
  return map_elements(test::random(shape), [](double v) {
    const double wide = 4 * v, whole = std::round(wide);
    return std::abs(wide - whole) < 0.01 ? whole + 0.1 : wide;
  });
}

/// The derivative of f at `at` times dy.
template <class T, class F>
T gradient(F f, T at, T dy = 1) {
  const auto x = Tensor<T>::from({1}, {at}).set_requires_grad();
  f(x).backward(Tensor<T>::full({1}, dy));
  return x.grad().item();
}

}  // namespace

TEST_CASE("Activations: values, gradients and both memory orders") {
  for (const auto& c : all) {
    INFO(c.name);
    for (const auto& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{5, 7}, Shape{2, 3, 4, 9}}) {
      const auto x = around_corners(shape);
      const auto y = c.in_double(x);
      CHECK(y.shape() == shape);
      for (Index i = 0; i < x.size(); ++i)
        REQUIRE(y.data()[i] == Approx(c.reference(x.data()[i])).epsilon(1e-13).margin(1e-15));
      CHECK(gradcheck([&](const auto& t) { return c.in_double(t[0]); }, {x}) == "");
    }
    const auto last = to_order(around_corners({2, 3, 4, 9}), MemoryOrder::channels_last);
    CHECK(c.in_double(last).order() == MemoryOrder::channels_last);
    CHECK(test::max_difference(c.in_double(last), c.in_double(contiguous(last))) < 1e-14);
    CHECK_THROWS_WITH(c.in_double(Tensord{}), ContainsSubstring("undefined"));
  }
}

TEST_CASE("Activations in float are those in double but for rounding") {
  const auto x = around_corners({3, 5, 7, 11});
  const auto narrow = Tensorf::empty(x.shape());
  for (Index i = 0; i < x.size(); ++i) narrow.mutable_data()[i] = static_cast<float>(x.data()[i]);
  for (const auto& c : all) {
    INFO(c.name);
    const auto y = c.in_float(narrow);
    for (Index i = 0; i < x.size(); ++i) {
      const double expected = c.reference(static_cast<double>(narrow.data()[i]));
      REQUIRE(static_cast<double>(y.data()[i]) == Approx(expected).epsilon(2e-6).margin(2e-7));
    }
  }
}

TEST_CASE("An activation that an option names is the function of that name") {
  const std::pair<Activation, Tensord (*)(const Tensord&)> named[] = {{Activation::relu, relu<double>},
                                                                      {Activation::relu6, relu6<double>},
                                                                      {Activation::silu, silu<double>},
                                                                      {Activation::hardswish, hardswish<double>}};
  const auto x = around_corners({2, 3, 4, 9});
  for (const auto& [activation, f] : named) {
    const auto by_option = [activation = activation](const Tensord& v) {
      return nasion::detail::activate(v, activation);
    };
    CHECK(test::max_difference(by_option(x), f(x)) < 1e-14);
    CHECK(gradcheck([&](const auto& t) { return by_option(t[0]); }, {x}) == "");
    for (const double corner : {-3., 0., 3., 6., inf}) {
      const double expected = gradient(f, corner), got = gradient(by_option, corner);
      CHECK((std::isnan(expected) ? std::isnan(got) : got == Approx(expected)));
    }
  }
  CHECK(nasion::detail::activate(x, Activation::none).same_as(x));
}

TEST_CASE("Gradients of activations at their corners are PyTorch's") {
  CHECK(gradient(relu<double>, 0.) == 0);
  CHECK(gradient(relu6<double>, 0.) == 0);
  CHECK(gradient(relu6<double>, 3.) == 1);
  CHECK(gradient(relu6<double>, 6.) == 0);
  CHECK(gradient(hardsigmoid<double>, -3.) == 0);
  CHECK(gradient(hardsigmoid<double>, 3.) == 0);
  CHECK(gradient(hardsigmoid<double>, 0.) == 1. / 6);
  CHECK(gradient(hardswish<double>, -3.) == 0);
  CHECK(gradient(hardswish<double>, 3.) == 1);
  CHECK(gradient(selu<double>, 0.) == Approx(1.0507009873554805 * 1.6732632423543772));
  CHECK(gradient(silu<double>, 0.) == 0.5);
}

TEST_CASE("Activations of NaN and infinity are PyTorch's") {
  // torch 2.15: x = torch.full((64,), x, requires_grad=True); y = f(x); y.backward(torch.full((64,), dy)); x.grad
  for (const auto& c : all) {
    INFO(c.name);
    CHECK(std::isnan(c.in_double(Tensord::from({1}, {not_a_number})).item()));
    CHECK(std::isnan(c.in_float(Tensorf::from({1}, {NAN})).item()));
    const double largest = c.in_double(Tensord::from({1}, {inf})).item();
    const bool bounded = c.reference(1e300) < 10;
    CHECK(largest == (bounded ? c.reference(1e300) : inf));
  }
  for (const auto f : {silu<double>, hardswish<double>, gelu<double>})
    CHECK(std::isnan(f(Tensord::from({1}, {-inf})).item()));
  for (const auto f : {silu<double>, gelu<double>}) {
    CHECK(std::isnan(gradient(f, not_a_number)));
    CHECK(std::isnan(gradient(f, inf)));
  }
  CHECK(gradient(relu<float>, NAN, 1.5f) == 1.5f);
  CHECK(gradient(relu<float>, -1.f, NAN) == 0);
  CHECK(gradient(relu6<float>, NAN, 1.5f) == 1.5f);
  CHECK(gradient(relu6<float>, 7.f, NAN) == 0);
  CHECK(gradient(hardsigmoid<float>, NAN) == 0);
  CHECK(gradient(hardsigmoid<float>, 4.f, NAN) == 0);
  CHECK(std::isnan(gradient(hardswish<float>, NAN)));
  CHECK(gradient(hardswish<float>, -INFINITY, NAN) == 0);
  CHECK(gradient(hardswish<float>, INFINITY) == 1);
  CHECK(gradient([](const Tensorf& x) { return leaky_relu(x); }, NAN, 2.f) == 0.02f);
  CHECK(gradient([](const Tensorf& x) { return softplus(x); }, INFINITY) == 1);
  CHECK(std::isnan(gradient(sigmoid<float>, NAN)));
}

TEST_CASE("Activations of large numbers do not overflow") {
  const auto x = Tensorf::from({6}, {-1000.f, 1000.f, -90.f, 90.f, -3e38f, 3e38f}).set_requires_grad();
  for (const auto& c : all) {
    INFO(c.name);
    x.zero_grad();
    const auto y = c.in_float(slice(x, 0, 0, 4));
    for (const float v : y.values()) CHECK(std::isfinite(v));
    sum(y).backward();
    for (const float g : x.grad().values()) CHECK(std::isfinite(g));
  }
  CHECK(sigmoid(x).at({0}) == 0);
  CHECK(sigmoid(x).at({1}) == 1);
  CHECK(softplus(x, 1, 1e9f).at({1}) == 1000);  // not by the threshold
  CHECK(silu(x).at({0}) == 0);
  CHECK(relu6(x).at({5}) == 6);
}

TEST_CASE("Activations give the same bits for any number of threads") {
  Rng rng(1);
  const auto x = Tensorf::normal({8, 5, 61, 47}, rng, 0, 3);
  for (const auto& c : all) {
    INFO(c.name);
    CHECK(test::same_for_all_thread_counts(
        [&] {
          const auto leaf = x.detach().clone().set_requires_grad();
          const auto y = c.in_float(leaf);
          y.backward(x);
          return concat<float>({y.detach(), leaf.grad()}, 0);
        },
        [](const auto& p, const auto& q) { return test::identical(p, q); }));
  }
}
