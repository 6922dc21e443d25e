// The convolution kernels, on every shape of the project's networks, or of those that others bring.

#include <array>
#include <cmath>
#include <regex>
#include <utility>

#include "nasion/core/random.hpp"
#include "nasion/core/tensor.hpp"
#include "nasion/kernels/conv2d/conv2d.hpp"
#if __has_include(<Eigen/Core>)
#include "nasion/kernels/conv2d/im2col_eigen.hpp"
#endif
#include "support/conv_shapes.hpp"
#include "support/machine.hpp"
#include "support/program.hpp"
#include "support/zoo_shapes.hpp"

using namespace nasion;

namespace {

const auto algorithms = [] {
  std::vector<std::pair<const char*, Conv2dAlgorithm>> names{{"automatic", Conv2dAlgorithm::automatic}};
  kernels::Conv2dKernels::for_each([&]<class Kernel>() { names.emplace_back(Kernel::name, Kernel::algorithm); });
  return names;
}();
constexpr std::array<std::pair<const char*, Conv2dPass>, 3> passes{{{"forward", Conv2dPass::forward},
                                                                    {"backward_input", Conv2dPass::backward_input},
                                                                    {"backward_weight", Conv2dPass::backward_weight}}};

template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.emplace_back(name);
  return names;
}

template <class Table, class Value>
const char* name_of(const Table& table, Value value) {
  return std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.second == value; })->first;
}

struct Flags {
  std::string filter;
  std::vector<std::string> algorithms{"automatic", "im2col", "im2col_eigen", "direct", "grouped", "winograd"},
      passes = names_of(::passes);
  bool accuracy = false, list = false, zoo = false;
};

kernels::Conv2dSizes sizes_of(const bench::ConvShape& s) {
  return {.n = s.n,
          .c = s.c,
          .h = s.h,
          .w = s.w,
          .k = s.k,
          .kh = s.kernel,
          .kw = s.kernel,
          .oh = s.oh(),
          .ow = s.ow(),
          .stride_h = s.stride,
          .stride_w = s.stride,
          .pad_h = s.padding,
          .pad_w = s.padding,
          .dilation_h = s.dilation,
          .dilation_w = s.dilation,
          .groups = s.groups};
}

/// Numbers for the three passes of one convolution, images channels-last.
template <class T>
struct Problem {
  static constexpr auto order = MemoryOrder::channels_last;
  kernels::Conv2dSizes sizes;
  Tensor<T> x, weight, y, dx, dw;

  explicit Problem(const kernels::Conv2dSizes& s)
      : sizes(s),
        x(random({s.n, s.c, s.h, s.w}, order, 1)),
        weight(random({s.k, s.group_c(), s.kh, s.kw}, MemoryOrder::row_major, 2)),
        y(random({s.n, s.k, s.oh, s.ow}, order, 3)),
        dx(random({s.n, s.c, s.h, s.w}, order, 4)),
        dw(random({s.k, s.group_c(), s.kh, s.kw}, MemoryOrder::row_major, 5)) {}

  /// y holds the gradient of the result in the backward passes.
  void run(Conv2dAlgorithm algorithm, Conv2dPass pass) const {
    if (pass == Conv2dPass::forward)
      kernels::conv2d_forward<T>(algorithm, sizes, order, x.memory(), weight.memory(), nullptr, Activation::none,
                                 nasion::detail::writable(y));
    else if (pass == Conv2dPass::backward_input)
      kernels::conv2d_backward_input<T>(algorithm, sizes, order, y.memory(), weight.memory(),
                                        nasion::detail::writable(dx));
    else
      kernels::conv2d_backward_weight<T>(algorithm, sizes, order, x.memory(), y.memory(), nasion::detail::writable(dw));
  }
  const Tensor<T>& result(Conv2dPass pass) const {
    return pass == Conv2dPass::forward ? y : pass == Conv2dPass::backward_input ? dx : dw;
  }

 private:
  /// The same numbers for float and double: those that float can hold.
  static Tensor<T> random(const Shape& shape, MemoryOrder its_order, std::uint64_t seed) {
    Rng rng(seed);
    const auto values = Tensor<T>::empty(shape, its_order);
    std::generate_n(nasion::detail::writable(values), values.size(),
                    [&] { return static_cast<T>(static_cast<float>(rng.uniform(-1, 1))); });
    return values;
  }
};

/// Largest difference from the direct kernel in double, as a part of the largest number there.
double error_of(const Problem<float>& problem, Conv2dAlgorithm algorithm, Conv2dPass pass) {
  const Problem<float> fresh(problem.sizes);
  const Problem<double> exact(problem.sizes);
  fresh.run(algorithm, pass);
  exact.run(Conv2dAlgorithm::direct, pass);
  double largest = 0, difference = 0;
  for (Index i = 0; i < exact.result(pass).size(); ++i) {
    const double truth = exact.result(pass).memory()[i];
    largest = std::max(largest, std::abs(truth));
    difference = std::max(difference, std::abs(static_cast<double>(fresh.result(pass).memory()[i]) - truth));
  }
  return difference / largest;
}

void run(const bench::Options& options, const Flags& flags, bench::Printer print) {
  set_num_threads(options.threads);
  const double peak =
      flags.list ? 1 : bench::peak_gflops({.seconds = 0.2, .processor_clock = options.effort.processor_clock});
  for (const auto& shape : flags.zoo ? bench::zoo_shapes() : bench::conv_shapes()) {
    const std::string all = shape.name() + " (" + shape.group() + "; " + shape.network + ")";
    if (!std::regex_search(all, std::regex(flags.filter))) continue;
    if (flags.list) {
      print({{"shape", shape.name()}, {"network", shape.network}, {"group", shape.group()}, {"first", shape.first}});
      continue;
    }
    const Problem<float> problem(sizes_of(shape));
    for (const auto& [pass_name, pass] : passes)
      for (const auto& [algorithm_name, algorithm] : algorithms) {
        const auto asked = [](const auto& list, const char* name) {
          return std::find(list.begin(), list.end(), name) != list.end();
        };
        if (!asked(flags.passes, pass_name) || !asked(flags.algorithms, algorithm_name)) continue;
        bool fits = true;
        kernels::Conv2dKernels::with(algorithm, [&]<class Kernel>() { fits = Kernel::fits(problem.sizes); });
        if (!fits) continue;
        const auto timing = bench::measure(options.effort, [&, a = algorithm, p = pass] { problem.run(a, p); });
        const auto chosen = kernels::conv2d_algorithm(algorithm, pass, problem.sizes, MemoryOrder::channels_last);
        bench::Record record{{"shape", shape.name()},       {"network", shape.network},
                             {"group", shape.group()},      {"pass", pass_name},
                             {"algorithm", algorithm_name}, {"kernel", name_of(algorithms, chosen)},
                             {"threads", num_threads()}};
        record = bench::with_times(std::move(record), timing);
        const double gflops = 1e-9 * shape.operations() / timing.best;
        record["gflops"] = bench::rounded(gflops);
        record["percent_of_peak"] = bench::rounded(100 * gflops / peak);
        if (options.json) {
          record["library"] = "nasion";
          record["work"] = "conv2d";
          record["operations"] = shape.operations();
          record["first"] = shape.first;
        }
        if (flags.accuracy) record["error_e-6"] = bench::rounded(1e6 * error_of(problem, algorithm, pass));
        print(record);
      }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  return bench::run_program(
      argc, argv, "bench_conv2d",
      "Times every convolution shape of the five networks, by kernel and pass, on channels-last numbers. Operations "
      "are\n"
      "counted by the definition of the convolution, so that Winograd's can exceed the peak.",
      [&](CLI::App& app) {
        app.add_option("--filter", flags.filter, "shapes whose name, group or network match")->type_name("REGEX");
        app.add_option("--algorithm", flags.algorithms,
                       "which kernels (default: automatic,im2col,im2col_eigen,direct,grouped,winograd)")
            ->delimiter(',')
            ->check(CLI::IsMember(names_of(algorithms)));
        app.add_option("--passes", flags.passes, "which passes (default: all)")
            ->delimiter(',')
            ->check(CLI::IsMember(names_of(passes)));
        app.add_flag("--zoo", flags.zoo,
                     "the shapes of MobileNets, EfficientNet-B0, ResNet-50, DenseNet-121, VGG-16, DCGAN and others");
        app.add_flag("--list", flags.list, "name the shapes and measure nothing");
        app.add_flag("--accuracy", flags.accuracy, "also the largest error against double");
      },
      [&](const bench::Options& options, auto print) { run(options, flags, print); });
}
