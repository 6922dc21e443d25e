// What a training step must not do once it is warm: ask the system for memory, or turn activations to another memory
// order.

#include "nasion/models/heatmap_fcn.hpp"
#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/models/resnet.hpp"
#include "nasion/models/unet.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

#ifdef __linux__
#include <sys/resource.h>
#endif

using namespace nasion;

namespace {

/// One training step; the answer of the model is also its target.
template <class M>
struct Step {
  M& model;
  Tensorf images;
  optim::SGD<float> optimizer{nn::parameters(model), {.lr = 1e-3, .momentum = 0.9}};
  Tensorf target{};

  void operator()() {
    optimizer.zero_grad();
    const auto y = model(images);
    if (!target.defined()) target = y.detach().clone();
    (y.rank() == 4 ? spatial_cross_entropy(y, target) : mse_loss(y, target)).backward();
    optimizer.step();
  }
};

/// Blocks that the system was asked for in each of the steps 3 to 6.
template <class M>
std::vector<std::size_t> allocations(M model, const Shape& images) {
  Rng rng(1);
  Step<M> step{model, Tensorf::normal(images, rng)};
  std::vector<std::size_t> counts;
  for (int i = 1; i <= 6; ++i) {
    const auto before = memory_stats().system_allocations;
    step();
    if (i > 2) counts.push_back(memory_stats().system_allocations - before);
  }
  return counts;
}

/// Pages that the process needed from the system so far, where it tells.
long page_faults() {
#ifdef __linux__
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
#else
  return 0;
#endif
}

}  // namespace

TEST_CASE("Several threads, whose needs meet by chance, soon find all memory kept") {
  if (!detail::caches_memory) return;
  const test::Threads use(4);
  Rng rng(1);
  auto model = models::resnet18<float>({.outputs = 10}, rng);
  Step<decltype(model)> step{model, Tensorf::normal({4, 3, 64, 64}, rng)};
  int warm = 0;  // steps in a row without memory from the system
  std::vector<long> faults;
  while (warm < 5 && faults.size() < 50) {
    const auto before = memory_stats().system_allocations;
    faults.push_back(-page_faults());
    step();
    faults.back() += page_faults();
    warm = memory_stats().system_allocations == before ? warm + 1 : 0;
  }
  CHECK(warm == 5);
  CHECK(faults.back() <= faults.front() / 20);
}

TEST_CASE("A training step that is warm takes no memory from the system") {
  if (!detail::caches_memory) return;
  const test::Threads use(1);  // with more, what is needed at once depends on when they run: see above
  const std::vector<std::size_t> none(4, 0);
  Rng rng(1);
  CHECK(allocations(models::resnet18<float>({.outputs = 10}, rng), {2, 3, 64, 64}) == none);
  CHECK(allocations(models::KeypointCnn<float>(models::nose_tip_config(), rng), {2, 1, 60, 80}) == none);
  CHECK(allocations(models::HeatmapFcn<float>({.points = 5, .maps = {24, 32}}, rng), {2, 1, 48, 64}) == none);
  CHECK(allocations(models::UNet<float>({.outputs = 5, .levels = 2}, rng), {2, 1, 32, 32}) == none);
}

TEST_CASE("A step of ResNet-18 turns no tensor to another order but its images, when they are row-major") {
  for (const auto order : {MemoryOrder::channels_last, MemoryOrder::row_major}) {
    Rng rng(1);
    auto model = models::resnet18<float>({.outputs = 10}, rng);
    Step<decltype(model)> step{model, to_order(Tensorf::normal({2, 3, 64, 64}, rng), order)};
    step();
    const Profile profile;
    step();
    // The features are flattened, too, but those of one pixel are a view, which moves no bytes.
    double forward = 0, backward = 0;
    for (const auto& e : profile.entries())
      if (e.op == "to_order") (e.pass == Pass::forward ? forward : backward) += e.bytes;
    CHECK(forward == (order == MemoryOrder::row_major ? 2 * sizeof(float) * 2 * 3 * 64 * 64 : 0));  // read, and written
    CHECK(backward == 0);
  }
}
