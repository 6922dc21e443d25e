#pragma once
// A training run that lives in an output folder: checkpointed after every epoch, resumable, never mixed with another.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/program.hpp"
#include "lab/src/any_module.hpp"
#include "lab/src/processes.hpp"
#include "lab/src/run_lock.hpp"
#include "nasion/core/autocast.hpp"
#include "nasion/core/tensor.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/io/checkpoint.hpp"
#include "nasion/optim/ema.hpp"
#include "nasion/optim/schedule.hpp"
#include "nasion/training/fit.hpp"
#include "nasion/training/history.hpp"
#include "nasion/training/history_file.hpp"
#include "nasion/vision/augment.hpp"

namespace lab {

class OutputFolder {
 public:
  /// Opens the folder, created when missing, holds it until the last copy of this is gone (see RunLock), and removes
  /// the unfinished files of runs that were killed. IoError
  /// when it cannot be written; when another run holds it; when it has what a run wrote and `resume` was not asked for;
  /// and when `resume` was asked for but there is no such folder, or results without their checkpoint. A folder
  /// without a run can be resumed: a run that stopped before its first checkpoint starts again.
  ///
  /// Of several processes of one run only the first `holds` the folder.
  OutputFolder(std::filesystem::path path, bool resume, bool holds = true);

  /// Whether there is a checkpoint to go on from, and that was asked for.
  bool resuming() const noexcept { return resuming_; }

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path model() const { return path_ / "model.safetensors"; }

  /// Writes or replaces a file in one step.
  void write(const std::filesystem::path& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<const RunLock> lock_;
  bool resuming_ = false;
};

struct TrainingRecipe {
  std::optional<nasion::vision::Augmentation> augmentation;
  OptimizerKind optimizer;
  double lr;
  int epochs, batch;
  nasion::optim::Schedule schedule = nasion::optim::constant();
  double weight_decay = 0;             ///< of AdamW
  std::optional<double> average = {};  ///< decay of the moving average of the weights, which is what is kept then
  bool autocast = false;
};

/// What the best recipes do to the training photos.
nasion::vision::Augmentation strong_augmentation();

/// The course's: up to 10 pixels of a width x height image in each direction, and light.
nasion::vision::Augmentation course_augmentation(int width, int height);

/// All its ranges that are not 0, for people.
std::string text_of(const std::optional<nasion::vision::Augmentation>& augmentation);

/// The recipe with what the command line says otherwise.
TrainingRecipe with_flags(TrainingRecipe recipe, const Options& options);

/// All that a run's result depends on, by name, as text for people and for the checkpoint.
using Settings = std::vector<std::pair<std::string, std::string>>;

Settings settings_of(const std::string& program, const Options& options, const TrainingRecipe& recipe,
                     const std::string& photos, const std::string& fingerprint);

/// The recipe's optimizer for these parameters.
AnyOptimizer make_optimizer(const TrainingRecipe& recipe, const std::vector<nasion::Tensorf>& parameters);

struct TrainingRun {
  nasion::training::History history;
  bool finite = true;  // false: the loss became infinite or NaN, and training stopped there

  double seconds() const {
    double total = 0;
    for (const auto& row : history.rows()) total += row.seconds;
    return total;
  }

  /// Of a program that has reported the run.
  int exit_code() const;
};

/// ValueError naming the first setting that the checkpoint's run did not have. Photos are the same when their
/// fingerprints are, wherever they lie; checkpoints without one are compared by the place of the photos.
void check_same_settings(const OutputFolder& out, const std::map<std::string, std::string>& saved,
                         const Settings& settings);

/// The epochs that a checkpoint says are done, of `epochs`. IoError naming the file unless it has them all from the
/// first on, and there is one.
nasion::training::History checkpoint_history(const std::map<std::string, std::string>& saved,
                                             const std::filesystem::path& file, int epochs);

/// What model.safetensors says beside the weights.
std::map<std::string, std::string> model_metadata(const Settings& settings, const TrainingRun& run);

/// Mean over a batch, of answers against targets.
using Loss = std::function<nasion::Tensorf(const nasion::Tensorf&, const nasion::Tensorf&)>;

/// What is trained.
struct Trainee {
  AnyModule model;
  AnyModule saved = model;                 ///< what a checkpoint keeps
  std::optional<AnyModule> average{};      ///< the moving average of the weights, which is validated then
  std::function<void()> update_average{};  ///< after each step
};

inline namespace NASION_LAB_PROCESSES {

/// How and on what it is trained, and where what becomes of it is kept.
struct TrainingTask {
  const OutputFolder& out;
  const Settings& settings;
  const TrainingRecipe& recipe;
  const nasion::faces::KeypointDataset &training, &validation;
  Loss loss;
  std::uint64_t seed;
  nasion::training::Progress& progress;
  Processes processes = Processes();
};

namespace detail {

/// Goes on from the folder's checkpoint, if there is one: loads it, and returns the epochs that it says are done.
inline TrainingRun resumed_run(Trainee& trainee, AnyOptimizer& optimizer, const TrainingTask& task) {
  namespace io = nasion::io;
  std::string history;
  task.processes.on_root([&] {
    if (!task.out.resuming()) return;
    const auto checkpoint = task.out.checkpoint();
    const auto texts = io::read_metadata(checkpoint);
    check_same_settings(task.out, texts, task.settings);
    history = nasion::training::history_csv(checkpoint_history(texts, checkpoint, task.recipe.epochs));
    io::load_checkpoint(checkpoint, trainee.saved, optimizer);
  });
  task.processes.broadcast(history);
  task.processes.broadcast_state(trainee.saved, "model");
  task.processes.broadcast_state(optimizer, "optimizer");
  TrainingRun run;
  if (history.empty()) return run;
  std::istringstream text(history);
  run.history = nasion::training::read_history(text, task.out.checkpoint());
  const auto& rows = run.history.rows();
  run.finite = std::isfinite(rows.back().train_loss) && std::isfinite(rows.back().val_loss);
  task.progress.say(nasion::message("resuming after epoch ", run.history.last_epoch()));
  return run;
}

/// Keeps what an epoch has led to.
inline void write_checkpoint(Trainee& trainee, AnyOptimizer& optimizer, const TrainingTask& task,
                             const nasion::training::History& history) {
  std::map<std::string, std::string> metadata{{"history", nasion::training::history_csv(history)}};
  for (const auto& [name, value] : task.settings) metadata["setting." + name] = value;
  nasion::io::save_checkpoint(task.out.checkpoint(), trainee.saved, optimizer, metadata);
  nasion::training::write_history(task.out / "history.csv", history);
}

}  // namespace detail

/// Trains with the recipe's batches, optimizer, schedule and arithmetic to its last epoch, from the checkpoint if the
/// folder is being resumed. Writes checkpoint.safetensors and history.csv after every epoch. Files are the root's,
/// which tells the other processes.
inline TrainingRun train_by_recipe(Trainee trainee, const TrainingTask& task) {
  const TrainingRecipe& recipe = task.recipe;
  const Processes& processes = task.processes;
  const auto shard = processes.shard();
  processes.together([&] { nasion::data::check_shard(shard, task.training.size(), recipe.batch, false); });
  auto batches = nasion::data::make_loader(
      task.training, {.batch_size = recipe.batch, .shuffle = true, .seed = task.seed, .shard = shard});
  const nasion::data::ShardedDataset own_checks(task.validation, shard, 16);
  auto checks = nasion::data::make_loader(own_checks, {.batch_size = 16});
  const nasion::Autocast autocast(recipe.autocast);
  AnyOptimizer optimizer = make_optimizer(recipe, nasion::nn::parameters(trainee.model));
  std::string lines;
  for (const auto& [name, value] : task.settings) lines += name + ": " + value + "\n";
  processes.agree("settings", lines);
  processes.check_loader(batches);
  TrainingRun run = detail::resumed_run(trainee, optimizer, task);

  nasion::training::FitOptions fit{
      .epochs = recipe.epochs, .lr = recipe.lr, .schedule = recipe.schedule, .progress = &task.progress};
  fit.after_step = [&] {
    if (trainee.update_average) trainee.update_average();
    task.processes.stop_if_asked();
  };
  if (trainee.average)
    fit.validate = [&] { return nasion::training::evaluate(*trainee.average, checks, task.loss, task.processes); };
  fit.after_epoch = [&](const nasion::training::History& history) {
    task.processes.on_root([&] { detail::write_checkpoint(trainee, optimizer, task, history); });
  };
  if (run.finite)
    run.finite = processes.train_with(trainee.model, [&](auto&& who) {
      return nasion::training::fit(trainee.model, optimizer, task.loss, batches, checks, run.history, fit, who);
    });
  processes.on_root([&] { nasion::training::write_history(task.out / "history.csv", run.history); });
  return run;
}

/// The same for a model that ends with the weights that are to be used: the recipe may want their average.
template <class Model>
TrainingRun train_by_recipe(Model& model, const TrainingTask& task) {
  Trainee trainee{.model = any_module(model)};
  std::optional<nasion::optim::Ema<Model>> average;
  if (task.recipe.average) {
    average.emplace(model, nasion::optim::EmaOptions{.decay = *task.recipe.average});
    trainee.average = any_module(average->model());
    trainee.update_average = [&] { average->update(model); };
    trainee.saved.parts = [&](nasion::nn::Visitor<float>& f) {
      f("weights", model);
      f("average", *average);
    };
  }
  const auto run = train_by_recipe(trainee, task);
  if (trainee.average) nasion::nn::load_state_dict(trainee.model, nasion::nn::state_dict(*trainee.average));
  nasion::nn::eval(trainee.model);
  return run;
}

/// The same; also writes model.safetensors.
template <class Model>
TrainingRun run_training(Model& model, const TrainingTask& task) {
  const auto run = train_by_recipe(model, task);
  task.processes.on_root(
      [&] { nasion::io::save(task.out.model(), any_module(model), model_metadata(task.settings, run)); });
  return run;
}

}  // namespace NASION_LAB_PROCESSES
}  // namespace lab
