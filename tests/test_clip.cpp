#include "nasion/optim/clip.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::values;
using Vector = std::vector<double>;

namespace {

/// A parameter with this gradient.
template <class T>
Tensor<T> with_gradient(const Tensor<T>& g) {
  const auto p = Tensor<T>::zeros(g.shape()).set_requires_grad();
  p.set_grad(g.clone());
  return p;
}

}  // namespace

TEST_CASE("clip_grad_norm scales all gradients by one factor") {
  const auto p = with_gradient(Tensord::from({2}, {3, 0})), q = with_gradient(Tensord::from({1, 1}, {-4}));
  const auto untouched = Tensord::ones({2}).set_requires_grad();
  const std::vector<Tensord> parameters{p, untouched, q};
  CHECK(optim::clip_grad_norm(parameters, 6) == Approx(5));
  CHECK(values(p.grad()) == Vector{3, 0});
  CHECK(optim::clip_grad_norm(parameters, 2.5) == Approx(5));
  CHECK(p.grad().at({0}) == Approx(1.5));
  CHECK(q.grad().item() == Approx(-2));
  CHECK_FALSE(untouched.grad().defined());
  CHECK(optim::clip_grad_norm(parameters, 0) == Approx(2.5));
  CHECK(values(p.grad()) == Vector{0, 0});
  CHECK(optim::clip_grad_norm(std::vector<Tensord>{}, 1) == 0);
}

TEST_CASE("A norm that is no number stays visible") {
  const auto p = with_gradient(Tensord::from({2}, {1, NAN})), q = with_gradient(Tensord::ones({1}));
  CHECK(std::isnan(optim::clip_grad_norm(std::vector{p, q}, 1)));
  CHECK(std::isnan(q.grad().item()));
}

TEST_CASE("The norm of large gradients neither overflows in float nor depends on threads") {
  CHECK(optim::clip_grad_norm(std::vector{with_gradient(Tensorf::full({90000}, 1e30f))}, 1) == Approx(3e32));
  CHECK(test::same_for_all_thread_counts(
      [&] {
        const auto p = with_gradient(test::random<float>({100001}));
        return std::pair{optim::clip_grad_norm(std::vector{p}, 1), p.grad()};
      },
      [](const auto& a, const auto& b) { return a.first == b.first && test::identical(a.second, b.second); }));
}

TEST_CASE("clip_grad_value limits each number") {
  const auto p = with_gradient(Tensord::from({4}, {-3, 0.5, 2, NAN}));
  optim::clip_grad_value(std::vector{p}, 1);
  CHECK(p.grad().at({0}) == -1);
  CHECK(p.grad().at({1}) == 0.5);
  CHECK(p.grad().at({2}) == 1);
  CHECK(std::isnan(p.grad().at({3})));
}

TEST_CASE("Limits must not be negative") {
  CHECK_THROWS_WITH(optim::clip_grad_norm(std::vector<Tensord>{}, -1),
                    ContainsSubstring("[clip_grad_norm] max_norm must not be negative, got -1"));
  CHECK_THROWS_WITH(optim::clip_grad_value(std::vector<Tensord>{}, std::nan("")),
                    ContainsSubstring("[clip_grad_value] limit"));
}
