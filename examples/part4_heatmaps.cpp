// Part 4: 58 heatmaps instead of 116 numbers. The course's fully convolutional network (fcn), and what its author
// wished for: a U-Net, with skip connections and points read to a part of a pixel.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nasion/faces/imm.hpp"
#include "nasion/models/heatmap_fcn.hpp"
#include "nasion/models/heatmaps.hpp"
#include "nasion/models/unet.hpp"
#include "nasion/nasion.hpp"
#include "nasion/vision/draw.hpp"
#include "nasion/vision/maps.hpp"
#include "support/comparison.hpp"
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
constexpr Index peak_radius = 6;  // pixels of a map that are averaged about its largest one

enum class Network { unet, fcn };

const char* name_of(Network network) { return network == Network::unet ? "unet" : "fcn"; }

struct Recipe {
  support::TrainingRecipe training;
  double sigma;  // of the target maps, in pixels; 0: the one pixel that holds the point
};

/// The course's settings: which pixel is it?
Recipe seed_recipe() {
  return {.training = {.augmentation = support::course_augmentation(width, height),
                       .optimizer = support::OptimizerKind::sgd,
                       .lr = 0.02,
                       .epochs = 25,
                       .batch = 8},
          .sigma = 0};
}

/// Chosen by cross-validation over the training persons alone.
Recipe best_recipe() {
  return {.training = {.augmentation = support::strong_augmentation(),
                       .optimizer = support::OptimizerKind::adam,
                       .lr = 2e-3,
                       .epochs = 40,
                       .batch = 8,
                       .schedule = optim::cosine(0.05)},
          .sigma = 1.5};
}

template <class Use>
void with_network(Network network, std::uint64_t seed, Use&& use) {
  Rng rng(seed);
  if (network == Network::unet)
    use(models::UNet<float>({}, rng));
  else
    use(models::HeatmapFcn<float>({}, rng));
}

/// What the network sees in one photo: the probability of each pixel to be each point.
struct Maps {
  const support::Prediction* prediction;
  Tensorf probabilities;  // [58, height, width]
};

template <class Model>
std::vector<Maps> maps_of(const Model& model, const faces::KeypointDataset& dataset,
                          const std::vector<support::Prediction>& predictions,
                          const std::vector<const support::Prediction*>& chosen) {
  const NoGrad no_grad;
  std::vector<Maps> maps;
  for (const auto* p : chosen) {
    Rng unused(0);
    const auto image = dataset.get(p - predictions.data(), unused).input;
    const auto logits = model(reshape(image, {1, 1, height, width}));
    maps.push_back({p, reshape(contiguous(spatial_softmax(logits)), {faces::imm::point_count, height, width})});
  }
  return maps;
}

std::span<const float> map_of(const Tensorf& maps, int point) {
  constexpr std::size_t size = std::size_t{width} * height;
  return maps.values().subspan(static_cast<std::size_t>(point) * size, size);
}

/// All 58 maps close to the face, each as bright as its largest value.
vision::Image map_grid(const Maps& maps) {
  constexpr int tile_width = 112, tile_height = 84;
  const auto& p = *maps.prediction;
  const auto fit = vision::Affine::scale(1.0 * p.face->photo.width / width, 1.0 * p.face->photo.height / height)
                       .then(support::close_up(p.truth, tile_width, tile_height));
  std::vector<vision::Image> tiles;
  std::vector<std::string> captions;
  for (int k = 0; k < faces::imm::point_count; ++k) {
    const auto map = vision::heatmap_image(map_of(maps.probabilities, k), width, height);
    tiles.push_back(vision::warp(map, fit, tile_width, tile_height));
    captions.push_back(std::to_string(k));
  }
  return vision::contact_sheet(tiles, {.columns = 10, .padding = 4}, captions);
}

/// The face, all maps as a glow over it, and the points read from them beside the labelled ones.
vision::Image map_overlays(const Maps& maps) {
  constexpr int shown_width = 400, shown_height = 300;
  const auto& p = *maps.prediction;
  const auto fit = support::close_up(p.truth, shown_width, shown_height);
  std::vector<float> all(std::size_t{width} * height, 0);
  for (int k = 0; k < faces::imm::point_count; ++k) {
    const auto map = map_of(maps.probabilities, k);
    const float largest = *std::max_element(map.begin(), map.end());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::max(all[i], map[i] / largest);
  }
  const auto face = vision::to_rgb(vision::warp(p.face->photo, fit, shown_width, shown_height));
  const auto glow = vision::warp(vision::heatmap_overlay(vision::to_grey(p.face->photo), all, width, height), fit,
                                 shown_width, shown_height);
  auto points = face;
  vision::draw_errors(points, vision::transform(fit, p.truth), vision::transform(fit, p.predicted),
                      vision::colours::green, vision::colours::red, 1.5);
  return vision::contact_sheet(std::vector{face, glow, points}, {.columns = 3});
}

void add_maps(support::Report& report, const std::vector<Maps>& faces) {
  report.paragraph(
      "For each photo: the face, all maps as a glow over it, and the points read from them (red) beside the labelled "
      "ones (green); then its 58 maps one by one, each as bright as its largest value.");
  for (const auto& maps : faces) {
    const auto name = maps.prediction->face->entry.name;
    report.figure({"overlay_" + name, map_overlays(maps),
                   message(name, ", ", faces::imm_view_name(maps.prediction->face->entry.view), ": ",
                           fixed(maps.prediction->error_px, 1), " px.")});
    report.figure({"maps_" + name, map_grid(maps), "The 58 maps of " + name + "."});
  }
}

struct Flags {
  Network network = Network::unet;
  std::vector<std::filesystem::path> compare;  // folders of other runs
};

int run(const support::Options& options, const Flags& flags) {
  const auto others = support::read_runs(flags.compare);
  auto recipe = options.recipe == support::Recipe::seed ? seed_recipe() : best_recipe();
  recipe.training = with_flags(recipe.training, options);
  const support::OutputFolder out(options.out, options.resume);
  training::Progress progress(training::Progress::detect(options.quiet));
  const support::Faces faces = support::load_faces(options, out, progress);
  auto settings = support::settings_of("part4_heatmaps", options, recipe.training, faces.source, faces.fingerprint);
  settings.emplace_back("network", name_of(flags.network));
  settings.emplace_back("sigma", io::csv_field(recipe.sigma));
  const auto training = support::make_dataset(faces.training, width, height, support::all_points(),
                                              recipe.training.augmentation),
             validation = support::make_dataset(faces.validation, width, height, support::all_points());

  support::TrainingRun run;
  std::vector<support::Prediction> predictions;
  std::vector<Maps> shown;
  Index parameter_count = 0;
  with_network(flags.network, options.seed, [&](auto model) {
    const auto loss = [&](const Tensorf& logits, const Tensorf& coordinates) {
      return spatial_cross_entropy(logits, models::heatmap_targets(coordinates, height, width, recipe.sigma));
    };
    run = support::run_training(out, settings, model, recipe.training, training, validation, loss, options.seed,
                                progress);
    parameter_count = nn::parameter_count(model);
    const auto network = [&](const Tensorf& images) { return models::heatmap_peaks(model(images), peak_radius); };
    predictions = support::predict(network, validation, faces.validation);
    const auto sorted = support::by_error(predictions);
    if (run.finite)  // otherwise there is nothing to be seen
      shown = maps_of(model, validation, predictions, {sorted.front(), sorted[sorted.size() / 2], sorted.back()});
  });
  support::write_predictions(out, predictions, support::all_points());
  support::write_metrics(out, predictions, run, faces.training.size(), settings, options.seed);

  support::Report report(
      "Part 4: heatmaps",
      message(flags.network == Network::unet ? "A U-Net" : "The course's fully convolutional network", " of ",
              parameter_count, " parameters looks at a grey face of ", width, " x ", height,
              " pixels and draws a map for each of its 58 points. Photos: ", faces.source, "."));
  support::add_key_figures(report, predictions, run, recipe.training);
  support::add_summary(report, predictions, "a point", support::mean_face_mse(faces, support::all_points()));
  support::add_eye_note(report, predictions);
  report.settings(settings);
  if (!others.empty()) {
    report.heading("Beside other networks");
    support::add_comparison(report, support::read_run(out.path()), others);
  }
  if (!shown.empty()) {
    report.heading("What the network sees");
    add_maps(report, shown);
  }
  report.heading("What it learns from");
  report.figure({"augmented", support::augmented_sheet(training, 15, options.seed, 2),
                 "Training photos as the network sees them (" + support::text_of(recipe.training.augmentation) + ")."});
  report.heading("How it learned");
  support::add_curves(report, run.history, "cross-entropy of the maps");
  report.heading("Where it is right, and where it is wrong");
  support::add_view_errors(report, predictions);
  support::add_successes_and_failures(report, predictions);
  report.heading("Which points are hard");
  support::add_point_errors(report, predictions);
  report.write(out.path());
  support::say_result("part4_heatmaps", out, predictions, run, recipe.training, progress);
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  return support::run_program(
      argc, argv, "part4_heatmaps",
      "Learns to draw a heatmap of each of the 58 points of a face, and reports how well.",
      [&](const support::Options& options) { return run(options, flags); },
      [&](CLI::App& app) {
        support::add_flag(app, "--model", "fcn|unet", "the course's network, or a U-Net (default)", flags.network,
                          [](const std::string& flag, const std::string& text) {
                            return support::one_of(flag, text, Network::fcn, Network::unet);
                          });
        support::add_paths(app, "--compare", "DIR...", "output folders of other runs, for a table beside this one",
                           flags.compare);
      });
}
