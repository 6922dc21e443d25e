#pragma once
// A training run in one file: the model, what its optimizer remembers, and its random generators. Restoring it and
// going on gives the same bits as never having stopped.

#include <array>

#include "nasion/core/bit_cast.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/safetensors.hpp"

namespace nasion::io {

namespace detail {

/// A run seen as a module, so that state_dict() and load_state_dict() do for it what they do for a model: names begin
/// with `model.` and `optimizer.`; a generator is three counters, `rng.model.<name>.seed`, `.stream` and `.position`.
template <class M, class Optimizer>
struct Run {
  using Scalar = nn::ScalarOf<M>;
  struct Generator {
    std::string name;
    std::array<std::int64_t, 3> state;
    Rng* slot;
  };
  M& model;
  Optimizer& optimizer;
  std::vector<Generator> generators{};

  Run(M& m, Optimizer& o) : model(m), optimizer(o) {
    for (const auto& [name, rng, slot] : nn::traverse(*this).rngs) {
      const auto& s = rng.state();
      generators.push_back(
          {"rng." + name,
           {bit_cast<std::int64_t>(s.seed), bit_cast<std::int64_t>(s.stream), bit_cast<std::int64_t>(s.position)},
           slot});
    }
  }

  void restore_generators() const {
    const auto word = [](std::int64_t v) { return bit_cast<std::uint64_t>(v); };
    for (const auto& [name, state, slot] : generators)
      *slot = Rng(Rng::State{word(state[0]), word(state[1]), word(state[2])});
  }

  static void visit(auto& self, auto&& f) {
    f("model", self.model);
    f("optimizer", self.optimizer);
    for (auto& [name, state, slot] : self.generators) {
      f.counter(name + ".seed", state[0]);
      f.counter(name + ".stream", state[1]);
      f.counter(name + ".position", state[2]);
    }
  }
};

}  // namespace detail

/// Writes `model`, `optimizer` and the generators of their modules in one step (see write_atomically), with the
/// caller's texts: epoch, history, settings. Options such as the learning rate are the caller's, too. Errors as for
/// write_safetensors.
template <class M, class Optimizer>
void save_checkpoint(const std::filesystem::path& path, const M& model, const Optimizer& optimizer,
                     const Metadata& metadata = {}) {
  save(path, detail::Run<const M, const Optimizer>(model, optimizer), metadata);
}

/// Restores all of it, bit for bit; returns the texts. IoError for a file that read_safetensors() does not read, and
/// listing every missing, unexpected and mismatched name; then nothing has been changed.
template <class M, class Optimizer>
Metadata load_checkpoint(const std::filesystem::path& path, M& model, Optimizer& optimizer,
                         const ReadOptions& options = {}) {
  detail::Run<M, Optimizer> run(model, optimizer);
  auto metadata = load(path, run, options);
  run.restore_generators();
  return metadata;
}

}  // namespace nasion::io
