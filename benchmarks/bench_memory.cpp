// What a training step needs at most: by the allocator's own account, and by the system's.

#include "support/program.hpp"
#include "support/training.hpp"

int main(int argc, char** argv) {
  std::string name = "resnet18";
  long batch = 0;
  int steps = 3;
  return bench::run_program(
      argc, argv, "bench_memory", "Measures the memory of training steps, from before the first tensor on.",
      [&](CLI::App& app) {
        app.add_option("--network", name, "which network")
            ->check(CLI::IsMember(bench::network_names()))
            ->capture_default_str();
        app.add_option("--batch", batch, "images (default: as the network is trained)")->check(CLI::Range(1, 65536));
        app.add_option("--steps", steps, "steps to make")->check(CLI::Range(1, 10000))->capture_default_str();
      },
      [&](const bench::Options& options, auto print) {
        nasion::set_num_threads(options.threads);
        const auto network = bench::find_network(name, batch);
        const std::size_t before = bench::resident_bytes();
        bench::with_model(network, [&](auto model) {
          const auto parameters = bench::parameter_count(model);
          bench::Training training(network, std::move(model));
          std::size_t asked = 0;
          for (int i = 0; i < steps; ++i) {
            asked = nasion::memory_stats().system_allocations;
            training.step();
          }
          const auto stats = nasion::memory_stats();
          const auto mib = [](std::size_t bytes) { return bench::rounded(static_cast<double>(bytes) / (1 << 20)); };
          print(bench::Record{{"work", "memory"},
                              {"network", name},
                              {"library", "nasion"},
                              {"parameters", parameters},
                              {"batch", network.batch},
                              {"threads", nasion::num_threads()},
                              {"peak_mib", mib(bench::peak_resident_bytes() - before)},
                              {"tensors_peak_mib", mib(stats.peak)},
                              {"cached_mib", mib(stats.cached)},
                              {"system_allocations_of_last_step", stats.system_allocations - asked}});
        });
      });
}
