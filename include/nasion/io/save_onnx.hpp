#pragma once
// Networks into ONNX files. CMake target nasion::onnx.

#include <cmath>
#include <concepts>
#include <filesystem>
#include <utility>
#include <vector>

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/load_onnx.hpp"
#include "nasion/io/onnx/exporters.hpp"

namespace nasion::io {

namespace detail::onnx {

inline constexpr std::int64_t written_opset = 17;

/// What `model(inputs...)` does, and with which results: a tensor or a vector of them.
template <class T, class M, class... Inputs>
TracedRun<T> traced(const M& model, const Inputs&... inputs) {
  TracedRun<T> run{{inputs...}, {}, {}};
  const Trace<T> trace;
  auto result = model(inputs...);
  if constexpr (std::same_as<decltype(result), Tensor<T>>)
    run.outputs = {result};
  else
    run.outputs = {result.begin(), result.end()};
  run.operations = trace.operations();
  return run;
}

template <class T>
Tensor<T> twice(const Tensor<T>& x, T factor) {
  return concat(std::vector<Tensor<T>>{x, x * factor}, 0);
}

/// That the file computes what the network does, for numbers that it was not made with: what the network did apart from
/// the library's operations is not in the file.
template <class T>
void check_export(const std::string& bytes, const std::filesystem::path& path, const TracedRun<T>& run) {
  const auto model = parse_onnx<T>(bytes, path);
  const auto results = model({run.inputs.begin(), run.inputs.end()});
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto a = contiguous(results[i].tensor()), b = contiguous(run.outputs[i]);
    bool same = a.shape() == b.shape();
    for (Index j = 0; same && j < a.size(); ++j) {
      const double p = double{a.data()[j]}, q = double{b.data()[j]};
      same = std::abs(p - q) <= 1e-3 * (1 + std::abs(q)) || std::isnan(q) || p == q;
    }
    check<ValueError>(same,
                      "[save_onnx] the exported network gives other results for other inputs: not all that the "
                      "network does is done by operations that can be exported");
  }
}

}  // namespace detail::onnx

/// Writes `model` as it is in eval mode, with its weights, as an ONNX file of opset 17, in one step (see
/// write_atomically). `examples` are the arguments of its operator(), one tensor or several, whose first dimension is
/// the batch: it may have any size in the file, the other dimensions are fixed. Initializers have the names of the
/// state dictionary, and inputs and outputs are `input` and `output`, or `input_0`, ... where there are several.
/// ValueError that names an operation which cannot be exported, and for what a network does apart from operations, as
/// far as it changes results; IoError when the file cannot be written.
template <class M, class... More>
void save_onnx(const std::filesystem::path& path, const M& model, const Tensor<nn::ScalarOf<M>>& example,
               const More&... more) {
  using T = nn::ScalarOf<M>;
  M copy = nn::clone(model);
  nn::eval(copy);
  const NoGrad no_grad;
  const auto run = detail::onnx::traced<T>(copy, example, more...);
  const auto twin =
      detail::onnx::traced<T>(copy, detail::onnx::twice(example, T(0.75)), detail::onnx::twice(more, T(0.75))...);
  const auto state = nn::state_dict(copy);
  detail::onnx::Exporter<T> exporter(state, run, twin);
  const auto bytes = exporter.bytes(detail::onnx::find_exporter<T>, detail::onnx::written_opset);
  check<ValueError>(bytes.size() <= max_onnx_bytes, "[save_onnx] a file of ", bytes.size(),
                    " bytes is longer than ONNX allows");
  detail::onnx::check_export(bytes, path, twin);
  write_atomically(path, bytes);
}

}  // namespace nasion::io
