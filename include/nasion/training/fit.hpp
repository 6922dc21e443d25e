#pragma once
// The training loop: epochs of steps, validation after each, until the end or until the loss is no longer a number.

#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <tuple>
#include <vector>

#include "nasion/core/autograd.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/optim/clip.hpp"
#include "nasion/optim/schedule.hpp"
#include "nasion/training/history.hpp"
#include "nasion/training/progress.hpp"

namespace nasion::training {

/// Losses of examples, added up.
struct LossSum {
  double sum = 0;
  Index examples = 0;

  /// The mean loss of an example; NaN for none.
  double mean() const {
    return examples ? sum / static_cast<double>(examples) : std::numeric_limits<double>::quiet_NaN();
  }
  /// Adds the losses of other examples.
  LossSum& operator+=(const LossSum& other) {
    sum += other.sum;
    examples += other.examples;
    return *this;
  }
};

/// Who trains: this process alone. What else stands here does the same for processes that share each batch
/// (distributed/data_parallel.hpp).
struct OneProcess {
  /// Calls `loss`, which computes the mean loss of `examples` examples, and then backward() unless it is not finite.
  template <class Loss>
  LossSum gradients(Index examples, Loss&& loss) {
    const auto error = loss();
    const auto value = static_cast<double>(error.item());
    if (std::isfinite(value)) error.backward();
    return {value * static_cast<double>(examples), examples};
  }
  /// Losses of all processes together: here those of the only one.
  LossSum sum(const LossSum& own) { return own; }
};

/// Ends a run when the validation loss has not become better, by more than `min_delta`, for `patience` epochs.
struct EarlyStopping {
  int patience = 10;
  double min_delta = 0;
};

/// What fit() does besides steps and validation; all of it may be left out.
struct FitOptions {
  int epochs = 1;
  std::optional<double> lr{};                         ///< base learning rate; without it, what the optimizer has
  optim::Schedule schedule = optim::constant();       ///< factor on it, by the part of the run that is done
  std::optional<optim::PlateauOptions> plateau{};     ///< a further factor, by the validation losses so far
  std::optional<EarlyStopping> early_stopping{};      ///< without it, all epochs are trained
  std::optional<double> clip_grad_norm{};             ///< largest norm of all gradients together
  std::function<void()> after_step{};                 ///< for instance, to update an optim::Ema
  std::function<double()> validate{};                 ///< validation loss of something else, such as that average
  std::function<void(const History&)> after_epoch{};  ///< for instance, to write a checkpoint
  Progress* progress = nullptr;
};

namespace detail {

/// model(input), or of all elements of a tuple.
template <class M, class Input>
auto predict(M& model, const Input& input) {
  if constexpr (requires { std::tuple_size<Input>::value; })
    return std::apply(model, input);
  else
    return model(input);
}

/// Examples of a batch: the first size of its (first) input.
template <class Input>
Index examples(const Input& input) {
  if constexpr (requires { std::tuple_size<Input>::value; })
    return examples(std::get<0>(input));
  else if constexpr (requires { input.shape(); })
    return input.dim(0);
  else
    return input.shape[0];
}

}  // namespace detail

/// Losses of `model` on the examples of `loader`, in eval mode and without a graph. `loss` must be a mean over the
/// batch. The mode of the modules is as before afterwards.
template <class M, class Loader, class Loss>
LossSum sum_of_losses(M& model, Loader& loader, Loss&& loss) {
  const NoGrad no_grad;
  std::vector<std::pair<bool*, bool>> modes;
  for (bool* flag : nn::traverse(model).training_flags) modes.emplace_back(flag, *flag);
  nn::eval(model);
  LossSum total;
  for (const auto& batch : loader) {
    const Index examples = detail::examples(batch.input);
    const auto mean = static_cast<double>(loss(detail::predict(model, batch.input), batch.target).item());
    total += {mean * static_cast<double>(examples), examples};
  }
  for (const auto& [flag, mode] : modes) *flag = mode;
  return total;
}

/// Their mean, over the loaders of all processes; NaN for no examples.
template <class M, class Loader, class Loss, class Processes = OneProcess>
double evaluate(M& model, Loader& loader, Loss&& loss, Processes&& processes = {}) {
  return processes.sum(sum_of_losses(model, loader, loss)).mean();
}

namespace detail {
/// While alive, the learning rate may be moved; then it is as before.
class LearningRate {
 public:
  [[nodiscard]] explicit LearningRate(double& lr) : lr_(lr), before_(lr) {}
  ~LearningRate() { lr_ = before_; }
  LearningRate(const LearningRate&) = delete;
  LearningRate& operator=(const LearningRate&) = delete;

 private:
  double& lr_;
  double before_;
};

inline double plateau_factor(const History& history, const optim::PlateauOptions& options) {
  std::vector<double> losses;
  for (const auto& row : history.rows()) losses.push_back(row.val_loss);
  return optim::plateau_factor(losses, options);
}

/// Whether the last `patience` losses were no better than the best before them.
inline bool stops_early(const History& history, const EarlyStopping& options) {
  double best = std::numeric_limits<double>::infinity();
  int since = 0;
  for (const auto& row : history.rows()) {
    const bool better = row.val_loss < best - options.min_delta;
    since = better ? 0 : since + 1;
    if (better) best = row.val_loss;
  }
  return since >= options.patience;
}
}  // namespace detail

/// Trains from the epoch after the last one of `history` to `options.epochs`, adding a row for each. Returns whether
/// all went well: false when a loss became infinite or NaN, which ends the run with that epoch's row.
///
/// Batches have `input`, of which a std::tuple is given to the model as several arguments, and `target`, whatever the
/// loss takes; the loaders' epochs are numbered, so that a resumed run sees what it would have
/// seen. With `processes` other than one, the loaders give this one's part, and the history is that of all. The
/// optimizer's learning rate is as before afterwards. A run of a single step is in the middle of its schedule, whose
/// ends may be 0.   ValueError for a training loader without batches, and for a learning rate that the optimizer
/// refuses.
template <class M, class Optimizer, class Loss, class TrainLoader, class ValLoader, class Processes = OneProcess>
bool fit(M& model, Optimizer& optimizer, Loss&& loss, TrainLoader& training, ValLoader& validation, History& history,
         const FitOptions& options, Processes&& processes = {}) {
  const auto steps = static_cast<double>(training.size());
  const auto parameters = nn::parameters(model);
  check<ValueError>(processes.sum({0, training.size()}).examples > 0,
                    "[fit] there is nothing to train on: the training loader has no batches");
  const bool validates = processes.sum({0, validation.size()}).examples > 0;
  check<ValueError>(!options.plateau || validates,
                    "[fit] a plateau is seen in validation losses, but there are no validation examples");
  check<ValueError>(!options.early_stopping ||
                        (validates && options.early_stopping->patience > 0 && options.early_stopping->min_delta >= 0),
                    "[fit] early stopping needs validation examples, a patience above 0 and a min_delta not below");
  check<ValueError>(options.schedule != nullptr, "[fit] needs a schedule, such as optim::constant()");
  const detail::LearningRate restored(optimizer.options.lr);
  const double base = options.lr.value_or(optimizer.options.lr), all = steps * options.epochs;
  for (int epoch = history.last_epoch() + 1; epoch <= options.epochs; ++epoch) {
    if (options.early_stopping && detail::stops_early(history, *options.early_stopping)) break;
    const auto start = std::chrono::steady_clock::now();
    if (options.progress) options.progress->begin_epoch(epoch, options.epochs, static_cast<long>(training.size()));
    EpochRow row{.epoch = epoch};
    double step = (epoch - 1) * steps;
    LossSum total;
    const double lr = base * (options.plateau ? detail::plateau_factor(history, *options.plateau) : 1.0);
    training.set_epoch(static_cast<std::uint64_t>(epoch - 1));
    nn::train(model);
    for (const auto& batch : training) {
      row.lr = optimizer.options.lr = lr * options.schedule(all > 1 ? step++ / all : 0.5);
      for (const auto& p : parameters) p.zero_grad();  // all of them: those that are not optimised count in clipping
      const LossSum error = processes.gradients(
          detail::examples(batch.input), [&] { return loss(detail::predict(model, batch.input), batch.target); });
      total += error;
      if (!std::isfinite(error.mean())) break;
      if (options.clip_grad_norm) optim::clip_grad_norm(parameters, *options.clip_grad_norm);
      optimizer.step();
      if (options.after_step) options.after_step();
      if (options.progress) options.progress->advance(error.mean());
    }
    row.train_loss = total.mean();
    const bool finite = std::isfinite(row.train_loss);
    if (finite) row.val_loss = options.validate ? options.validate() : evaluate(model, validation, loss, processes);
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    history.add(row);
    if (options.progress) options.progress->end_epoch(row);
    if (options.after_epoch) options.after_epoch(history);
    if (!finite || std::isinf(row.val_loss) || (std::isnan(row.val_loss) && validates)) return false;
  }
  return true;
}

}  // namespace nasion::training
