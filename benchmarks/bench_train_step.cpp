// A training step, whole: forward, loss, backward, SGD.

#include "support/program.hpp"
#include "support/training.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> names = bench::network_names();
  std::string order = "row_major";
  long batch = 0;
  return bench::run_program(
      argc, argv, "bench_train_step", "Times a training step of each network on random images.",
      [&](CLI::App& app) {
        bench::add_network_flags(app, names, batch);
        bench::add_order_flag(app, order);
      },
      [&](const bench::Options& options, auto print) {
        nasion::set_num_threads(options.threads);
        for (const auto& name : names) {
          const auto network = bench::find_network(name, batch);
          bench::with_model(network, [&](auto model) {
            const auto parameters = bench::parameter_count(model);
            bench::Training training(network, std::move(model), order);
            const auto timing = bench::measure(options.effort, [&] { training.step(); });
            bench::Record record{{"work", "train_step"},
                                 {"network", name},
                                 {"library", "nasion"},
                                 {"variant", order},
                                 {"parameters", parameters},
                                 {"batch", network.batch},
                                 {"threads", nasion::num_threads()}};
            print(bench::with_times(std::move(record), timing));
          });
        }
      });
}
