// Part 2: find all 58 points of a face. Recipe seed is the course's network and settings: convolutions, then linear
// layers that answer with 116 numbers. Recipe best reads every point from a map of its own (soft-argmax).

#include <functional>
#include <optional>
#include <vector>

#include "lab/face_report.hpp"
#include "lab/faces.hpp"
#include "lab/program.hpp"
#include "lab/run.hpp"
#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/models/soft_argmax_cnn.hpp"
#include "nasion/nasion.hpp"
#include "nasion/vision/maps.hpp"

using namespace nasion;
using lab::fixed;

namespace {

constexpr int width = 160, height = 120;

/// The course's network, or the one that reads maps.
enum class Network { course, soft_argmax };

const char* name_of(Network network) { return network == Network::course ? "course" : "soft-argmax"; }

/// The course's settings.
lab::TrainingRecipe seed_recipe() {
  return {.augmentation = lab::course_augmentation(width, height),
          .optimizer = lab::OptimizerKind::sgd,
          .lr = 0.02,
          .epochs = 25,
          .batch = 64};
}

/// Chosen by cross-validation over the training persons alone.
lab::TrainingRecipe best_recipe() {
  return {.augmentation = lab::strong_augmentation(),
          .optimizer = lab::OptimizerKind::adam,
          .lr = 3e-3,
          .epochs = 150,
          .batch = 16,
          .schedule = optim::cosine(0.05)};
}

template <class Use>
void with_network(Network network, std::uint64_t seed, Use&& use) {
  Rng rng(seed);
  if (network == Network::course)
    use(models::KeypointCnn<float>(models::full_face_config(), rng));
  else
    use(models::SoftArgmaxCnn<float>({.points = faces::imm::point_count, .dilations = {2, 4, 8, 4, 2}}, rng));
}

int run(const lab::Options& options, std::optional<Network> chosen) {
  const bool seed = options.recipe == lab::Recipe::seed;
  const Network network = chosen.value_or(seed ? Network::course : Network::soft_argmax);
  const auto recipe = with_flags(seed ? seed_recipe() : best_recipe(), options);
  lab::FaceRun task("part2_full_face", options, recipe, width, height, lab::all_points());
  task.settings.emplace_back("network", name_of(network));

  lab::TrainingRun run;
  std::vector<lab::Prediction> predictions;
  std::vector<lab::Figure> filters;
  Index parameter_count = 0;
  with_network(network, options.seed, [&](auto model) {
    const auto loss = [](const Tensorf& y, const Tensorf& target) { return mse_loss(y, target); };
    run = task.train(model, recipe, loss, options.seed);
    parameter_count = nn::parameter_count(model);
    predictions = lab::predict(std::cref(model), task.validation, task.faces.validation);
    if (run.finite) filters = lab::filter_figures(nn::named_parameters(model));  // otherwise weights may be no numbers
  });
  task.write(predictions, lab::all_points(), run, options.seed);

  lab::Report report("Part 2: the whole face",
                     message("A network of ", parameter_count, " parameters looks at a grey face of ", width, " x ",
                             height, " pixels and tells where its 58 points are. Photos: ", task.faces.source, "."));
  lab::add_opening(report, predictions, run, recipe, "a point", lab::mean_face_mse(task.faces, lab::all_points()),
                   task.settings);
  report.heading("What the network learns from");
  report.figure({"samples", lab::sample_sheet(task.faces.training, width, height, lab::all_points()),
                 "Training photos at the network's resolution, with their labelled points."});
  report.figure({"augmented", lab::augmented_sheet(task.training, 15, options.seed, 2),
                 "The same as the network sees them in training (" + lab::text_of(recipe.augmentation) + ")."});
  const auto& sample = task.faces.training.front();
  report.figure({"augmentation_kinds",
                 lab::augmentation_kinds_sheet(sample.photo, sample.points, task.validation.options(), options.seed),
                 "Every kind of change that a recipe can ask for, alone and strongly."});
  lab::add_results(report, predictions, run, "MSE of the coordinates");
  report.heading("Which points are hard");
  lab::add_point_errors(report, predictions);
  if (!filters.empty()) {
    report.heading("What it has learned");
    report.paragraph(
        "Every filter of every convolution: red weighs positive, blue negative, white nothing. The filters of one "
        "output channel lie side by side, one for each input channel.");
    for (const auto& figure : filters) report.figure(figure);
  }
  report.write(task.out.path());
  lab::say_result("part2_full_face", task.out, predictions, run, recipe, task.progress);
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<Network> network;
  return lab::run_program(
      argc, argv, "part2_full_face", "Learns to find all 58 points of a face, and reports how well.",
      [&](const lab::Options& options) { return run(options, network); },
      [&](CLI::App& app) {
        lab::add_flag(app, "--network", "course|soft-argmax",
                      "the course's layers, or one map for each point (default: the recipe's)", network,
                      [](const std::string& flag, const std::string& text) {
                        return lab::one_of(flag, text, Network::course, Network::soft_argmax);
                      });
      });
}
