// The same work as bench_train_step, bench_inference and bench_memory, in libtorch.

#include <fstream>
#include <functional>
#include <thread>

#include "../support/program.hpp"
#include "libtorch_frozen.hpp"
#include "libtorch_networks.hpp"

namespace {

using peer::Tensor;

struct Flags {
  std::string work = "train_step", variant = "plain";
  std::vector<std::string> names;
  std::vector<long> batches;
  int sharing = 2, steps = 3;

  /// Of a training step; 0 when none was asked for.
  long batch() const { return batches.empty() ? 0 : batches.front(); }
};

torch::MemoryFormat format_of(const Flags& flags) {
  return flags.variant == "channels_last" ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous;
}

/// In the memory order that was asked for. Not contiguous(format), which leaves images and weights of one channel as
/// they are: both orders fit their numbers, and what reads them takes row-major from their strides.
Tensor in_order(const Tensor& x, const Flags& flags) {
  return x.to(x.scalar_type(), /*non_blocking=*/false, /*copy=*/false, format_of(flags));
}

/// Brings the weights of `model` into the order that was asked for. An error unless all its convolutions hand it on,
/// from images of that order.
void set_order(peer::Model& model, const Flags& flags) {
  const torch::NoGradGuard no_grad;
  for (auto& p : model.parameters())
    if (p.dim() == 4) p.set_data(in_order(p, flags));
  for (const auto& module : model.modules())
    if (auto* conv = module->as<torch::nn::Conv2d>()) {
      const auto images = in_order(torch::rand({2, conv->options.in_channels(), 16, 16}), flags);
      TORCH_CHECK(images.suggest_memory_format() == format_of(flags), "images are not ", flags.variant);
      TORCH_CHECK(conv->forward(images).suggest_memory_format() == format_of(flags), "a convolution of ",
                  conv->weight.sizes(), " does not hand on ", flags.variant);
    }
}

/// Which implementation of BLAS is loaded: the reference one would make libtorch look slow.
std::string blas() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    for (const char* name : {"openblas", "mkl_", "blis"})
      if (line.find(name) != std::string::npos) return name;
  return "reference";
}

/// Forward, loss, backward and SGD, on the same images every time.
class Training {
 public:
  Training(const Flags& flags, const bench::Network& network)
      : network_(network),
        model_(peer::make_model(network)),
        images_(
            in_order(torch::rand({network.batch, network.channels, network.height, network.width}).sub_(0.5), flags)) {
    set_order(*model_, flags);
    optimizer_ = std::make_unique<torch::optim::SGD>(model_->parameters(), 1e-4);
    targets_ = network.maps ? torch::randint(network.height * network.width, {network.batch * network.outputs})
                            : torch::rand({network.batch, network.outputs});
  }

  double step() {
    optimizer_->zero_grad();
    const auto answer = model_->forward(images_);
    const auto loss = network_.maps
                          ? torch::nn::functional::cross_entropy(
                                answer.reshape({targets_.size(0), network_.height * network_.width}), targets_)
                          : torch::mse_loss(answer, targets_);
    loss.backward();
    optimizer_->step();
    return loss.item<double>();
  }
  const peer::Model& model() const { return *model_; }

 private:
  bench::Network network_;
  std::shared_ptr<peer::Model> model_;
  Tensor images_, targets_;
  std::unique_ptr<torch::optim::SGD> optimizer_;
};

bench::Record record_of(const Flags& flags, const bench::Network& network, const peer::Model& model) {
  int64_t parameters = 0;
  for (const auto& parameter : model.parameters()) parameters += parameter.numel();
  return {{"work", flags.work},       {"network", network.name},
          {"library", "libtorch"},    {"variant", flags.variant},
          {"parameters", parameters}, {"blas", blas()},
          {"batch", network.batch},   {"threads", torch::get_num_threads()}};
}

template <class Print>
void run_training(const bench::Options& options, const Flags& flags, Print& print) {
  for (const auto& name : flags.names) {
    const auto network = bench::find_network(name, flags.batch());
    Training training(flags, network);
    print(bench::with_times(record_of(flags, network, training.model()),
                            bench::measure(options.effort, [&] { training.step(); })));
  }
}

template <class Print>
void run_inference(const bench::Options& options, const Flags& flags, Print& print) {
  auto network = bench::find_network("resnet18");
  const auto model = std::make_shared<peer::ResNet18>(network.outputs);
  model->eval();
  set_order(*model, flags);
  std::function<void(const Tensor&)> call = [&](const Tensor& images) {
    const torch::NoGradGuard no_grad;
    model->forward(images);
  };
  torch::jit::Module frozen;
  if (flags.variant == "frozen") {
    frozen = peer::frozen_resnet18(*model);
    const torch::NoGradGuard no_grad;
    const auto image = torch::rand({1, 1, 224, 224});
    const auto expected = model->forward(image), got = frozen.forward({image}).toTensor();
    TORCH_CHECK(torch::allclose(expected, got, 1e-3, 1e-4), "the frozen network differs from the plain one");
    call = [&](const Tensor& images) {
      const torch::NoGradGuard alone;
      frozen.forward({images});
    };
  }
  const auto images_of = [&](long batch) {
    return in_order(torch::rand({batch, network.channels, network.height, network.width}).sub_(0.5), flags);
  };
  const auto report = [&](const char* measured, int sharing, const bench::Timing& timing) {
    auto record = record_of(flags, network, *model);
    record["measured"] = measured;
    record["sharing"] = sharing;
    record = bench::with_times(std::move(record), timing);
    record["images_per_second"] = bench::rounded(static_cast<double>(network.batch * sharing) / timing.best);
    print(record);
  };
  for (const long batch : flags.batches.empty() ? std::vector<long>{1, 16} : flags.batches) {
    network.batch = batch;
    const auto images = images_of(batch);
    for (int i = 0; i < 3; ++i) call(images);  // TorchScript compiles as it goes
    report(batch == 1 ? "latency" : "throughput", 1, bench::measure(options.effort, [&] { call(images); }));
  }
  if (flags.sharing == 0) return;
  network.batch = 1;
  const auto image = images_of(1);
  constexpr int calls = 8;  // of each thread, so that starting them does not count
  auto timing = bench::measure(options.effort, [&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < flags.sharing; ++i)
      threads.emplace_back([&] {
        torch::set_num_threads(1);
        for (int j = 0; j < calls; ++j) call(image);
      });
    for (auto& thread : threads) thread.join();
  });
  timing.best /= calls;
  timing.median /= calls;
  report("shared", flags.sharing, timing);
}

template <class Print>
void run_memory(const Flags& flags, Print& print) {
  const auto network = bench::find_network(flags.names.front(), flags.batch());
  const std::size_t before = bench::resident_bytes();
  Training training(flags, network);
  for (int i = 0; i < flags.steps; ++i) training.step();
  auto record = record_of(flags, network, training.model());
  record["peak_mib"] = bench::rounded(static_cast<double>(bench::peak_resident_bytes() - before) / (1 << 20));
  print(record);
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  return bench::run_program(
      argc, argv, "libtorch_peer", "Does the work of nasion's benchmarks in libtorch.",
      [&](CLI::App& app) {
        app.add_option("work", flags.work, "train_step, inference (of ResNet-18) or memory (of training steps)")
            ->check(CLI::IsMember({"train_step", "inference", "memory"}))
            ->capture_default_str();
        app.add_option("--variant", flags.variant,
                       "memory order of images and weights; frozen: TorchScript optimised for inference")
            ->check(CLI::IsMember({"plain", "channels_last", "frozen"}))
            ->capture_default_str();
        app.add_option("--network", flags.names, "which networks (default: all; of memory: resnet18)")
            ->delimiter(',')
            ->check(CLI::IsMember(bench::network_names(bench::project_networks)));
        app.add_option("--batch", flags.batches,
                       "images at once (default: as each network is trained; inference: 1,16)")
            ->delimiter(',')
            ->check(CLI::Range(1, 65536));
        app.add_option("--sharing", flags.sharing, "threads that share one model in inference; 0: none")
            ->check(CLI::Range(0, 1024));
        app.add_option("--steps", flags.steps, "steps of memory")->check(CLI::Range(1, 10000));
      },
      [&](const bench::Options& options, auto print) {
        const int all = static_cast<int>(std::thread::hardware_concurrency());
        torch::set_num_threads(options.threads > 0 ? options.threads : std::max(1, all));
        torch::manual_seed(1);
        if (flags.names.empty()) {
          if (flags.work == "memory")
            flags.names = {"resnet18"};
          else
            flags.names = bench::network_names(bench::project_networks);
        }
        if (flags.work == "train_step")
          run_training(options, flags, print);
        else if (flags.work == "inference")
          run_inference(options, flags, print);
        else
          run_memory(flags, print);
      });
}
