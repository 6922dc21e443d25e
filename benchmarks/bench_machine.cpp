// The roof: multiply-adds from registers, and bytes from memory.

#include "support/machine.hpp"
#include "support/program.hpp"

int main(int argc, char** argv) {
  return bench::run_program(
      argc, argv, "bench_machine", "Measures what this machine can compute, and move from memory, at most.",
      [](CLI::App&) {},
      [](const bench::Options& options, auto print) {
        nasion::set_num_threads(options.threads);
        print(bench::Record{{"work", "machine"},
                            {"processor", bench::processor_name()},
                            {"threads", nasion::num_threads()},
                            {"peak_gflops", bench::rounded(bench::peak_gflops(options.effort))},
                            {"bandwidth_gbytes", bench::rounded(bench::bandwidth_gbytes(options.effort))}});
      });
}
