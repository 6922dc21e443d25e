// Part 1: find the tip of the nose. A small convolutional network looks at a grey face of 80 x 60 pixels and answers
// with two numbers. The course trained it by plain gradient descent (recipe seed); recipe best shows how far it can go.

#include <functional>
#include <vector>

#include "lab/face_report.hpp"
#include "lab/faces.hpp"
#include "lab/program.hpp"
#include "lab/run.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/models/soft_argmax_cnn.hpp"
#include "nasion/nasion.hpp"

using namespace nasion;

namespace {

constexpr int width = 80, height = 60;
const std::vector<int> nose_tip{faces::imm::nose_tip};

/// The course's settings.
lab::TrainingRecipe seed_recipe() {
  return {.augmentation = {}, .optimizer = lab::OptimizerKind::sgd, .lr = 0.02, .epochs = 25, .batch = 16};
}

/// Chosen by cross-validation over the training persons alone.
lab::TrainingRecipe best_recipe() {
  return {.augmentation = lab::strong_augmentation(),
          .optimizer = lab::OptimizerKind::adam,
          .lr = 1e-3,
          .epochs = 60,
          .batch = 16,
          .schedule = optim::cosine(0.05)};
}

/// Calls `use` with the recipe's network: the course's regression, or soft-argmax over a map.
template <class Use>
void with_network(const lab::Options& options, Use&& use) {
  Rng rng(options.seed);
  if (options.recipe == lab::Recipe::seed)
    use(models::KeypointCnn<float>(models::nose_tip_config(), rng));
  else
    use(models::SoftArgmaxCnn<float>({}, rng));
}

const auto loss = [](const Tensorf& y, const Tensorf& target) { return mse_loss(y, target); };

/// The course's question: what does a learning rate of 0.5 do that 0.02 does not? Tried with the course's network.
std::vector<lab::RateTrial> compare_learning_rates(lab::FaceRun& task, std::uint64_t seed, int epochs) {
  std::vector<lab::RateTrial> trials;
  const auto training = lab::make_dataset(task.faces.training, width, height, nose_tip);
  for (const double rate : {0.02, 0.5}) {
    lab::RateTrial trial{io::csv_field(rate), {}, 0};
    task.progress.say("comparing: the course's recipe with learning rate " + trial.lr);
    Rng rng(seed);
    models::KeypointCnn<float> model(models::nose_tip_config(), rng);
    optim::SGD<float> sgd(nn::parameters(model), {.lr = rate});
    auto batches = data::make_loader(training, {.batch_size = seed_recipe().batch, .shuffle = true, .seed = seed});
    auto checks = data::make_loader(task.validation, {.batch_size = 16});
    training::fit(model, sgd, loss, batches, checks, trial.history,
                  {.epochs = epochs, .lr = rate, .after_step = lab::stop_if_asked, .progress = &task.progress});
    nn::eval(model);
    trial.spread_px = lab::spread_px(lab::predict(std::cref(model), task.validation, task.faces.validation));
    trials.push_back(std::move(trial));
  }
  lab::write_rate_trials(task.out, trials);
  return trials;
}

int run(const lab::Options& options, bool mpi) {
  const lab::Processes processes(mpi);
  const auto recipe = with_flags(options.recipe == lab::Recipe::seed ? seed_recipe() : best_recipe(), options);
  lab::FaceRun task("part1_nose_tip", options, recipe, width, height, nose_tip, processes);

  std::vector<lab::RateTrial> trials;  // a resumed folder may have the answer already
  processes.on_root([&] {
    if (task.out.resuming()) trials = lab::read_rate_trials(task.out);
  });
  lab::TrainingRun run;
  std::vector<lab::Prediction> predictions;
  Index parameter_count = 0;
  with_network(options, [&](auto model) {
    run = task.train(model, recipe, loss, options.seed);
    if (!processes.is_root()) return;
    parameter_count = nn::parameter_count(model);
    predictions = lab::predict(std::cref(model), task.validation, task.faces.validation);
  });
  if (!processes.is_root()) return run.exit_code();
  const int comparison_epochs = options.recipe == lab::Recipe::seed ? recipe.epochs : std::min(recipe.epochs, 8);
  if (trials.size() != 2) trials = compare_learning_rates(task, options.seed, comparison_epochs);

  task.write(predictions, nose_tip, run, options.seed);

  lab::Report report(
      "Part 1: the tip of the nose",
      message("A network of ", parameter_count, " parameters looks at a grey face of ", width, " x ", height,
              " pixels and tells where the tip of the nose is. Photos: ", task.faces.source, "."));
  lab::add_opening(report, predictions, run, recipe, "the tip of the nose", lab::mean_face_mse(task.faces, nose_tip),
                   task.settings);
  report.heading("What the network learns from");
  report.figure({"samples", lab::sample_sheet(task.faces.training, width, height, nose_tip),
                 "Training photos at the network's resolution, with the labelled tip of the nose."});
  lab::add_learning_rates(report, trials, comparison_epochs, lab::mean_face_mse(task.faces, nose_tip));
  lab::add_results(report, predictions, run, "MSE of the coordinates");
  report.write(task.out.path());
  lab::say_result("part1_nose_tip", task.out, predictions, run, recipe, task.progress);
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  bool mpi = false;
  return lab::run_program(
      argc, argv, "part1_nose_tip", "Learns to find the tip of the nose, and reports how well.",
      [&](const lab::Options& options) { return run(options, mpi); },
      [&](CLI::App& app) { lab::add_mpi_flag(app, mpi); });
}
