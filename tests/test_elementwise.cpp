#include "nasion/ops/elementwise.hpp"

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;
using test::values;
using Vector = std::vector<double>;

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

/// Positive numbers, away from 0.
Tensord positive(const Shape& shape) {
  Rng rng(3);
  return Tensord::uniform(shape, rng, 0.5, 2);
}

using Binary = Tensord (*)(const Tensord&, const Tensord&);
struct BinaryCase {
  const char* name;
  Binary op;
  double (*reference)(double, double);
};
const BinaryCase binary_cases[] = {
    {"add", [](const Tensord& a, const Tensord& b) { return a + b; }, [](double a, double b) { return a + b; }},
    {"sub", [](const Tensord& a, const Tensord& b) { return a - b; }, [](double a, double b) { return a - b; }},
    {"mul", [](const Tensord& a, const Tensord& b) { return a * b; }, [](double a, double b) { return a * b; }},
    {"div", [](const Tensord& a, const Tensord& b) { return a / b; }, [](double a, double b) { return a / b; }},
    {"maximum", [](const Tensord& a, const Tensord& b) { return maximum(a, b); },
     [](double a, double b) { return std::max(a, b); }},
    {"minimum", [](const Tensord& a, const Tensord& b) { return minimum(a, b); },
     [](double a, double b) { return std::min(a, b); }},
    {"add_relu", [](const Tensord& a, const Tensord& b) { return add_relu(a, b - 2.5); },
     [](double a, double b) { return std::max(a + (b - 2.5), 0.0); }},
};

struct UnaryCase {
  const char* name;
  Tensord (*op)(const Tensord&);
  double (*reference)(double);
};
const UnaryCase unary_cases[] = {
    {"add number", [](const Tensord& x) { return x + 2.5; }, [](double v) { return v + 2.5; }},
    {"number add", [](const Tensord& x) { return 2 + x; }, [](double v) { return 2 + v; }},
    {"sub number", [](const Tensord& x) { return x - 2.5; }, [](double v) { return v - 2.5; }},
    {"number sub", [](const Tensord& x) { return 2.5 - x; }, [](double v) { return 2.5 - v; }},
    {"mul number", [](const Tensord& x) { return x * -3; }, [](double v) { return v * -3; }},
    {"number mul", [](const Tensord& x) { return 3 * x; }, [](double v) { return 3 * v; }},
    {"div number", [](const Tensord& x) { return x / 7; }, [](double v) { return v / 7; }},
    {"number div", [](const Tensord& x) { return 7 / x; }, [](double v) { return 7 / v; }},
    {"negate", [](const Tensord& x) { return -x; }, [](double v) { return -v; }},
    {"exp", [](const Tensord& x) { return exp(x); }, [](double v) { return std::exp(v); }},
    {"log", [](const Tensord& x) { return log(x); }, [](double v) { return std::log(v); }},
    {"sqrt", [](const Tensord& x) { return sqrt(x); }, [](double v) { return std::sqrt(v); }},
    {"square", [](const Tensord& x) { return square(x); }, [](double v) { return v * v; }},
    {"pow", [](const Tensord& x) { return pow(x, 2.5); }, [](double v) { return std::pow(v, 2.5); }},
    {"pow 0", [](const Tensord& x) { return pow(x, 0) + x * 0; }, [](double) { return 1.0; }},
    {"abs", [](const Tensord& x) { return abs(x - 1); }, [](double v) { return std::abs(v - 1); }},
    {"clamp", [](const Tensord& x) { return clamp(x, 0.8, 1.5); }, [](double v) { return std::clamp(v, 0.8, 1.5); }},
    {"relu", [](const Tensord& x) { return relu(x - 1); }, [](double v) { return std::max(v - 1, 0.0); }},
    {"leaky_relu", [](const Tensord& x) { return leaky_relu(x - 1, 0.2); },
     [](double v) { return v > 1 ? v - 1 : 0.2 * (v - 1); }},
    {"elu", [](const Tensord& x) { return elu(x - 1, 1.5); },
     [](double v) { return v > 1 ? v - 1 : 1.5 * std::expm1(v - 1); }},
    {"sigmoid", [](const Tensord& x) { return sigmoid(x); }, [](double v) { return 1 / (1 + std::exp(-v)); }},
    {"tanh", [](const Tensord& x) { return tanh(x); }, [](double v) { return std::tanh(v); }},
};

}  // namespace

TEST_CASE("Binary operations: values, broadcasting, gradients and both memory orders") {
  for (const auto& c : binary_cases) {
    INFO(c.name);
    const auto a = positive({2, 3, 2, 3}), b = positive({1, 3, 1, 1}) * 1.01, same = positive({2, 3, 2, 3}) * 0.7 + 0.3;
    const auto y = c.op(a, b), z = c.op(a, same);
    for (Index n = 0; n < 2; ++n)
      for (Index k = 0; k < 3; ++k)
        for (Index i = 0; i < 2; ++i)
          for (Index j = 0; j < 3; ++j) {
            REQUIRE(y.at({n, k, i, j}) == c.reference(a.at({n, k, i, j}), b.at({0, k, 0, 0})));
            REQUIRE(z.at({n, k, i, j}) == c.reference(a.at({n, k, i, j}), same.at({n, k, i, j})));
          }
    const auto f = [&](const auto& t) { return c.op(t[0], t[1]); };
    CHECK(gradcheck(f, {a, same}) == "");
    CHECK(gradcheck(f, {a, b}) == "");
    CHECK(gradcheck(f, {b, a}) == "");
    CHECK(gradcheck(f, {positive({3, 1}), positive({2, 1, 4}) * 0.9}) == "");
    CHECK(gradcheck(f, {positive({2, 3}), Tensord::scalar(1.234)}) == "");
    CHECK(gradcheck(f, {positive({1, 1, 1, 1}), positive({2, 2, 1, 3}) + 0.01}) == "");
    CHECK(c.op(Tensord::zeros({0, 3}), positive({1, 3})).shape() == Shape{0, 3});
    CHECK_THROWS_WITH(c.op(positive({2, 3}), positive({2, 4})), ContainsSubstring(message("[", c.name, "]")) &&
                                                                    ContainsSubstring("[2, 3]") &&
                                                                    ContainsSubstring("[2, 4]"));
  }
}

TEST_CASE("Unary operations: values, gradients and both memory orders") {
  for (const auto& c : unary_cases) {
    INFO(c.name);
    const auto x = positive({2, 3, 2, 3});
    const auto y = c.op(x);
    for (Index i = 0; i < x.size(); ++i) REQUIRE(y.data()[i] == Approx(c.reference(x.data()[i])).epsilon(1e-14));
    CHECK(gradcheck([&](const auto& t) { return c.op(t[0]); }, {x}) == "");
    CHECK(c.op(Tensord::zeros({0, 2})).shape() == Shape{0, 2});
    CHECK(c.op(to_order(x, MemoryOrder::channels_last)).order() == MemoryOrder::channels_last);
  }
}

TEST_CASE("Elementwise operations in float") {
  Rng rng(1);
  const auto x = Tensorf::uniform({3, 5}, rng, -1, 1);
  const auto y = tanh(x * 2 + 1) / (abs(x) + 0.5f) - 1;
  for (Index i = 0; i < x.size(); ++i) {
    const float v = x.data()[i];
    // Where the last subtraction leaves nearly nothing, what counts is the rounding of the numbers near 1 before it.
    CHECK(y.data()[i] == Approx(std::tanh(v * 2 + 1) / (std::abs(v) + 0.5f) - 1).epsilon(1e-6).margin(1e-6));
  }
}

TEST_CASE("Results keep the memory order of the operand that has their shape") {
  const auto last = to_order(random({2, 3, 4, 5}), MemoryOrder::channels_last);
  CHECK((last + random({2, 3, 4, 5})).order() == MemoryOrder::channels_last);
  CHECK((random({2, 3, 4, 5}) + last).order() == MemoryOrder::row_major);
  CHECK((random({1, 3, 1, 1}) * last).order() == MemoryOrder::channels_last);
  CHECK((last * random({5})).order() == MemoryOrder::channels_last);
  CHECK(maximum(random({5}), last).order() == MemoryOrder::channels_last);
}

TEST_CASE("NaN stays visible") {
  const auto x = Tensord::from({1}, {not_a_number}), one = Tensord::ones({1});
  CHECK(std::isnan(relu(x).item()));
  CHECK(std::isnan(leaky_relu(x).item()));
  CHECK(std::isnan(clamp(x, 0, 1).item()));
  CHECK(std::isnan(abs(x).item()));
  CHECK(std::isnan(maximum(x, one).item()));
  CHECK(std::isnan(maximum(one, x).item()));
  CHECK(std::isnan(minimum(x, one).item()));
  CHECK(std::isnan(minimum(one, x).item()));
  CHECK(std::isnan(add_relu(one, x).item()));
  CHECK_THROWS_AS(clamp(x, 1, 0), ValueError);
  CHECK_THROWS_AS(clamp(x, not_a_number, 0), ValueError);
}

TEST_CASE("Gradients at corners") {
  const auto gradient = [](auto f, double at) {
    const auto x = Tensord::scalar(at).set_requires_grad();
    f(x).backward();
    return x.grad().item();
  };
  CHECK(gradient([](const Tensord& x) { return relu(x); }, 0) == 0);
  CHECK(gradient([](const Tensord& x) { return abs(x); }, 0) == 0);
  CHECK(gradient([](const Tensord& x) { return maximum(x, Tensord::scalar(2)); }, 2) == 0.5);
  CHECK(gradient([](const Tensord& x) { return minimum(Tensord::scalar(2), x); }, 2) == 0.5);
  CHECK(gradient([](const Tensord& x) { return maximum(x, x); }, 2) == 1);
  CHECK(gradient([](const Tensord& x) { return clamp(x, 0, 1); }, 1) == 1);
  CHECK(gradient([](const Tensord& x) { return pow(x, 0); }, 0) == 0);
  CHECK(gradient([](const Tensord& x) { return pow(x, 1); }, 0) == 1);
  CHECK(gradient([](const Tensord& x) { return pow(x, 2); }, -3) == -6);
  CHECK(gradient([](const Tensord& x) { return sqrt(x); }, 0) == inf);
}

TEST_CASE("sigmoid, tanh and elu do not overflow") {
  const auto x = Tensorf::from({4}, {-1000.f, 1000.f, -90.f, 90.f}).set_requires_grad();
  for (const auto& y : {sigmoid(x), tanh(x), elu(-abs(x))}) {
    for (const float v : y.values()) CHECK(std::isfinite(v));
    x.zero_grad();
    sum(y).backward();
    for (const float g : x.grad().values()) CHECK(std::isfinite(g));
  }
  CHECK(sigmoid(x).at({0}) == 0);
  CHECK(sigmoid(x).at({1}) == 1);
}

TEST_CASE("Operations with a number do not need the tensor again") {
  const auto x = Tensord::from({2}, {1, 2}).set_requires_grad();
  const auto y = x + 1, z = x * 2, w = x / 4, m = -x;
  {
    const NoGrad no_grad;
    x.fill(0);
  }
  for (const auto& t : {y, z, w, m}) CHECK_NOTHROW(t.backward(Tensord::ones({2})));
  CHECK(values(x.grad()) == Vector{2.25, 2.25});
}

TEST_CASE("Large elementwise operations give the same bits for any number of threads") {
  Rng rng(1);
  const auto x = Tensorf::normal({8, 5, 61, 47}, rng), b = Tensorf::normal({5, 1, 1}, rng);
  CHECK(test::same_for_all_thread_counts(
      [&] {
        const auto leaf = b.detach().set_requires_grad();
        const auto y = exp(x) * leaf + to_order(x, MemoryOrder::channels_last);
        y.backward(x);
        return concat<float>({reshape(y, {-1}), reshape(leaf.grad(), {-1})}, 0).detach();
      },
      [](const auto& p, const auto& q) { return test::identical(p, q); }));
}
