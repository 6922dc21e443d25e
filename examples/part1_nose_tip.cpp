// Part 1: find the tip of the nose. A small convolutional network looks at a grey face of 80 x 60 pixels and answers
// with two numbers. The course trained it by plain gradient descent (recipe seed); recipe best shows how far it can go.

#include <iostream>

#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/nasion.hpp"
#include "nasion/vision/draw.hpp"
#include "support/curves.hpp"
#include "support/evaluation.hpp"
#include "support/faces.hpp"
#include "support/program.hpp"
#include "support/report.hpp"
#include "support/training.hpp"

using namespace nasion;
using support::fixed;

namespace {

constexpr int width = 80, height = 60;
const std::vector<int> nose_tip{vision::imm::nose_tip};

struct Recipe {
  models::KeypointCnnConfig network;
  std::optional<vision::Augmentation> augmentation;
  support::OptimizerKind optimizer;
  double lr;
  int epochs, batch;
  optim::Schedule schedule;
};

/// The course's settings.
Recipe seed_recipe() {
  return {.network = models::nose_tip_config(),
          .augmentation = std::nullopt,
          .optimizer = support::OptimizerKind::sgd,
          .lr = 0.02,
          .epochs = 25,
          .batch = 16,
          .schedule = optim::constant()};
}

/// Chosen by cross-validation over the training persons alone. Early layers keep more pixels than in the course's
/// network, which pools the first one to 12 x 12; augmentation makes 192 photos enough.
Recipe best_recipe() {
  return {.network = {.blocks = {{16, 5, 28}, {32, 3, 14}, {64, 3, 8}, {64, 3, 6}}, .hidden = 128, .outputs = 2},
          .augmentation =
              vision::Augmentation{
                  .shift = 0.08, .rotation = 15, .scale = 0.15, .flip = 0.5, .brightness = 0.15, .contrast = 0.3},
          .optimizer = support::OptimizerKind::adam,
          .lr = 1e-3,
          .epochs = 150,
          .batch = 16,
          .schedule = optim::cosine(0.05)};
}

Recipe chosen_recipe(const support::Options& options) {
  Recipe recipe = options.recipe == support::Recipe::seed ? seed_recipe() : best_recipe();
  recipe.epochs = options.epochs.value_or(recipe.epochs);
  recipe.batch = options.batch.value_or(recipe.batch);
  recipe.lr = options.lr.value_or(recipe.lr);
  recipe.optimizer = options.optimizer.value_or(recipe.optimizer);
  return recipe;
}

/// Trains a network by the recipe; `train` gets model, optimizer, loss, loaders and options, and runs the loop.
template <class Train>
auto with_recipe(const Recipe& recipe, const support::Faces& faces, std::uint64_t seed, Train&& train) {
  const auto training = support::make_dataset(
      faces.training, {.width = width, .height = height, .points = nose_tip, .augmentation = recipe.augmentation});
  const auto validation =
      support::make_dataset(faces.validation, {.width = width, .height = height, .points = nose_tip});
  auto batches = data::make_loader(training, {.batch_size = recipe.batch, .shuffle = true, .seed = seed});
  auto checks = data::make_loader(validation, {.batch_size = 16});
  Rng rng(seed);
  models::KeypointCnn<float> model(recipe.network, rng);
  const auto loss = [](const Tensorf& y, const Tensorf& target) { return mse_loss(y, target); };
  const train::FitOptions options{.epochs = recipe.epochs, .lr = recipe.lr, .schedule = recipe.schedule};
  if (recipe.optimizer == support::OptimizerKind::adam) {
    optim::Adam<float> adam(nn::parameters(model), {.lr = recipe.lr});
    return train(model, adam, loss, batches, checks, options);
  }
  optim::SGD<float> sgd(nn::parameters(model), {.lr = recipe.lr});
  return train(model, sgd, loss, batches, checks, options);
}

/// The course's question: what does a learning rate of 0.5 do that 0.02 does not? Trains the course's network with
/// each, unless the folder has the answer from before.
std::vector<std::pair<std::string, train::History>> compare_learning_rates(const support::OutputFolder& out,
                                                                           const support::Faces& faces,
                                                                           std::uint64_t seed, int epochs,
                                                                           train::Progress& progress) {
  std::vector<std::pair<std::string, train::History>> histories;
  for (const auto& [name, lr] : {std::pair{"0.02", 0.02}, std::pair{"0.5", 0.5}}) {
    const auto file = out / (std::string("history_lr_") + name + ".csv");
    if (out.resuming() && std::filesystem::exists(file)) {
      histories.emplace_back(name, train::History::read(file));
      continue;
    }
    progress.say(std::string("comparing: the course's recipe with learning rate ") + name);
    Recipe recipe = seed_recipe();
    recipe.lr = lr;
    recipe.epochs = epochs;
    train::History history;
    with_recipe(recipe, faces, seed,
                [&](auto& model, auto& optimizer, auto&& loss, auto& batches, auto& checks, auto options) {
                  options.progress = &progress;
                  train::fit(model, optimizer, loss, batches, checks, history, options);
                });
    history.write(file);
    histories.emplace_back(name, history);
  }
  return histories;
}

/// Photos as small pictures with their points on them; `predicted` too, joined to the true ones by the error.
vision::Image face_sheet(const std::vector<const support::Prediction*>& chosen) {
  std::vector<vision::Image> pictures;
  std::vector<std::string> captions;
  for (const auto* p : chosen) {
    const auto& photo = p->face->photo;
    const auto fit = vision::Affine::scale(240.0 / photo.width, 180.0 / photo.height);
    auto picture = vision::to_rgb(vision::warp(photo, fit, 240, 180));
    vision::draw_errors(picture, vision::transform(fit, p->truth), vision::transform(fit, p->predicted));
    pictures.push_back(std::move(picture));
    captions.push_back(p->face->entry.image.stem().string() + "  " + fixed(p->error_px, 1) + " px");
  }
  return vision::contact_sheet(pictures, {.columns = 4}, captions);
}

vision::Image sample_sheet(const std::vector<support::LabelledFace>& faces) {
  std::vector<vision::Image> pictures;
  std::vector<std::string> captions;
  for (std::size_t i = 0; i < std::min<std::size_t>(12, faces.size()); ++i) {
    const auto& face = faces[i * faces.size() / 12];
    const auto fit = vision::Affine::scale(static_cast<double>(width) / face.photo.width,
                                           static_cast<double>(height) / face.photo.height);
    auto picture = vision::to_rgb(
        vision::resize(vision::warp(vision::to_grey(face.photo), fit, width, height), 3 * width, 3 * height));
    const vision::Point nose = face.points[vision::imm::nose_tip];
    vision::draw_point(picture, {nose.x * 3 * width / face.photo.width, nose.y * 3 * height / face.photo.height},
                       vision::colours::green, 4);
    pictures.push_back(std::move(picture));
    captions.push_back(face.entry.image.stem().string() + "  " + std::string(vision::imm_view_name(face.entry.view)));
  }
  return vision::contact_sheet(pictures, {.columns = 4}, captions);
}

std::string last_losses(const train::History& history) {
  const auto& last = history.rows().back();
  if (!std::isfinite(last.train_loss)) return message("its loss stopped being a number in epoch ", last.epoch);
  return message("it ends at ", fixed(last.train_loss, 5), " on the training photos and ", fixed(last.val_loss, 5),
                 " on the others");
}

void run(const support::Options& options) {
  const Recipe recipe = chosen_recipe(options);
  const support::OutputFolder out(options.out, options.resume);
  train::Progress progress(train::Progress::detect(options.quiet));
  const support::Faces faces = support::load_faces(options, out, progress);
  const support::Settings settings{{"program", "part1_nose_tip"},
                                   {"recipe", name_of(options.recipe)},
                                   {"photos", faces.source},
                                   {"epochs", std::to_string(recipe.epochs)},
                                   {"batch", std::to_string(recipe.batch)},
                                   {"optimizer", name_of(recipe.optimizer)},
                                   {"lr", io::csv_field(recipe.lr)},
                                   {"seed", std::to_string(options.seed)}};

  std::vector<support::Prediction> predictions;
  Index parameter_count = 0;
  const support::TrainingRun training = with_recipe(
      recipe, faces, options.seed,
      [&](auto& model, auto& optimizer, auto&& loss, auto& batches, auto& checks, auto fit) {
        fit.progress = &progress;
        auto done = support::run_training(out, settings, model, optimizer, loss, batches, checks, fit);
        parameter_count = nn::parameter_count(model);
        predictions = support::predict(
            model, support::make_dataset(faces.validation, {.width = width, .height = height, .points = nose_tip}),
            faces.validation);
        return done;
      });
  const auto comparison = compare_learning_rates(out, faces, options.seed,
                                                 options.recipe == support::Recipe::seed ? recipe.epochs : 8, progress);

  // Numbers.
  support::write_predictions(out, predictions, nose_tip);
  auto metrics = support::metrics_json(predictions);
  double seconds = 0;
  for (const auto& row : training.history.rows()) seconds += row.seconds;
  metrics["images_per_second"] = static_cast<double>(faces.training.size() * training.history.rows().size()) / seconds;
  metrics["training_seconds"] = seconds;
  metrics["epochs"] = training.history.last_epoch();
  metrics["seed"] = options.seed;
  metrics["threads"] = num_threads();
  metrics["diverged"] = !training.finite;
  out.write("metrics.json", metrics.dump(2) + "\n");

  // Pictures.
  const support::ViewErrors errors = support::view_errors(predictions);
  std::vector<const support::Prediction*> by_error;
  for (const auto& p : predictions) by_error.push_back(&p);
  std::stable_sort(by_error.begin(), by_error.end(),
                   [](const auto* a, const auto* b) { return a->error_px < b->error_px; });
  const auto shown = std::min<std::ptrdiff_t>(8, static_cast<std::ptrdiff_t>(by_error.size()));
  const std::vector<const support::Prediction*> best(by_error.begin(), by_error.begin() + shown),
      worst(by_error.rbegin(), by_error.rbegin() + shown);

  support::Report report(
      "Part 1: the tip of the nose",
      message("A network of ", parameter_count, " parameters looks at a grey face of ", width, " x ", height,
              " pixels and tells where the tip of the nose is. Photos: ", faces.source, "."));
  report.key("validation MSE", fixed(support::normalised_mse(predictions), 5));
  report.key("mean error", fixed(errors.all, 1) + " px");
  report.key("frontal", fixed(errors.frontal, 1) + " px");
  report.key("turned", fixed(errors.turned, 1) + " px");
  report.key("training", fixed(seconds, 0) + " s");
  if (!training.finite)
    report.warning(message("Training diverged: the loss was not finite in epoch ", training.history.last_epoch(),
                           ", with learning rate ", io::csv_field(recipe.lr),
                           ". The numbers and pictures below are those of the weights before that step."));
  report.paragraph(message(
      "On ", predictions.size(), " photos of persons that the network never saw, the tip of the nose is off by ",
      fixed(errors.all, 1), " pixels of the photo on average (", fixed(support::nme_percent(predictions), 1),
      " % of the distance between the outer eye corners): ", fixed(errors.frontal, 1), " on frontal faces, ",
      fixed(errors.turned, 1),
      " on turned ones. The mean squared error of the coordinates, as parts of width and height, is ",
      fixed(support::normalised_mse(predictions), 5), "."));
  report.settings(settings);
  report.heading("What the network learns from");
  report.figure({"samples", sample_sheet(faces.training),
                 "Training photos at the network's resolution, with the labelled tip of the nose."});
  report.heading("The learning rate");
  support::Chart rates{.x_title = "epoch", .y_title = "training loss (MSE)", .series = {}, .log_y = true};
  for (const auto& [name, history] : comparison) {
    rates.series.push_back({"learning rate " + name, {}});
    for (const auto& row : history.rows()) rates.series.back().points.emplace_back(row.epoch, row.train_loss);
  }
  report.charts({{"learning_rates", rates, "The course's network and plain gradient descent, with two learning rates."}});
  report.paragraph(
      message("With learning rate 0.02 the course's network learns steadily: ", last_losses(comparison[0].second),
              ". With 0.5 each step is 25 times as long and overshoots: ", last_losses(comparison[1].second), "."));
  report.heading("How it learned");
  support::add_curves(report, training.history, "MSE of the coordinates");
  report.heading("Where it is right, and where it is wrong");
  support::Table views{.columns = {"view", "photos", "mean error, px"},
                       .rows = {},
                       .caption = "Mean error in pixels of the photo, per view."};
  for (int v = 1; v <= 6; ++v)
    views.rows.push_back({message(v, ": ", vision::imm_view_name(v)),
                          std::to_string(errors.count[static_cast<std::size_t>(v - 1)]),
                          fixed(errors.view[static_cast<std::size_t>(v - 1)], 1)});
  views.rows.push_back({"frontal (1, 2)", std::to_string(errors.count[0] + errors.count[1]), fixed(errors.frontal, 1)});
  views.rows.push_back({"turned (3, 4)", std::to_string(errors.count[2] + errors.count[3]), fixed(errors.turned, 1)});
  views.rows.push_back({"all", std::to_string(predictions.size()), fixed(errors.all, 1)});
  report.table(views);
  report.figure({"successes", face_sheet(best), "The smallest errors. Green: labelled; red: predicted."});
  report.figure({"failures", face_sheet(worst), "The largest errors."});
  report.write(out.path());

  if (!training.finite)
    std::cerr << "part1_nose_tip: training diverged: the loss was not finite in epoch " << training.history.last_epoch()
              << ", with learning rate " << recipe.lr << "\n";
  progress.say(message("validation MSE ", fixed(support::normalised_mse(predictions), 6), ", mean error ",
                       fixed(errors.all, 2), " px (frontal ", fixed(errors.frontal, 2), ", turned ",
                       fixed(errors.turned, 2), ")\nreport: ", (out / "report.html").string()));
}

}  // namespace

int main(int argc, char** argv) {
  return support::run_program(argc, argv, "part1_nose_tip", "Learns to find the tip of the nose, and reports how well.",
                              run);
}
