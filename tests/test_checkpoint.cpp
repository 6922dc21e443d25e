#include "nasion/io/checkpoint.hpp"

#include <string>

#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/nn/sequential.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace io = nasion::io;
namespace nn = nasion::nn;
namespace optim = nasion::optim;
using nasion::Index;
using nasion::IoError;
using nasion::Rng;
using nasion::Tensor;

namespace {

template <class T>
struct Net {
  nn::Conv2d<T> conv;
  nn::Dropout<T> dropout;
  nn::Sequential<T> head;

  explicit Net(Rng& rng, Index hidden = 6)
      : conv({.in = 1, .out = 3, .kernel = 3}, rng),
        dropout(0.3, rng),
        head(nn::Linear<T>({.in = 27, .out = hidden}, rng), nn::ReLU<T>{}, nn::Dropout<T>(0.5, rng),
             nn::Linear<T>({.in = hidden, .out = 2, .bias = false}, rng)) {}
  Tensor<T> operator()(const Tensor<T>& x) const { return head(flatten(dropout(relu(conv(x))))); }
  static void visit(auto& self, auto&& f) {
    f("conv", self.conv);
    f("dropout", self.dropout);
    f("head", self.head);
  }
};

template <class T>
Net<T> net(std::uint64_t seed, Index hidden = 6) {
  Rng rng(seed);
  return Net<T>(rng, hidden);
}

/// One step on a batch that depends on the number of the step alone.
template <class T, class Optimizer>
void step(const Net<T>& model, Optimizer& optimizer, std::uint64_t number) {
  Rng rng = Rng(17).split(number);
  const auto x = Tensor<T>::normal({4, 1, 5, 5}, rng), y = Tensor<T>::normal({4, 2}, rng);
  optimizer.zero_grad();
  mse_loss(model(x), y).backward();
  optimizer.step();
}

template <class M, class Optimizer>
std::string everything(const test::TemporaryFolder& folder, const M& model, const Optimizer& optimizer) {
  io::save_checkpoint(folder / "everything", model, optimizer);
  return test::read_text(folder / "everything");
}

/// Whether ten steps end with the same bits as five, a file, and five more in fresh objects.
template <class T, class Make>
void check_resume(const Make& make_optimizer) {
  test::TemporaryFolder folder;
  auto model = net<T>(1);
  auto optimizer = make_optimizer(model);
  for (std::uint64_t i = 0; i < 5; ++i) step(model, optimizer, i);
  io::save_checkpoint(folder / "run", model, optimizer, {{"epoch", "5"}, {"history", "1,2\n"}});
  const auto at_five = everything(folder, model, optimizer);
  for (std::uint64_t i = 5; i < 10; ++i) step(model, optimizer, i);

  auto resumed = net<T>(2);
  auto resumed_optimizer = make_optimizer(resumed);
  step(resumed, resumed_optimizer, 99);
  CHECK(io::load_checkpoint(folder / "run", resumed, resumed_optimizer) ==
        io::Metadata{{"epoch", "5"}, {"history", "1,2\n"}});
  CHECK(everything(folder, resumed, resumed_optimizer) == at_five);
  for (std::uint64_t i = 5; i < 10; ++i) step(resumed, resumed_optimizer, i);
  CHECK(everything(folder, resumed, resumed_optimizer) == everything(folder, model, optimizer));
  CHECK(everything(folder, resumed, resumed_optimizer) != at_five);
}

template <class T>
auto adam(const Net<T>& model) {
  return optim::Adam<T>(nn::parameters(model), {.lr = 0.01, .weight_decay = 1e-3});
}
template <class T>
auto sgd(const Net<T>& model) {
  return optim::SGD<T>(nn::parameters(model), {.lr = 0.05, .momentum = 0.9, .dampening = 0.1});
}

}  // namespace

TEMPLATE_TEST_CASE("A run that stops and goes on ends with the same bits", "", float, double) {
  using T = TestType;
  SECTION("SGD with momentum") { check_resume<T>(sgd<T>); }
  SECTION("SGD without momentum") {
    check_resume<T>([](const Net<T>& m) { return optim::SGD<T>(nn::parameters(m), {.lr = 0.05}); });
  }
  SECTION("Adam") { check_resume<T>(adam<T>); }
}

TEST_CASE("A checkpoint matters: without dropout's generators the run would differ") {
  test::TemporaryFolder folder;
  auto model = net<float>(1);
  auto optimizer = sgd(model);
  step(model, optimizer, 0);
  io::save_checkpoint(folder / "run", model, optimizer);
  auto file = io::read_safetensors<float>(folder / "run");
  int moved = 0;
  for (auto& [name, value] : file.state.counters)
    if (name.ends_with(".position")) ++value, ++moved;
  CHECK(moved == 2);
  io::write_safetensors(folder / "moved", file);
  auto other = net<float>(1);
  auto other_optimizer = sgd(other);
  io::load_checkpoint(folder / "moved", other, other_optimizer);
  step(model, optimizer, 1);
  step(other, other_optimizer, 1);
  CHECK(everything(folder, model, optimizer) != everything(folder, other, other_optimizer));
}

TEST_CASE("Names in a checkpoint") {
  test::TemporaryFolder folder;
  const auto model = net<float>(1);
  io::save_checkpoint(folder / "run", model, sgd(model), {{"k", "v"}});
  const auto file = io::read_safetensors<float>(folder / "run");
  std::string names;
  for (const auto& entry : file.state.tensors) names += entry.name + " ";
  CHECK(names ==
        "model.conv.bias model.conv.weight model.head.0.bias model.head.0.weight model.head.3.weight "
        "optimizer.velocity.0 optimizer.velocity.1 optimizer.velocity.2 optimizer.velocity.3 optimizer.velocity.4 ");
  names.clear();
  for (const auto& entry : file.state.counters) names += entry.name + " ";
  CHECK(names ==
        "optimizer.steps.0 optimizer.steps.1 optimizer.steps.2 optimizer.steps.3 optimizer.steps.4 "
        "rng.model.dropout.rng.position rng.model.dropout.rng.seed rng.model.dropout.rng.stream "
        "rng.model.head.2.rng.position rng.model.head.2.rng.seed rng.model.head.2.rng.stream ");
  CHECK(io::read_metadata(folder / "run") == io::Metadata{{"k", "v"}});
}

TEST_CASE("All 64 bits of a generator's state are kept") {
  test::TemporaryFolder folder;
  auto model = net<float>(1), other = net<float>(2);
  const Rng::State state{~std::uint64_t{0}, std::uint64_t{1} << 63, ~std::uint64_t{0} - 1};
  model.dropout.rng = Rng(state);
  auto optimizer = sgd(model), other_optimizer = sgd(other);
  io::save_checkpoint(folder / "run", model, optimizer);
  io::load_checkpoint(folder / "run", other, other_optimizer);
  CHECK(other.dropout.rng.state() == state);
}

TEST_CASE("Restoring is strict, and all or nothing") {
  test::TemporaryFolder folder;
  const auto error_of = [&](auto& model, auto& optimizer) {
    const auto before = everything(folder, model, optimizer);
    std::string error;
    try {
      io::load_checkpoint(folder / "run", model, optimizer);
    } catch (const IoError& e) {
      error = e.what();
    }
    CHECK(everything(folder, model, optimizer) == before);
    CHECK_THAT(error, ContainsSubstring((folder / "run").string() + ": "));
    return error;
  };
  auto saved = net<float>(1);
  auto saved_optimizer = sgd(saved);
  step(saved, saved_optimizer, 0);
  io::save_checkpoint(folder / "run", saved, saved_optimizer);

  auto model = net<float>(2);
  auto with_adam = adam(model);
  const auto other_optimizer = error_of(model, with_adam);
  CHECK_THAT(other_optimizer, ContainsSubstring("missing: optimizer.first.0 optimizer.second.0 optimizer.first.1") &&
                                  ContainsSubstring("unexpected: optimizer.velocity.0 optimizer.velocity.1"));

  auto wider = net<float>(2, 7);
  auto wider_optimizer = sgd(wider);
  CHECK_THAT(error_of(wider, wider_optimizer),
             ContainsSubstring("model.head.0.weight [6, 27] (expected [7, 27])") &&
                 ContainsSubstring("optimizer.velocity.2 [6, 27] (expected [7, 27])"));

  Rng rng(1);
  nn::Sequential<float> without_dropout(nn::Linear<float>({.in = 2, .out = 2}, rng));
  optim::SGD<float> its_optimizer(nn::parameters(without_dropout), {});
  CHECK_THAT(error_of(without_dropout, its_optimizer), ContainsSubstring("missing: model.0.weight") &&
                                                           ContainsSubstring("optimizer.velocity.4") &&
                                                           ContainsSubstring(" more"));

  auto whole = test::read_text(folder / "run");
  test::write_text(folder / "run", whole.substr(0, whole.size() - 1));
  auto optimizer = sgd(model);
  CHECK_THAT(error_of(model, optimizer), ContainsSubstring("of the data"));

  io::save(folder / "run", saved);
  CHECK_THAT(error_of(model, optimizer), ContainsSubstring("missing: model.conv.weight"));
}
