// Checkpoints of a training run: a refused one changes nothing, and one that was read gives the same bits again when
// written and read.
#include "nasion/io/checkpoint.hpp"
#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/optim/adam.hpp"
#include "support.hpp"
#include "tensor_file.hpp"

namespace io = nasion::io;
namespace nn = nasion::nn;

namespace {

struct Net {
  nn::Linear<float> fc;
  nn::BatchNorm2d<float> bn;
  nn::Dropout<float> dropout;
  explicit Net(nasion::Rng& rng) : fc({.in = 2, .out = 1}, rng), bn({.features = 2}), dropout(0.5, rng) {}
  nasion::Tensorf operator()(const nasion::Tensorf& x) const { return fc(x); }
  static void visit(auto& self, auto&& f) { f("fc", self.fc), f("bn", self.bn), f("dropout", self.dropout); }
};

struct Training {
  nasion::Rng rng{0};
  Net net{rng};
  nasion::optim::Adam<float> optimizer{nn::parameters(net), {}};

  std::string bytes(const io::Metadata& metadata) {
    const auto file = fuzz::folder() / "written";
    io::save_checkpoint(file, net, optimizer, metadata);
    return fuzz::file_text(file);
  }
};

}  // namespace

void fuzz::run(std::string_view input) {
  static const std::string fresh = Training().bytes({});
  Training training;
  const auto load = [&](const std::filesystem::path& path) {
    return io::load_checkpoint(path, training.net, training.optimizer, {.verify = false});
  };
  const auto metadata = read(input, "checkpoint.safetensors", load);
  if (!metadata) return require(training.bytes({}) == fresh, "a refused checkpoint has changed the training run");
  const auto bytes = training.bytes(*metadata);
  require(read(bytes, "checkpoint.safetensors", load) == metadata && training.bytes(*metadata) == bytes,
          "another training run when written and read again");
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate_tensor_file(data, size, most, seed);
}
