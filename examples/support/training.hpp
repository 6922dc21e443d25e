#pragma once
// A training run that lives in an output folder: checkpointed after every epoch, resumable, never mixed with another.

#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nasion/core/autocast.hpp"
#include "nasion/io/checkpoint.hpp"
#include "nasion/optim/ema.hpp"
#include "nasion/train/fit.hpp"
#include "nasion/vision/keypoint_dataset.hpp"
#include "support/output_folder.hpp"
#include "support/processes.hpp"
#include "support/recipe.hpp"

namespace support {

struct TrainingRun {
  nasion::train::History history;
  bool finite = true;  // false: the loss became infinite or NaN, and training stopped there

  double seconds() const {
    double total = 0;
    for (const auto& row : history.rows()) total += row.seconds;
    return total;
  }
};

/// ValueError naming the first setting that the checkpoint's run did not have.
inline void check_same_settings(const OutputFolder& out, const std::map<std::string, std::string>& saved,
                                const Settings& settings) {
  for (const auto& [name, value] : settings) {
    const auto there = saved.find("setting." + name);
    nasion::check<nasion::ValueError>(there != saved.end() && there->second == value, out.path().string(),
                                      ": this run has ", name, " ", there == saved.end() ? "(not set)" : there->second,
                                      ", not ", value, ": give the same flags to resume it, or another --out");
  }
}

/// A model and the moving average of its weights, as a checkpoint has them.
template <class Model>
struct WithAverage {
  using Scalar = nasion::nn::ScalarOf<Model>;
  Model& model;
  nasion::optim::Ema<Model>& average;

  static void visit(auto& self, auto&& f) {
    f("weights", self.model);
    f("average", self.average);
  }
};

/// Trains to options.epochs, from the checkpoint if the folder is being resumed. Writes checkpoint.safetensors and
/// history.csv after every epoch. `saved` is what a checkpoint keeps: the model, and perhaps its average. Files are the
/// root's, which tells the other processes.
template <class Model, class Saved, class Optimizer, class Loss, class TrainLoader, class ValLoader>
TrainingRun run_training(const OutputFolder& out, const Settings& settings, Model& model, Saved&& saved,
                         Optimizer& optimizer, Loss&& loss, TrainLoader& training, ValLoader& validation,
                         nasion::train::FitOptions options, const Processes& processes) {
  namespace io = nasion::io;
  TrainingRun run;
  std::map<std::string, std::string> metadata;
  std::string lines;
  for (const auto& [name, value] : settings) {
    metadata["setting." + name] = value;
    lines += name + ": " + value + "\n";
  }
  processes.agree("settings", lines);
  processes.check_loader(training);
  std::string history;
  processes.on_root([&] {
    if (!out.resuming()) return;
    auto texts = io::read_metadata(out.checkpoint());
    check_same_settings(out, texts, settings);
    io::load_checkpoint(out.checkpoint(), saved, optimizer);
    history = texts["history"];
  });
  processes.broadcast(history);
  processes.broadcast_state(saved, "model");
  processes.broadcast_state(optimizer, "optimizer");
  if (!history.empty()) {
    std::istringstream text(history);
    run.history = nasion::train::History::read(text, out.checkpoint());
    const auto& rows = run.history.rows();
    run.finite = rows.empty() || (std::isfinite(rows.back().train_loss) && std::isfinite(rows.back().val_loss));
    if (options.progress) options.progress->say(nasion::message("resuming after epoch ", run.history.last_epoch()));
  }
  options.after_epoch = [&](const nasion::train::History& h) {
    processes.on_root([&] {
      auto with_history = metadata;
      with_history["history"] = h.csv();
      io::save_checkpoint(out.checkpoint(), saved, optimizer, with_history);
      h.write(out / "history.csv");
    });
  };
  if (run.finite)
    run.finite = processes.train_with(model, [&](auto&& who) {
      return nasion::train::fit(model, optimizer, loss, training, validation, run.history, options, who);
    });
  processes.on_root([&] { run.history.write(out / "history.csv"); });
  return run;
}

/// What model.safetensors says beside the weights.
inline nasion::io::Metadata model_metadata(const Settings& settings, const TrainingRun& run) {
  nasion::io::Metadata metadata;
  for (const auto& [name, value] : settings) metadata["setting." + name] = value;
  if (!run.finite)
    metadata["diverged"] = nasion::message("the loss was not finite in epoch ", run.history.last_epoch());
  return metadata;
}

/// The same, with the recipe's batches, optimizer, schedule, average and arithmetic. The model ends with the weights
/// that are to be used.
template <class Model, class Dataset, class Loss>
TrainingRun train_by_recipe(const OutputFolder& out, const Settings& settings, Model& model,
                            const TrainingRecipe& recipe, const Dataset& training, const Dataset& validation,
                            Loss&& loss, std::uint64_t seed, nasion::train::Progress& progress,
                            const Processes& processes = Processes()) {
  const auto shard = processes.shard();
  processes.together([&] { nasion::data::check_shard(shard, training.size(), recipe.batch, false); });
  auto batches =
      nasion::data::make_loader(training, {.batch_size = recipe.batch, .shuffle = true, .seed = seed, .shard = shard});
  const nasion::data::ShardedDataset own_checks(validation, shard, 16);
  auto checks = nasion::data::make_loader(own_checks, {.batch_size = 16});
  nasion::train::FitOptions fit{
      .epochs = recipe.epochs, .lr = recipe.lr, .schedule = recipe.schedule, .progress = &progress};
  const nasion::Autocast autocast(recipe.autocast);
  TrainingRun run;
  with_optimizer(recipe, model, [&](auto& optimizer) {
    if (!recipe.average) {
      run = run_training(out, settings, model, model, optimizer, loss, batches, checks, fit, processes);
      return;
    }
    nasion::optim::Ema<Model> average(model, {.decay = *recipe.average});
    fit.after_step = [&] { average.update(model); };
    fit.validate = [&] { return nasion::train::evaluate(average.model(), checks, loss, processes); };
    run = run_training(out, settings, model, WithAverage<Model>{model, average}, optimizer, loss, batches, checks, fit,
                       processes);
    nasion::nn::load_state_dict(model, nasion::nn::state_dict(average.model()));
  });
  nasion::nn::eval(model);
  return run;
}

/// The same; also writes model.safetensors.
template <class Model, class Loss>
TrainingRun run_training(const OutputFolder& out, const Settings& settings, Model& model, const TrainingRecipe& recipe,
                         const nasion::vision::KeypointDataset& training,
                         const nasion::vision::KeypointDataset& validation, Loss&& loss, std::uint64_t seed,
                         nasion::train::Progress& progress, const Processes& processes = Processes()) {
  const auto run = train_by_recipe(out, settings, model, recipe, training, validation, loss, seed, progress, processes);
  processes.on_root([&] { nasion::io::save(out.model(), model, model_metadata(settings, run)); });
  return run;
}

}  // namespace support
