#pragma once
// The training loop: epochs of steps, validation after each, until the end or until the loss is no longer a number.

#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "nasion/core/autograd.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/optim/clip.hpp"
#include "nasion/optim/schedule.hpp"
#include "nasion/train/history.hpp"
#include "nasion/train/progress.hpp"

namespace nasion::train {

struct FitOptions {
  int epochs = 1;
  double lr = 1e-3;                                   ///< base learning rate
  optim::Schedule schedule = optim::constant();       ///< factor on it, by the part of the run that is done
  std::optional<optim::PlateauOptions> plateau{};     ///< a further factor, by the validation losses so far
  std::optional<double> clip_grad_norm{};             ///< largest norm of all gradients together
  std::function<void()> after_step{};                 ///< for instance, to update an optim::Ema
  std::function<double()> validate{};                 ///< validation loss of something else, such as that average
  std::function<void(const History&)> after_epoch{};  ///< for instance, to write a checkpoint
  Progress* progress = nullptr;
};

/// Mean loss of `model` over the examples of `loader`, in eval mode and without a graph; NaN for no examples. `loss`
/// must be a mean over the batch. The mode of the modules is as before afterwards.
template <class M, class Loader, class Loss>
double evaluate(M& model, Loader& loader, Loss&& loss) {
  const NoGrad no_grad;
  std::vector<std::pair<bool*, bool>> modes;
  for (bool* flag : nn::traverse(model).training_flags) modes.emplace_back(flag, *flag);
  nn::eval(model);
  double total = 0;
  Index count = 0;
  for (const auto& batch : loader) {
    total +=
        static_cast<double>(loss(model(batch.input), batch.target).item()) * static_cast<double>(batch.input.dim(0));
    count += batch.input.dim(0);
  }
  for (const auto& [flag, mode] : modes) *flag = mode;
  return count ? total / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
}

namespace detail {
inline double plateau_factor(const History& history, const optim::PlateauOptions& options) {
  std::vector<double> losses;
  for (const auto& row : history.rows()) losses.push_back(row.val_loss);
  return optim::plateau_factor(losses, options);
}
}  // namespace detail

/// Trains from the epoch after the last one of `history` to `options.epochs`, adding a row for each. Returns whether
/// all went well: false when a loss became infinite or NaN, which ends the run with that epoch's row.
///
/// Batches have `input` and `target`; the loaders' epochs are numbered, so that a resumed run sees what it would have
/// seen.
template <class M, class Optimizer, class Loss, class TrainLoader, class ValLoader>
bool fit(M& model, Optimizer& optimizer, Loss&& loss, TrainLoader& training, ValLoader& validation, History& history,
         const FitOptions& options) {
  const auto steps = static_cast<double>(training.size());
  const auto parameters = nn::parameters(model);
  check<ValueError>(!options.plateau || validation.size() > 0,
                    "[fit] a plateau is seen in validation losses, but there are no validation examples");
  for (int epoch = history.last_epoch() + 1; epoch <= options.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    if (options.progress) options.progress->begin_epoch(epoch, options.epochs, static_cast<long>(training.size()));
    EpochRow row{.epoch = epoch};
    double total = 0, count = 0, step = (epoch - 1) * steps;
    const double lr = options.lr * (options.plateau ? detail::plateau_factor(history, *options.plateau) : 1.0);
    training.set_epoch(static_cast<std::uint64_t>(epoch - 1));
    nn::train(model);
    for (const auto& batch : training) {
      row.lr = optimizer.options.lr = lr * options.schedule(step++ / (steps * options.epochs));
      for (const auto& p : parameters) p.zero_grad();  // all of them: those that are not optimised count in clipping
      const auto error = loss(model(batch.input), batch.target);
      const auto value = static_cast<double>(error.item()), examples = static_cast<double>(batch.input.dim(0));
      total += value * examples;
      count += examples;
      if (!std::isfinite(value)) break;
      error.backward();
      if (options.clip_grad_norm) optim::clip_grad_norm(parameters, *options.clip_grad_norm);
      optimizer.step();
      if (options.after_step) options.after_step();
      if (options.progress) options.progress->advance(value);
    }
    row.train_loss = total / count;
    const bool finite = std::isfinite(row.train_loss);
    if (finite) row.val_loss = options.validate ? options.validate() : evaluate(model, validation, loss);
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    history.add(row);
    if (options.progress) options.progress->end_epoch(row);
    if (options.after_epoch) options.after_epoch(history);
    if (!finite || std::isinf(row.val_loss) || (std::isnan(row.val_loss) && validation.size() > 0)) return false;
  }
  return true;
}

}  // namespace nasion::train
