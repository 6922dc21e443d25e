// Networks at work: how long one image takes, how many a batch makes in a second, and several threads that share one
// model.

#include <thread>

#include "nasion/nn/fold_batch_norm.hpp"
#include "support/program.hpp"
#include "support/training.hpp"

namespace {

using namespace nasion;

struct Flags {
  std::vector<std::string> names{"resnet18"};
  std::string order = "row_major";
  std::vector<long> batches{1, 16};
  int sharing = 2;
  bool unfolded = false;
};

/// Calls `print_record` with the milliseconds of one call, and images per second.
template <class Model, class PrintRecord>
void run(const bench::Options& options, const Flags& flags, bench::Network network, const Model& served,
         PrintRecord&& print_record) {
  const auto call = [&served](const Tensorf& images) {
    const NoGrad no_grad;
    served(images);
  };
  for (const long batch : flags.batches) {
    network.batch = batch;
    const auto images = bench::random_images(network, flags.order);
    print_record(batch == 1 ? "latency" : "throughput", batch, 1,
                 bench::measure(options.effort, [&] { call(images); }));
  }
  if (flags.sharing == 0 || options.effort.processor_clock) return;  // the clock of this thread does not see others
  network.batch = 1;
  const auto image = bench::random_images(network, flags.order);
  constexpr int calls = 8;  // of each thread, so that starting them does not count
  auto timing = bench::measure(options.effort, [&] {
    std::vector<std::jthread> threads;
    for (int i = 0; i < flags.sharing; ++i)
      threads.emplace_back([&] {
        const SerialScope alone;
        for (int j = 0; j < calls; ++j) call(image);
      });
  });
  timing.best /= calls;
  timing.median /= calls;
  print_record("shared", 1, flags.sharing, timing);
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  return bench::run_program(
      argc, argv, "bench_inference", "Times networks in eval mode, without gradients, on random images.",
      [&](CLI::App& app) {
        app.add_option("--network", flags.names, "which networks")
            ->delimiter(',')
            ->check(CLI::IsMember(bench::network_names()))
            ->capture_default_str();
        app.add_option("--batch", flags.batches, "images at once (default: 1,16)")
            ->delimiter(',')
            ->check(CLI::Range(1, 65536));
        app.add_option("--sharing", flags.sharing,
                       "threads that share one model, each with an image at a time; 0: none")
            ->check(CLI::Range(0, 1024))
            ->capture_default_str();
        bench::add_order_flag(app, flags.order);
        app.add_flag("--unfolded", flags.unfolded,
                     "leave batch norm as it was trained, not folded into the convolutions");
      },
      [&](const bench::Options& options, auto print) {
        set_num_threads(options.threads);
        for (const auto& name : flags.names) {
          const auto network = bench::find_network(name);
          bench::with_model(network, [&](auto model) {
            nn::eval(model);
            const auto parameters = bench::parameter_count(model);
            const auto served = flags.unfolded ? model : nn::fold_batch_norm(model);
            run(options, flags, network, served,
                [&](const char* what, long batch, long sharing, const bench::Timing& timing) {
                  bench::Record record{{"work", "inference"},      {"network", name},          {"library", "nasion"},
                                       {"variant", flags.order},   {"measured", what},         {"batch", batch},
                                       {"parameters", parameters}, {"threads", num_threads()}, {"sharing", sharing}};
                  record = bench::with_times(std::move(record), timing);
                  record["images_per_second"] = bench::rounded(static_cast<double>(batch * sharing) / timing.best);
                  print(record);
                });
          });
        }
      });
}
