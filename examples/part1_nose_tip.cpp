// Part 1: find the tip of the nose. A small convolutional network looks at a grey face of 80 x 60 pixels and answers
// with two numbers. The course trained it by plain gradient descent (recipe seed); recipe best shows how far it can go.

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nasion/io/csv.hpp"
#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/models/soft_argmax_cnn.hpp"
#include "nasion/nasion.hpp"
#include "support/curves.hpp"
#include "support/evaluation.hpp"
#include "support/face_report.hpp"
#include "support/faces.hpp"
#include "support/learning_rates.hpp"
#include "support/program.hpp"
#include "support/training.hpp"

using namespace nasion;
using support::fixed, support::RateTrial;

namespace {

constexpr int width = 80, height = 60;
const std::vector<int> nose_tip{faces::imm::nose_tip};

/// The course's settings.
support::TrainingRecipe seed_recipe() {
  return {
      .augmentation = std::nullopt, .optimizer = support::OptimizerKind::sgd, .lr = 0.02, .epochs = 25, .batch = 16};
}

/// Chosen by cross-validation over the training persons alone.
support::TrainingRecipe best_recipe() {
  return {.augmentation = support::strong_augmentation(),
          .optimizer = support::OptimizerKind::adam,
          .lr = 1e-3,
          .epochs = 60,
          .batch = 16,
          .schedule = optim::cosine(0.05)};
}

/// Calls `use` with the recipe's network: the course's regression, or soft-argmax over a map.
template <class Use>
void with_network(const support::Options& options, Use&& use) {
  Rng rng(options.seed);
  if (options.recipe == support::Recipe::seed)
    use(models::KeypointCnn<float>(models::nose_tip_config(), rng));
  else
    use(models::SoftArgmaxCnn<float>({}, rng));
}

const auto loss = [](const Tensorf& y, const Tensorf& target) { return mse_loss(y, target); };

double spread_px(const std::vector<support::Prediction>& predictions) {
  double x = 0, y = 0, squares = 0;
  const auto n = static_cast<double>(predictions.size());
  for (const auto& p : predictions) x += p.predicted[0].x / n, y += p.predicted[0].y / n;
  for (const auto& p : predictions) squares += std::pow(p.predicted[0].x - x, 2) + std::pow(p.predicted[0].y - y, 2);
  return std::sqrt(squares / n);
}

/// The course's question: what does a learning rate of 0.5 do that 0.02 does not? Trains the course's network with
/// each.
std::vector<RateTrial> compare_learning_rates(const support::OutputFolder& out, const support::Faces& faces,
                                              std::uint64_t seed, int epochs, training::Progress& progress) {
  std::vector<RateTrial> trials;
  for (const double rate : {0.02, 0.5}) {
    const auto lr = io::csv_field(rate);
    progress.say("comparing: the course's recipe with learning rate " + lr);
    Rng rng(seed);
    models::KeypointCnn<float> model(models::nose_tip_config(), rng);
    optim::SGD<float> sgd(nn::parameters(model), {.lr = rate});
    const auto training = support::make_dataset(faces.training, width, height, nose_tip),
               validation = support::make_dataset(faces.validation, width, height, nose_tip);
    auto batches = data::make_loader(training, {.batch_size = seed_recipe().batch, .shuffle = true, .seed = seed});
    auto checks = data::make_loader(validation, {.batch_size = 16});
    RateTrial trial{lr, {}, 0};
    training::fit(model, sgd, loss, batches, checks, trial.history,
                  {.epochs = epochs, .lr = rate, .after_step = support::stop_if_asked, .progress = &progress});
    nn::eval(model);
    trial.spread_px = spread_px(support::predict(std::cref(model), validation, faces.validation));
    trials.push_back(std::move(trial));
  }
  support::write_rate_trials(out, trials);
  return trials;
}

std::string told(const RateTrial& trial) {
  const auto& last = trial.history.rows().back();
  if (!std::isfinite(last.train_loss))
    return message("With learning rate ", trial.lr, " it diverges: the loss is no number any more in epoch ",
                   last.epoch, ".");
  return message(
      "With learning rate ", trial.lr, " it ends at a loss of ", fixed(last.train_loss, 5),
      " on the training photos and ", fixed(last.val_loss, 5), " on the others, and its answers for these differ by ",
      fixed(trial.spread_px, 2), " px",
      trial.spread_px < 0.05
          ? ": it says the same of every photo, because the first long steps have switched its units off for good."
          : ".");
}

int run(const support::Options& options, bool mpi) {
  const support::Processes processes(mpi);
  const auto recipe = with_flags(options.recipe == support::Recipe::seed ? seed_recipe() : best_recipe(), options);
  const auto out =
      processes.root_first([&] { return support::OutputFolder(options.out, options.resume, processes.is_root()); });
  training::Progress progress(training::Progress::detect(options.quiet || !processes.is_root()));
  const auto faces = processes.root_first([&] { return support::load_faces(options, out, progress); });
  const auto settings = support::settings_of("part1_nose_tip", options, recipe, faces.source, faces.fingerprint);
  const auto training = support::make_dataset(faces.training, width, height, nose_tip, recipe.augmentation),
             validation = support::make_dataset(faces.validation, width, height, nose_tip);

  std::vector<RateTrial> trials;  // a resumed folder may have the answer already
  processes.on_root([&] {
    if (out.resuming()) trials = support::read_rate_trials(out);
  });
  support::TrainingRun run;
  std::vector<support::Prediction> predictions;
  Index parameter_count = 0;
  with_network(options, [&](auto model) {
    run = support::run_training(out, settings, model, recipe, training, validation, loss, options.seed, progress,
                                processes);
    if (!processes.is_root()) return;
    parameter_count = nn::parameter_count(model);
    predictions = support::predict(std::cref(model), validation, faces.validation);
  });
  if (!processes.is_root()) return run.exit_code();
  const int comparison_epochs = options.recipe == support::Recipe::seed ? recipe.epochs : std::min(recipe.epochs, 8);
  if (trials.size() != 2) trials = compare_learning_rates(out, faces, options.seed, comparison_epochs, progress);

  support::write_predictions(out, predictions, nose_tip);
  support::write_metrics(out, predictions, run, faces.training.size(), settings, options.seed);

  support::Report report(
      "Part 1: the tip of the nose",
      message("A network of ", parameter_count, " parameters looks at a grey face of ", width, " x ", height,
              " pixels and tells where the tip of the nose is. Photos: ", faces.source, "."));
  support::add_key_figures(report, predictions, run, recipe);
  support::add_summary(report, predictions, "the tip of the nose", support::mean_face_mse(faces, nose_tip));
  report.settings(settings);
  report.heading("What the network learns from");
  report.figure({"samples", support::sample_sheet(faces.training, width, height, nose_tip),
                 "Training photos at the network's resolution, with the labelled tip of the nose."});
  report.heading("The learning rate");
  std::vector<support::NamedChart> rates;
  for (const bool on_validation : {false, true}) {
    support::Chart chart{.x_title = "epoch",
                         .y_title = on_validation ? "validation loss" : "training loss",
                         .series = {},
                         .log_y = true};
    for (const auto& trial : trials) {
      chart.series.push_back({"learning rate " + trial.lr, {}});
      for (const auto& row : trial.history.rows())
        chart.series.back().points.emplace_back(row.epoch, on_validation ? row.val_loss : row.train_loss);
    }
    rates.push_back({on_validation ? "learning_rates_validation" : "learning_rates", chart,
                     on_validation ? "The same on the validation photos."
                                   : "Loss of the course's network on the training photos."});
  }
  report.paragraph(message("The course's network, trained by plain gradient descent for ", comparison_epochs,
                           " epochs. ", told(trials[0]), " ", told(trials[1]),
                           " For comparison, answering with the mean position of the training photos gives ",
                           fixed(support::mean_face_mse(faces, nose_tip), 5), " on the validation photos."));
  report.charts(rates);
  report.heading("How it learned");
  support::add_curves(report, run.history, "MSE of the coordinates");
  report.heading("Where it is right, and where it is wrong");
  support::add_view_errors(report, predictions);
  support::add_successes_and_failures(report, predictions);
  report.write(out.path());
  support::say_result("part1_nose_tip", out, predictions, run, recipe, progress);
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  bool mpi = false;
  return support::run_program(
      argc, argv, "part1_nose_tip", "Learns to find the tip of the nose, and reports how well.",
      [&](const support::Options& options) { return run(options, mpi); },
      [&](CLI::App& app) { support::add_mpi_flag(app, mpi); });
}
