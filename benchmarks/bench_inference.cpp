// ResNet-18 at work: how long one image takes, how many a batch makes in a second, and several threads that share one
// model.

#include <thread>

#include "nasion/nn/fold_batch_norm.hpp"
#include "support/program.hpp"
#include "support/training.hpp"

namespace {

using namespace nasion;

/// Milliseconds of one call, and images per second.
bench::Record record_of(const char* what, long batch, long sharing, const bench::Timing& timing) {
  bench::Record record{{"work", "inference"}, {"network", "resnet18"},    {"library", "nasion"}, {"measured", what},
                       {"batch", batch},      {"threads", num_threads()}, {"sharing", sharing}};
  record = bench::with_times(std::move(record), timing);
  record["images_per_second"] = bench::rounded(static_cast<double>(batch * sharing) / timing.best);
  return record;
}

template <class Model>
void call(const Model& model, const Tensorf& images) {
  const NoGrad no_grad;
  model(images);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<long> batches{1, 16};
  int sharing = 2;
  bool unfolded = false;
  return bench::run_program(
      argc, argv, "bench_inference", "Times ResNet-18 in eval mode, without gradients, on grey images of 224 x 224.",
      [&](CLI::App& app) {
        app.add_option("--batch", batches, "images at once (default: 1,16)")
            ->delimiter(',')
            ->check(CLI::Range(1, 65536));
        app.add_option("--sharing", sharing, "threads that share one model, each with an image at a time; 0: none")
            ->check(CLI::Range(0, 1024))
            ->capture_default_str();
        app.add_flag("--unfolded", unfolded, "leave batch norm as it was trained, not folded into the convolutions");
      },
      [&](const bench::Options& options, auto print) {
        set_num_threads(options.threads);
        auto network = bench::find_network("resnet18");
        Rng rng(1);
        auto model = models::resnet18<float>({.in_channels = 1, .outputs = network.outputs}, rng);
        nn::eval(model);
        const auto served = unfolded ? model : nn::fold_batch_norm(model);
        for (const long batch : batches) {
          network.batch = batch;
          const auto images = bench::random_images(network);
          const auto timing = bench::measure(options.effort, [&] { call(served, images); });
          print(record_of(batch == 1 ? "latency" : "throughput", batch, 1, timing));
        }
        if (sharing == 0 || options.effort.processor_clock) return;  // the clock of this thread does not see others
        network.batch = 1;
        const auto image = bench::random_images(network);
        constexpr int calls = 8;  // of each thread, so that starting them does not count
        auto timing = bench::measure(options.effort, [&] {
          std::vector<std::jthread> threads;
          for (int i = 0; i < sharing; ++i)
            threads.emplace_back([&] {
              const SerialScope alone;
              for (int j = 0; j < calls; ++j) call(served, image);
            });
        });
        timing.best /= calls;
        timing.median /= calls;
        print(record_of("shared", 1, sharing, timing));
      });
}
