// Part 4: 58 heatmaps instead of 116 numbers. The course's fully convolutional network (fcn), and what its author
// wished for: a U-Net, with skip connections and points read to a part of a pixel.

#include <functional>
#include <vector>

#include "lab/face_report.hpp"
#include "lab/faces.hpp"
#include "lab/program.hpp"
#include "lab/run.hpp"
#include "nasion/models/heatmap_fcn.hpp"
#include "nasion/models/heatmaps.hpp"
#include "nasion/models/unet.hpp"
#include "nasion/nasion.hpp"

using namespace nasion;

namespace {

constexpr int width = 160, height = 120;
constexpr Index peak_radius = 6;  // pixels of a map that are averaged about its largest one

enum class Network { unet, fcn };
const char* name_of(Network network) { return network == Network::unet ? "unet" : "fcn"; }

/// The course's settings.
lab::TrainingRecipe seed_recipe() {
  return {.augmentation = lab::course_augmentation(width, height),
          .optimizer = lab::OptimizerKind::sgd,
          .lr = 0.02,
          .epochs = 25,
          .batch = 8};
}

/// Chosen by cross-validation over the training persons alone.
lab::TrainingRecipe best_recipe() {
  return {.augmentation = lab::strong_augmentation(),
          .optimizer = lab::OptimizerKind::adam,
          .lr = 2e-3,
          .epochs = 40,
          .batch = 8,
          .schedule = optim::cosine(0.05)};
}

template <class Use>
void with_network(Network network, std::uint64_t seed, Use&& use) {
  Rng rng(seed);
  if (network == Network::unet)
    use(models::UNet<float>({}, rng));
  else
    use(models::HeatmapFcn<float>({}, rng));
}

int run(const lab::Options& options, Network network, const std::vector<std::filesystem::path>& compare) {
  const auto others = lab::read_runs(compare);
  const bool seed = options.recipe == lab::Recipe::seed;
  const auto recipe = with_flags(seed ? seed_recipe() : best_recipe(), options);
  const double sigma = seed ? 0 : 1.5;  // of the target maps, in pixels; 0: the one pixel that holds the point
  lab::FaceRun task("part4_heatmaps", options, recipe, width, height, lab::all_points());
  task.settings.emplace_back("network", name_of(network));
  task.settings.emplace_back("sigma", io::csv_field(sigma));
  lab::TrainingRun run;
  std::vector<lab::Prediction> predictions;
  std::vector<lab::Maps> shown;
  Index parameter_count = 0;
  with_network(network, options.seed, [&](auto model) {
    const auto loss = [&](const Tensorf& logits, const Tensorf& coordinates) {
      return spatial_cross_entropy(logits, models::heatmap_targets(coordinates, height, width, sigma));
    };
    run = task.train(model, recipe, loss, options.seed);
    parameter_count = nn::parameter_count(model);
    const auto peaks = [&](const Tensorf& images) { return models::heatmap_peaks(model(images), peak_radius); };
    predictions = lab::predict(peaks, task.validation, task.faces.validation);
    const auto sorted = lab::by_error(predictions);
    if (run.finite)  // otherwise there is nothing to be seen
      shown = lab::maps_of(std::cref(model), task.validation, predictions,
                           {sorted.front(), sorted[sorted.size() / 2], sorted.back()});
  });
  task.write(predictions, lab::all_points(), run, options.seed);

  lab::Report report("Part 4: heatmaps",
                     message(network == Network::unet ? "A U-Net" : "The course's fully convolutional network", " of ",
                             parameter_count, " parameters looks at a grey face of ", width, " x ", height,
                             " pixels and draws a map for each of its 58 points. Photos: ", task.faces.source, "."));
  lab::add_opening(report, predictions, run, recipe, "a point", lab::mean_face_mse(task.faces, lab::all_points()),
                   task.settings);
  if (!others.empty()) {
    report.heading("Beside other networks");
    lab::add_comparison(report, lab::read_run(task.out.path()), others);
  }
  lab::add_maps(report, shown);
  report.heading("What it learns from");
  report.figure({"augmented", lab::augmented_sheet(task.training, 15, options.seed, 2),
                 "Training photos as the network sees them (" + lab::text_of(recipe.augmentation) + ")."});
  lab::add_results(report, predictions, run, "cross-entropy of the maps");
  report.heading("Which points are hard");
  lab::add_point_errors(report, predictions);
  report.write(task.out.path());
  lab::say_result("part4_heatmaps", task.out, predictions, run, recipe, task.progress);
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  Network network = Network::unet;
  std::vector<std::filesystem::path> compare;  // folders of other runs
  return lab::run_program(
      argc, argv, "part4_heatmaps",
      "Learns to draw a heatmap of each of the 58 points of a face, and reports how well.",
      [&](const lab::Options& options) { return run(options, network, compare); },
      [&](CLI::App& app) {
        lab::add_flag(app, "--model", "fcn|unet", "the course's network, or a U-Net (default)", network,
                      [](const std::string& flag, const std::string& text) {
                        return lab::one_of(flag, text, Network::fcn, Network::unet);
                      });
        lab::add_paths(app, "--compare", "DIR...", "output folders of other runs, for a table beside this one",
                       compare);
      });
}
