// The convolution shapes of the project's networks in oneDNN 2: each primitive in the memory layouts that it prefers.
// Reordering to and from those is not counted.

#include <omp.h>
#include <dnnl.hpp>

#include <regex>
#include <unordered_map>

#include "../support/conv_shapes.hpp"
#include "../support/program.hpp"

namespace {

using dnnl::algorithm;
using dnnl::convolution_backward_data;
using dnnl::convolution_backward_weights;
using dnnl::convolution_forward;
using dnnl::memory;
using dnnl::prop_kind;

/// One pass, ready to run: a primitive and the memory of its arguments.
struct Pass {
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  std::string kernel;  // as oneDNN calls it
};

/// The passes of one convolution, with descriptions of memory that leave the layout to oneDNN.
class Convolution {
 public:
  Convolution(const dnnl::engine& engine, const bench::ConvShape& s, algorithm method)
      : engine_(engine),
        method_(method),
        x_(any({s.n, s.c, s.h, s.w})),
        weight_(any({s.k, s.c, s.kernel, s.kernel})),
        y_(any({s.n, s.k, s.oh(), s.ow()})),
        stride_{s.stride, s.stride},
        padding_{s.padding, s.padding} {}

  Pass forward() const {
    const auto p = forward_primitive();
    return pass(convolution_forward(p), p.impl_info_str(),
                {{DNNL_ARG_SRC, p.src_desc()}, {DNNL_ARG_WEIGHTS, p.weights_desc()}, {DNNL_ARG_DST, p.dst_desc()}});
  }
  Pass backward_input() const {
    const convolution_backward_data::primitive_desc p({method_, x_, weight_, y_, stride_, padding_, padding_}, engine_,
                                                      forward_primitive());
    return pass(convolution_backward_data(p), p.impl_info_str(),
                {{DNNL_ARG_DIFF_DST, p.diff_dst_desc()},
                 {DNNL_ARG_WEIGHTS, p.weights_desc()},
                 {DNNL_ARG_DIFF_SRC, p.diff_src_desc()}});
  }
  Pass backward_weight() const {
    const convolution_backward_weights::primitive_desc p({method_, x_, weight_, y_, stride_, padding_, padding_},
                                                         engine_, forward_primitive());
    return pass(convolution_backward_weights(p), p.impl_info_str(),
                {{DNNL_ARG_SRC, p.src_desc()},
                 {DNNL_ARG_DIFF_DST, p.diff_dst_desc()},
                 {DNNL_ARG_DIFF_WEIGHTS, p.diff_weights_desc()}});
  }

 private:
  static memory::desc any(const memory::dims& sizes) {
    return {sizes, memory::data_type::f32, memory::format_tag::any};
  }
  convolution_forward::primitive_desc forward_primitive() const {
    return {{prop_kind::forward_training, method_, x_, weight_, y_, stride_, padding_, padding_}, engine_};
  }
  Pass pass(const dnnl::primitive& primitive, const char* kernel,
            const std::vector<std::pair<int, memory::desc>>& descriptions) const {
    Pass made{primitive, {}, kernel};
    for (const auto& [argument, description] : descriptions) {
      const memory memory(description, engine_);
      auto* numbers = static_cast<float*>(memory.get_data_handle());
      for (std::size_t i = 0; i < description.get_size() / sizeof(float); ++i)
        numbers[i] = static_cast<float>(i % 251) / 125 - 1;
      made.arguments.emplace(argument, memory);
    }
    return made;
  }

  const dnnl::engine& engine_;
  algorithm method_;
  memory::desc x_, weight_, y_;
  memory::dims stride_, padding_;
};

struct Flags {
  std::string filter;
  std::vector<std::string> passes{"forward", "backward_input", "backward_weight"};
};

void run(const bench::Options& options, const Flags& flags, bench::Printer print) {
  if (options.threads > 0) omp_set_num_threads(options.threads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  for (const auto& shape : bench::conv_shapes()) {
    const std::string all = shape.name() + " (" + shape.group() + "; " + shape.network + ")";
    if (!std::regex_search(all, std::regex(flags.filter))) continue;
    for (const auto& pass_name : flags.passes)
      for (const auto& [algorithm_name, method] :
           {std::pair{"automatic", algorithm::convolution_auto}, std::pair{"direct", algorithm::convolution_direct},
            std::pair{"winograd", algorithm::convolution_winograd}}) {
        const Convolution convolution(engine, shape, method);
        Pass pass;
        try {
          pass = pass_name == "forward"          ? convolution.forward()
                 : pass_name == "backward_input" ? convolution.backward_input()
                                                 : convolution.backward_weight();
        } catch (const dnnl::error& error) {
          if (error.status == dnnl_unimplemented && method == algorithm::convolution_winograd) continue;
          throw;
        }
        const auto timing = bench::measure(options.effort, [&] {
          pass.primitive.execute(stream, pass.arguments);
          stream.wait();
        });
        bench::Record record{{"shape", shape.name()},           {"network", shape.network},
                             {"group", shape.group()},          {"pass", pass_name},
                             {"algorithm", algorithm_name},     {"kernel", pass.kernel},
                             {"threads", omp_get_max_threads()}};
        record = bench::with_times(std::move(record), timing);
        record["gflops"] = bench::rounded(1e-9 * shape.operations() / timing.best);
        if (options.json) {
          record["library"] = "oneDNN";
          record["work"] = "conv2d";
        }
        print(record);
      }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  return bench::run_program(
      argc, argv, "onednn_conv2d",
      "Times every convolution shape of the five networks in oneDNN, by its own choice of a kernel and by each of its "
      "algorithms.",
      [&](CLI::App& app) {
        app.add_option("--filter", flags.filter, "shapes whose name, group or network match")->type_name("REGEX");
        app.add_option("--passes", flags.passes, "which passes (default: all)")
            ->delimiter(',')
            ->check(CLI::IsMember(std::vector<std::string>(flags.passes)));
      },
      [&](const bench::Options& options, auto print) { run(options, flags, print); });
}
