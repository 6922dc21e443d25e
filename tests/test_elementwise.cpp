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
  const auto y = exp(x * 2 + 1) / (abs(x) + 0.5f) - 1;
  for (Index i = 0; i < x.size(); ++i) {
    const float v = x.data()[i];
    // Where the last subtraction leaves nearly nothing, what counts is the rounding of the numbers near 1 before it.
    CHECK(y.data()[i] == Approx(std::exp(v * 2 + 1) / (std::abs(v) + 0.5f) - 1).epsilon(1e-6).margin(1e-6));
  }
}

TEST_CASE("Results are channels-last where an operand of their shape is") {
  const auto last = to_order(random({2, 3, 4, 5}), MemoryOrder::channels_last);
  CHECK((last + random({2, 3, 4, 5})).order() == MemoryOrder::channels_last);
  CHECK((random({2, 3, 4, 5}) + last).order() == MemoryOrder::channels_last);
  CHECK((random({1, 3, 1, 1}) * last).order() == MemoryOrder::channels_last);
  CHECK((last * random({5})).order() == MemoryOrder::channels_last);
  CHECK(maximum(random({5}), last).order() == MemoryOrder::channels_last);
}

TEST_CASE("NaN stays visible") {
  const auto x = Tensord::from({1}, {not_a_number}), one = Tensord::ones({1});
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

namespace {
/// The gradients of f(a, b) for one number each and this gradient of the result.
template <class T, class F>
std::pair<T, T> gradients(F f, T a, T b, T dy = 1) {
  const auto x = Tensor<T>::from({1}, {a}).set_requires_grad(), y = Tensor<T>::from({1}, {b}).set_requires_grad();
  f(x, y).backward(Tensor<T>::full({1}, dy));
  return {x.grad().item(), y.grad().defined() ? y.grad().item() : T{0}};
}
}  // namespace

TEMPLATE_TEST_CASE("Gradients of quotients and powers leave the range of numbers only where they must", "", float,
                   double) {
  using T = TestType;
  // The largest exponents that fit: 1e20 is far away for the square of a float, 1e160 for that of a double.
  const T big = std::is_same_v<T, float> ? T(1e20) : T(1e160), small = 1 / big, tiny = T(1e-39) / (big / T(1e20));
  const auto divide = [](const auto& a, const auto& b) { return a / b; };
  const auto close = [](T value, T expected) { return std::abs(value - expected) <= T(1e-5) * std::abs(expected); };
  const auto db = [&](T a, T b, T dy) { return gradients<T>(divide, a, b, dy).second; };
  CHECK(db(0, tiny, 1) == 0);
  CHECK(std::signbit(db(0, tiny, 1)));
  CHECK(close(db(small * T(1e-10), small, T(1e25)), -big * T(1e15)));  // the definition: -dy a / b^2
  CHECK(close(db(1, small, small), -big));                             // a / b^2 alone is too large
  CHECK(close(db(big, big, big), -1));
  const auto over_x = [&](T s, T v) {
    return gradients<T>([s](const auto& x, const auto&) { return s / x; }, v, T{1}).first;
  };
  CHECK(close(over_x(big / T(1e10), big), -small * T(1e-10)));
  CHECK(close(over_x(small, small * T(1e-5)), -big * T(1e10)));
  CHECK(over_x(1, 0) == -std::numeric_limits<T>::infinity());
  CHECK(std::isnan(over_x(0, 0)));
  const auto power = [&](T v, T e, T dy) {
    return gradients<T>([e](const auto& x, const auto&) { return pow(x, e); }, v, T{1}, dy).first;
  };
  CHECK(close(power(small, -1, small), -big));
  CHECK(close(power(big, T(2.5), small), T(2.5) * std::sqrt(big)));
  CHECK(power(0, 3, 1) == 0);
  CHECK(power(0, 0, 1) == 0);
  CHECK(close(gradients<T>([](const auto& x, const auto&) { return log(x); }, tiny, T{1}, T(0.01)).first,
              T(0.01) / tiny));
}

TEST_CASE("A quotient of a float is what float64 says, in any order and broadcast") {
  Rng rng(4);
  const auto a = Tensorf::normal({2, 3, 4, 5}, rng).set_requires_grad(),
             b = Tensorf::uniform({3, 1, 1}, rng, 0.5, 2).set_requires_grad();
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto dy = Tensorf::normal(a.shape(), rng);
    a.zero_grad(), b.zero_grad();
    (to_order(a, order) / b).backward(dy);
    const auto wide = [](const Tensorf& x) {
      const auto y = Tensord::empty(x.shape());
      const auto row_major = contiguous(x.detach());
      std::copy(row_major.values().begin(), row_major.values().end(), y.mutable_data());
      return y;
    };
    const auto p = wide(a).set_requires_grad(), q = wide(b).set_requires_grad();
    (p / q).backward(wide(dy));
    CHECK(test::max_difference(wide(a.grad()), p.grad()) < 1e-6);
    CHECK(test::max_difference(wide(b.grad()), q.grad()) < 1e-5);
  }
}

TEST_CASE("Where the result is NaN the gradient passes as in PyTorch") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // torch 2.15: x = torch.full((1,), x, requires_grad=True); f(x).backward(torch.full((1,), dy)); x.grad
  const auto unary = [&](auto f, float x, float dy) {
    return gradients<float>([&](const Tensorf& v, const Tensorf&) { return f(v); }, x, 1.f, dy).first;
  };
  CHECK(unary([](const Tensorf& v) { return clamp(v, 0, 1); }, nan, 1) == 0);
  CHECK(unary([](const Tensorf& v) { return clamp(v, 0, 1); }, -1, nan) == 0);
  CHECK(unary([](const Tensorf& v) { return abs(v); }, nan, 1) == 0);
  using Pair = std::pair<float, float>;
  for (const auto op : {maximum<float>, minimum<float>}) {
    CHECK(gradients<float>(op, nan, 1, 1.5f) == Pair{1.5f, 1.5f});
    CHECK(gradients<float>(op, 1, nan, 1.5f) == Pair{1.5f, 1.5f});
    CHECK(gradients<float>(op, nan, nan, 1.5f) == Pair{1.5f, 1.5f});
    CHECK(gradients<float>(op, 2, 2, 1.5f) == Pair{0.75f, 0.75f});
  }
  CHECK(gradients<float>(maximum<float>, 1, 2, nan).first == 0);
  CHECK(gradients<float>(minimum<float>, 1, 2, nan).second == 0);
  CHECK(gradients<float>(add_relu<float>, nan, 1, 1.5f) == Pair{1.5f, 1.5f});
  CHECK(gradients<float>(add_relu<float>, -2, 1, nan) == Pair{0, 0});
}

namespace {

/// log(cosh(x)), as a user would write it.
template <Real T>
Tensor<T> log_cosh(const Tensor<T>& x) {
  const Op op("log_cosh");
  return elementwise(
      op, x, [](T v) { return std::log(std::cosh(v)); }, [](T v) { return std::tanh(v); });
}

double cube(double v) { return v * v * v; }
double cube_derivative(double v) { return 3 * v * v; }

}  // namespace

TEST_CASE("An activation made of two functions: values, gradients and both memory orders") {
  for (const auto& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{5, 7}, Shape{2, 3, 2, 3}}) {
    const auto x = random(shape);
    const auto y = log_cosh(x);
    for (Index i = 0; i < x.size(); ++i) CHECK(y.data()[i] == Approx(std::log(std::cosh(x.data()[i]))).epsilon(1e-14));
    CHECK(gradcheck([](const auto& t) { return log_cosh(t[0]); }, {x}) == "");
  }
  const auto last = random({2, 3, 4, 5}, 7, MemoryOrder::channels_last);
  CHECK(log_cosh(last).order() == MemoryOrder::channels_last);
  CHECK(log_cosh(Tensorf::ones({2})).values()[1] == Approx(0.433780830));
  CHECK(std::isnan(log_cosh(Tensord::from({1}, {not_a_number})).item()));
}

TEST_CASE("A derivative is of the input or of the result, or the gradient itself") {
  const auto x = random({3, 4});
  const auto of_input = [](const auto& t) {
    return elementwise(
        t[0], [](double v) { return std::exp(2 * v); }, [](double v) { return 2 * std::exp(2 * v); });
  };
  const auto of_result = [](const auto& t) {
    return elementwise(
        t[0], [](double v) { return std::exp(2 * v); }, [](double y) { return 2 * y; }, DerivativeOf::result);
  };
  const auto gradient = [](const auto& t) {
    return elementwise(
        t[0], [](double v) { return std::exp(2 * v); }, [](double g, double v) { return g * 2 * std::exp(2 * v); });
  };
  CHECK(gradcheck(of_input, {x}) == "");
  CHECK(gradcheck(of_result, {x}) == "");
  CHECK(gradcheck(gradient, {x}) == "");
  CHECK(gradcheck([](const auto& t) { return elementwise(t[0], cube, cube_derivative); }, {x}) == "");
}

TEST_CASE("An activation made of two functions keeps what its derivative needs, and no more") {
  const auto x = random({3});
  x.set_requires_grad();
  const auto f = [](double v) { return v + 1; };
  const auto df = [](double) { return 1.0; };
  const auto of_input = elementwise(x, f, df), of_result = elementwise(x, f, df, DerivativeOf::result);
  {
    const NoGrad no_grad;
    x.fill(2);
  }
  CHECK_THROWS_WITH(sum(of_input).backward(), ContainsSubstring("[elementwise]") && ContainsSubstring("in place"));
  sum(of_result).backward();
  CHECK(values(x.grad()) == Vector{1, 1, 1});
}

TEST_CASE("Functions of other number types, and constants, become the tensor's") {
  const auto x = Tensorf::from({3}, {-1, 0, 2});
  x.set_requires_grad();
  const auto y = elementwise(
      x, [](float v) { return v * 0.1; }, [](float v) { return v > 0; });
  CHECK(y.values()[2] == static_cast<float>(2 * 0.1));
  sum(y).backward();
  CHECK(test::values(x.grad()) == std::vector<float>{0, 0, 1});
}

TEST_CASE("What is no function of numbers does not compile, with a concept's name") {
  const auto text = [](double) { return std::string(); };
  const auto counts = [n = 0](double v) mutable { return v + ++n; };  // not for several threads
  CHECK(ElementFunction<decltype(cube), double>);
  CHECK(!ElementFunction<decltype(text), double>);
  CHECK(!ElementFunction<decltype(counts), double>);
  CHECK(!ElementDerivative<decltype(text), double>);
}

TEST_CASE("Functions that cannot be called, or that throw, are an error") {
  const auto x = random({4});
  double (*none)(double) = nullptr;
  CHECK_THROWS_WITH(elementwise(x, none, cube), "[elementwise] function is a null pointer");
  CHECK_THROWS_WITH(elementwise(x, cube, none), "[elementwise] derivative is a null pointer");
  CHECK_THROWS_AS(elementwise(x, none, cube), ValueError);
  CHECK_THROWS_AS(elementwise(x, std::function<double(double)>(), cube), std::bad_function_call);
  CHECK_THROWS_WITH(elementwise(Tensord{}, cube, cube_derivative), ContainsSubstring("undefined"));
  const auto refuse = [](double) -> double { throw ValueError("no"); };
  CHECK_THROWS_AS(elementwise(x, refuse, cube), ValueError);
  x.set_requires_grad();
  CHECK_THROWS_AS(sum(elementwise(x, cube, refuse)).backward(), ValueError);
}

TEST_CASE("Loops over elements are outside of any graph, and broadcast") {
  const auto x = random({2, 3}), row = random({3});
  x.set_requires_grad();
  CHECK(!map_elements(x, cube).requires_grad());
  const auto y = zip_elements(x, row, [](double a, double b) { return a - b; });
  CHECK(!y.requires_grad());
  CHECK(y.at({1, 2}) == x.at({1, 2}) - row.at({2}));
  CHECK_THROWS_WITH(zip_elements(x, random({4}), [](double a, double) { return a; }),
                    ContainsSubstring("[zip_elements]") && ContainsSubstring("[2, 3]"));
  const Op op("mine");
  CHECK_THROWS_WITH(zip_elements(op, x, random({4}), [](double a, double) { return a; }), ContainsSubstring("[mine]"));
}
