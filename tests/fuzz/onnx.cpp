// Networks in ONNX files, and single tensors.
#include "nasion/io/load_onnx.hpp"
#include "nasion/nn/fold_batch_norm.hpp"
#include "support.hpp"

namespace io = nasion::io;

void fuzz::run(std::string_view input) {
  // An operator of three bytes is a node of the module, and a tensor without elements an entry of its state.
  const std::uint64_t extra = 900 * input.size();
  const auto model = read(
      input, "net.onnx", [](const auto& path) { return io::load_onnx<float>(path); }, extra);
  if (model) {
    const auto state = nasion::nn::state_dict(*model);
    for (const auto& entry : state.tensors) require(!entry.name.empty(), "a tensor without a name");
    const auto copy = nasion::nn::fold_batch_norm(*model);
    require(copy.output_names() == model->output_names(), "a copy with other outputs");
  }
  const auto tensor = read(input, "tensor.pb", [](const auto& path) { return io::load_onnx_tensor<float>(path); });
  if (tensor) require(tensor->defined(), "a tensor that is none");
}
