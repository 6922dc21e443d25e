// Part 2: find all 58 points of a face. Recipe seed is the course's network and settings: convolutions, then linear
// layers that answer with 116 numbers. Recipe best reads every point from a map of its own (soft-argmax).

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/models/soft_argmax_cnn.hpp"
#include "nasion/nasion.hpp"
#include "nasion/vision/maps.hpp"
#include "support/curves.hpp"
#include "support/evaluation.hpp"
#include "support/face_report.hpp"
#include "support/faces.hpp"
#include "support/program.hpp"
#include "support/samples.hpp"
#include "support/training.hpp"

using namespace nasion;
using support::fixed;

namespace {

constexpr int width = 160, height = 120;

/// The course's network, or the one that reads maps.
enum class Network { course, soft_argmax };

const char* name_of(Network network) { return network == Network::course ? "course" : "soft-argmax"; }

/// The course's settings.
support::TrainingRecipe seed_recipe() {
  return {.augmentation = support::course_augmentation(width, height),
          .optimizer = support::OptimizerKind::sgd,
          .lr = 0.02,
          .epochs = 25,
          .batch = 64};
}

/// Chosen by cross-validation over the training persons alone.
support::TrainingRecipe best_recipe() {
  return {.augmentation = support::strong_augmentation(),
          .optimizer = support::OptimizerKind::adam,
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

/// Every filter of every convolution of a network.
template <class Model>
std::vector<support::Figure> filter_figures(const Model& model) {
  std::vector<support::Figure> figures;
  for (const auto& [name, weight] : nn::named_parameters(model))
    if (weight.rank() == 4) {
      const std::string layer = name.substr(0, name.rfind('.'));
      figures.push_back({.name = "filters_" + layer,
                         .picture = vision::filter_sheet(weight),
                         .caption = message(layer, ": ", weight.dim(0), " output channels from ", weight.dim(1),
                                            ", filters of ", weight.dim(2), " x ", weight.dim(3), "."),
                         .pixelated = true});
    }
  return figures;
}

int run(const support::Options& options, std::optional<Network> chosen) {
  const bool seed = options.recipe == support::Recipe::seed;
  const Network network = chosen.value_or(seed ? Network::course : Network::soft_argmax);
  const auto recipe = with_flags(seed ? seed_recipe() : best_recipe(), options);
  const support::OutputFolder out(options.out, options.resume);
  training::Progress progress(training::Progress::detect(options.quiet));
  const support::Faces faces = support::load_faces(options, out, progress);
  auto settings = support::settings_of("part2_full_face", options, recipe, faces.source, faces.fingerprint);
  settings.emplace_back("network", name_of(network));
  const auto training =
                 support::make_dataset(faces.training, width, height, support::all_points(), recipe.augmentation),
             validation = support::make_dataset(faces.validation, width, height, support::all_points());

  support::TrainingRun run;
  std::vector<support::Prediction> predictions;
  std::vector<support::Figure> filters;
  Index parameter_count = 0;
  with_network(network, options.seed, [&](auto model) {
    const auto loss = [](const Tensorf& y, const Tensorf& target) { return mse_loss(y, target); };
    run = support::run_training(out, settings, model, recipe, training, validation, loss, options.seed, progress);
    parameter_count = nn::parameter_count(model);
    predictions = support::predict(std::cref(model), validation, faces.validation);
    if (run.finite) filters = filter_figures(model);  // otherwise weights may be no numbers
  });
  support::write_predictions(out, predictions, support::all_points());
  support::write_metrics(out, predictions, run, faces.training.size(), settings, options.seed);

  support::Report report("Part 2: the whole face",
                         message("A network of ", parameter_count, " parameters looks at a grey face of ", width, " x ",
                                 height, " pixels and tells where its 58 points are. Photos: ", faces.source, "."));
  support::add_key_figures(report, predictions, run, recipe);
  support::add_summary(report, predictions, "a point", support::mean_face_mse(faces, support::all_points()));
  support::add_eye_note(report, predictions);
  report.settings(settings);
  report.heading("What the network learns from");
  report.figure({"samples", support::sample_sheet(faces.training, width, height, support::all_points()),
                 "Training photos at the network's resolution, with their labelled points."});
  report.figure({"augmented", support::augmented_sheet(training, 15, options.seed, 2),
                 "The same as the network sees them in training (" + support::text_of(recipe.augmentation) + ")."});
  const auto& sample = faces.training.front();
  report.figure({"augmentation_kinds",
                 support::augmentation_kinds_sheet(sample.photo, sample.points, validation.options(), options.seed),
                 "Every kind of change that a recipe can ask for, alone and strongly."});
  report.heading("How it learned");
  support::add_curves(report, run.history, "MSE of the coordinates");
  report.heading("Where it is right, and where it is wrong");
  support::add_view_errors(report, predictions);
  support::add_successes_and_failures(report, predictions);
  report.heading("Which points are hard");
  support::add_point_errors(report, predictions);
  if (!filters.empty()) {
    report.heading("What it has learned");
    report.paragraph(
        "Every filter of every convolution: red weighs positive, blue negative, white nothing. The filters of one "
        "output channel lie side by side, one for each input channel.");
    for (const auto& figure : filters) report.figure(figure);
  }
  report.write(out.path());
  support::say_result("part2_full_face", out, predictions, run, recipe, progress);
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<Network> network;
  return support::run_program(
      argc, argv, "part2_full_face", "Learns to find all 58 points of a face, and reports how well.",
      [&](const support::Options& options) { return run(options, network); },
      [&](CLI::App& app) {
        support::add_flag(app, "--network", "course|soft-argmax",
                          "the course's layers, or one map for each point (default: the recipe's)", network,
                          [](const std::string& flag, const std::string& text) {
                            return support::one_of(flag, text, Network::course, Network::soft_argmax);
                          });
      });
}
