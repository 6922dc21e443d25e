#pragma once
// The processes that train together: this one alone, or those that mpirun has started, with --mpi in a program that was
// built with MPI.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lab/program.hpp"
#include "lab/src/interrupt.hpp"
#include "nasion/training/fit.hpp"
#ifdef NASION_WITH_MPI
#include "nasion/distributed/mpi.hpp"
#else
#include "nasion/data/shard.hpp"
#endif

namespace lab {

inline void add_mpi_flag(CLI::App& app, bool& mpi) {
  add_switch(app, "--mpi", "train in all processes that mpirun has started, each with its part of every batch", mpi);
}

#ifdef NASION_WITH_MPI
#define NASION_LAB_PROCESSES with_mpi
#else
#define NASION_LAB_PROCESSES one_process
#endif

// Units with MPI and without it share a program: what they mean by Processes has two names.
inline namespace NASION_LAB_PROCESSES {

#ifdef NASION_WITH_MPI

/// A handle: copies mean the same processes. Members are no more than a call of f where there is one process.
class Processes {
 public:
  explicit Processes(bool mpi = false) {
    if (!mpi) return;
    session_ = std::make_shared<nasion::distributed::Session>();
    set_process(session_->shard());
  }

  nasion::data::Shard shard() const { return session_ ? session_->shard() : nasion::data::Shard{}; }
  bool is_root() const { return shard().rank == 0; }

  /// Calls f in all processes; an error of one is one of all.
  template <class F>
  void together(F&& f) const {
    session_ ? session_->together(f) : f();
  }
  template <class F>
  void on_root(F&& f) const {
    session_ ? session_->on_root(f) : f();
  }
  /// f() of each process; the root's is done before the others begin, which find what it has written.
  template <class F>
  auto root_first(F&& f) const {
    std::optional<decltype(f())> result;
    for (const bool root : {true, false})
      together([&] {
        if (is_root() == root) result.emplace(f());
      });
    return std::move(*result);
  }

  /// Throws Interrupted in all processes if a signal has asked one of them to end.
  void stop_if_asked() const {
    if (!session_) return lab::stop_if_asked();
    const auto signals = session_->gather(static_cast<double>(interrupt_signal()));
    const double asked = *std::max_element(signals.begin(), signals.end());
    if (asked > 0) together([&] { throw Interrupted(static_cast<int>(asked)); });
  }

  void agree(const std::string& what, const std::string& text) const {
    if (session_) session_->agree(what, text);
  }
  template <class Loader>
  void check_loader(const Loader& loader) const {
    if (session_) nasion::distributed::check_loader(*session_, loader);
  }
  /// Makes texts, and the state of models and optimizers, those of the root.
  void broadcast(std::string& text) const {
    if (session_) session_->broadcast(text);
  }
  template <class Module>
  void broadcast_state(Module& module, const std::string& what) const {
    if (session_) nasion::distributed::broadcast_state(*session_, module, what);
  }

  nasion::training::LossSum sum(const nasion::training::LossSum& own) const {
    if (!session_) return own;
    double numbers[] = {own.sum, static_cast<double>(own.examples)};
    session_->sum(numbers);
    return {numbers[0], static_cast<nasion::Index>(numbers[1])};
  }

  /// Calls use(who): who trains the model, as training::fit wants to know.
  template <class Model, class Use>
  auto train_with(Model& model, Use&& use) const {
    if (!session_) return use(nasion::training::OneProcess{});
    return use(nasion::distributed::DataParallel<Model>(*session_, model, {.sync_batch_norm = true}));
  }

 private:
  std::shared_ptr<nasion::distributed::Session> session_;
};

#else

class Processes {
 public:
  explicit Processes(bool mpi = false) {
    nasion::check<nasion::ValueError>(!mpi,
                                      "--mpi: this program was built without MPI; install it (Debian: "
                                      "libopenmpi-dev openmpi-bin) and build again");
  }

  nasion::data::Shard shard() const { return {}; }
  bool is_root() const { return true; }
  void together(auto&& f) const { f(); }
  void on_root(auto&& f) const { f(); }
  auto root_first(auto&& f) const { return f(); }
  void stop_if_asked() const { lab::stop_if_asked(); }
  void agree(const std::string&, const std::string&) const {}
  void check_loader(const auto&) const {}
  void broadcast(std::string&) const {}
  void broadcast_state(auto&, const std::string&) const {}
  nasion::training::LossSum sum(const nasion::training::LossSum& own) const { return own; }
  auto train_with(auto&, auto&& use) const { return use(nasion::training::OneProcess{}); }
};

#endif

}  // namespace NASION_LAB_PROCESSES
}  // namespace lab
