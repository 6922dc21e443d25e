// Training in several processes: sums over all of them, and a whole step whose batch grows with their number (weak
// scaling).   mpirun -n 2 bench_distributed --threads 1

#include <chrono>

#include "nasion/distributed/mpi.hpp"
#include "support/program.hpp"
#include "support/training.hpp"

namespace {

using namespace nasion;

/// Of `samples` calls of f, after one more: the same number in all processes.
template <class F>
bench::Timing measure_together(int samples, bool processor_clock, F&& f) {
  std::vector<double> times;
  for (int i = -1; i < samples; ++i) {
    const double start = bench::seconds_now(processor_clock);
    f();
    if (i >= 0) times.push_back(bench::seconds_now(processor_clock) - start);
  }
  std::sort(times.begin(), times.end());
  return {.best = times.front(), .median = times[times.size() / 2], .samples = samples};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> names{"resnet18"};
  long batch = 0;
  return bench::run_program(
      argc, argv, "bench_distributed", "Times sums over processes, and training steps that they share.",
      [&](CLI::App& app) { bench::add_network_flags(app, names, batch); },
      [&](const bench::Options& options, auto print) {
        distributed::Session session;
        set_num_threads(options.threads);
        const auto tell = [&](bench::Record record, const bench::Timing& timing) {
          record["ranks"] = session.ranks();
          if (session.is_root()) print(bench::with_times(std::move(record), timing));
        };
        const int samples = options.effort.samples;
        const bool processor_clock = options.effort.processor_clock;
        for (const Index bytes : {8, 1 << 10, 1 << 20, 4 << 20, 16 << 20}) {
          std::vector<double> numbers(static_cast<std::size_t>(bytes) / sizeof(double), 1.0);
          tell({{"work", "sum"}, {"bytes", bytes}},
               measure_together(samples, processor_clock, [&] { session.sum(numbers); }));
        }
        for (const auto& name : names) {
          const auto network = bench::find_network(name, batch);
          const auto images = bench::random_images(network);
          bench::with_model(network, [&](auto model) {
            optim::SGD<float> sgd(nn::parameters(model), {.lr = 1e-4});
            const auto step = [&](auto&& who) {
              return measure_together(samples, processor_clock, [&] {
                sgd.zero_grad();
                who.gradients(network.batch, [&] { return mean(square(flatten(model(images)))); });
                sgd.step();
              });
            };
            const bench::Record record{{"work", "train_step"}, {"network", name}, {"batch", network.batch}};
            const auto with = [&](const char* how) {
              auto named = record;
              named["processes"] = how;
              return named;
            };
            tell(with("alone"), step(training::OneProcess{}));
            tell(with("together"), step(distributed::DataParallel(session, model)));
            tell(with("together, batch norm too"),
                 step(distributed::DataParallel(session, model, {.sync_batch_norm = true})));
          });
        }
      });
}
