#pragma once
// A training run that lives in an output folder: checkpointed after every epoch, resumable, never mixed with another.
// Not in nasion_example_support, because only the programs know whether there is MPI.

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "nasion/core/autocast.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/io/checkpoint.hpp"
#include "nasion/optim/ema.hpp"
#include "nasion/training/fit.hpp"
#include "nasion/training/history_file.hpp"
#include "support/any_module.hpp"
#include "support/output_folder.hpp"
#include "support/processes.hpp"
#include "support/recipe.hpp"
#include "support/training_run.hpp"

namespace support {

/// Mean over a batch, of answers against targets.
using Loss = std::function<nasion::Tensorf(const nasion::Tensorf&, const nasion::Tensorf&)>;

/// What is trained.
struct Trainee {
  AnyModule model;
  AnyModule saved = model;                 ///< what a checkpoint keeps
  std::optional<AnyModule> average{};      ///< the moving average of the weights, which is validated then
  std::function<void()> update_average{};  ///< after each step
};

/// Trains with the recipe's batches, optimizer, schedule and arithmetic to its last epoch, from the checkpoint if the
/// folder is being resumed. Writes checkpoint.safetensors and history.csv after every epoch. Files are the root's,
/// which tells the other processes.
inline TrainingRun train_by_recipe(const OutputFolder& out, const Settings& settings, Trainee trainee,
                                   const TrainingRecipe& recipe, const nasion::faces::KeypointDataset& training,
                                   const nasion::faces::KeypointDataset& validation, const Loss& loss,
                                   std::uint64_t seed, nasion::training::Progress& progress,
                                   const Processes& processes) {
  namespace io = nasion::io;
  const auto shard = processes.shard();
  processes.together([&] { nasion::data::check_shard(shard, training.size(), recipe.batch, false); });
  auto batches =
      nasion::data::make_loader(training, {.batch_size = recipe.batch, .shuffle = true, .seed = seed, .shard = shard});
  const nasion::data::ShardedDataset own_checks(validation, shard, 16);
  auto checks = nasion::data::make_loader(own_checks, {.batch_size = 16});
  const nasion::Autocast autocast(recipe.autocast);
  AnyOptimizer optimizer = make_optimizer(recipe, nasion::nn::parameters(trainee.model));

  TrainingRun run;
  std::map<std::string, std::string> metadata;
  std::string lines;
  for (const auto& [name, value] : settings) {
    metadata["setting." + name] = value;
    lines += name + ": " + value + "\n";
  }
  processes.agree("settings", lines);
  processes.check_loader(batches);
  std::string history;
  processes.on_root([&] {
    if (!out.resuming()) return;
    const auto texts = io::read_metadata(out.checkpoint());
    check_same_settings(out, texts, settings);
    history = nasion::training::history_csv(checkpoint_history(texts, out.checkpoint(), recipe.epochs));
    io::load_checkpoint(out.checkpoint(), trainee.saved, optimizer);
  });
  processes.broadcast(history);
  processes.broadcast_state(trainee.saved, "model");
  processes.broadcast_state(optimizer, "optimizer");
  if (!history.empty()) {
    std::istringstream text(history);
    run.history = nasion::training::read_history(text, out.checkpoint());
    const auto& rows = run.history.rows();
    run.finite = std::isfinite(rows.back().train_loss) && std::isfinite(rows.back().val_loss);
    progress.say(nasion::message("resuming after epoch ", run.history.last_epoch()));
  }

  nasion::training::FitOptions fit{.epochs = recipe.epochs,
                                   .lr = recipe.lr,
                                   .schedule = recipe.schedule,
                                   .after_step =
                                       [&] {
                                         if (trainee.update_average) trainee.update_average();
                                         processes.stop_if_asked();
                                       },
                                   .progress = &progress};
  if (trainee.average)
    fit.validate = [&] { return nasion::training::evaluate(*trainee.average, checks, loss, processes); };
  fit.after_epoch = [&](const nasion::training::History& h) {
    processes.on_root([&] {
      auto with_history = metadata;
      with_history["history"] = nasion::training::history_csv(h);
      io::save_checkpoint(out.checkpoint(), trainee.saved, optimizer, with_history);
      nasion::training::write_history(out / "history.csv", h);
    });
  };
  if (run.finite)
    run.finite = processes.train_with(trainee.model, [&](auto&& who) {
      return nasion::training::fit(trainee.model, optimizer, loss, batches, checks, run.history, fit, who);
    });
  processes.on_root([&] { nasion::training::write_history(out / "history.csv", run.history); });
  return run;
}

/// The same for a model that ends with the weights that are to be used: the recipe may want their average.
template <class Model>
TrainingRun train_by_recipe(const OutputFolder& out, const Settings& settings, Model& model,
                            const TrainingRecipe& recipe, const nasion::faces::KeypointDataset& training,
                            const nasion::faces::KeypointDataset& validation, const Loss& loss, std::uint64_t seed,
                            nasion::training::Progress& progress, const Processes& processes = Processes()) {
  Trainee trainee{.model = any_module(model)};
  std::optional<nasion::optim::Ema<Model>> average;
  if (recipe.average) {
    average.emplace(model, nasion::optim::EmaOptions{.decay = *recipe.average});
    trainee.average = any_module(average->model());
    trainee.update_average = [&] { average->update(model); };
    trainee.saved.parts = [&](nasion::nn::Visitor<float>& f) {
      f("weights", model);
      f("average", *average);
    };
  }
  const auto run =
      train_by_recipe(out, settings, trainee, recipe, training, validation, loss, seed, progress, processes);
  if (trainee.average) nasion::nn::load_state_dict(trainee.model, nasion::nn::state_dict(*trainee.average));
  nasion::nn::eval(trainee.model);
  return run;
}

/// The same; also writes model.safetensors.
template <class Model>
TrainingRun run_training(const OutputFolder& out, const Settings& settings, Model& model, const TrainingRecipe& recipe,
                         const nasion::faces::KeypointDataset& training,
                         const nasion::faces::KeypointDataset& validation, const Loss& loss, std::uint64_t seed,
                         nasion::training::Progress& progress, const Processes& processes = Processes()) {
  const auto run = train_by_recipe(out, settings, model, recipe, training, validation, loss, seed, progress, processes);
  processes.on_root([&] { nasion::io::save(out.model(), any_module(model), model_metadata(settings, run)); });
  return run;
}

}  // namespace support
