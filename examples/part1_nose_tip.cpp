// Part 1: find the tip of the nose. A small convolutional network looks at a grey face of 80 x 60 pixels and answers
// with two numbers. The course trained it by plain gradient descent (recipe seed); recipe best shows how far it can go.

#include <iostream>

#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/models/soft_argmax_cnn.hpp"
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
  bool soft_argmax;  // the network: soft-argmax over a map, or the course's regression
  std::optional<vision::Augmentation> augmentation;
  support::OptimizerKind optimizer;
  double lr;
  int epochs, batch;
  optim::Schedule schedule;
};

/// The course's settings.
Recipe seed_recipe() {
  return {.soft_argmax = false,
          .augmentation = std::nullopt,
          .optimizer = support::OptimizerKind::sgd,
          .lr = 0.02,
          .epochs = 25,
          .batch = 16,
          .schedule = optim::constant()};
}

/// Chosen by cross-validation over the training persons alone.
Recipe best_recipe() {
  return {.soft_argmax = true,
          .augmentation =
              vision::Augmentation{
                  .shift = 0.08, .rotation = 15, .scale = 0.15, .flip = 0.5, .brightness = 0.15, .contrast = 0.3},
          .optimizer = support::OptimizerKind::adam,
          .lr = 1e-3,
          .epochs = 60,
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

/// What the network sees of a photo, and what it should say.
vision::KeypointDataset dataset_of(const std::vector<support::LabelledFace>& faces,
                                   const std::optional<vision::Augmentation>& augmentation = {}) {
  return support::make_dataset(faces,
                               {.width = width, .height = height, .points = nose_tip, .augmentation = augmentation});
}

/// Makes the recipe's network, optimizer and data, and calls `train(model, optimizer, loss, batches, checks, options)`.
template <class Train>
void with_recipe(const Recipe& recipe, const support::Faces& faces, std::uint64_t seed, Train&& train) {
  const auto training = dataset_of(faces.training, recipe.augmentation), validation = dataset_of(faces.validation);
  auto batches = data::make_loader(training, {.batch_size = recipe.batch, .shuffle = true, .seed = seed});
  auto checks = data::make_loader(validation, {.batch_size = 16});
  const auto loss = [](const Tensorf& y, const Tensorf& target) { return mse_loss(y, target); };
  const train::FitOptions options{.epochs = recipe.epochs, .lr = recipe.lr, .schedule = recipe.schedule};
  const auto with_model = [&](auto model) {
    if (recipe.optimizer == support::OptimizerKind::adam) {
      optim::Adam<float> adam(nn::parameters(model), {.lr = recipe.lr});
      train(model, adam, loss, batches, checks, options);
    } else {
      optim::SGD<float> sgd(nn::parameters(model), {.lr = recipe.lr});
      train(model, sgd, loss, batches, checks, options);
    }
  };
  Rng rng(seed);
  if (recipe.soft_argmax)
    with_model(models::SoftArgmaxCnn<float>({}, rng));
  else
    with_model(models::KeypointCnn<float>(models::nose_tip_config(), rng));
}

/// What became of the course's recipe with one learning rate.
struct RateTrial {
  std::string lr;
  train::History history;
  double spread_px;  // of the answers for the validation photos: root mean square distance from their mean
};

double spread_px(const std::vector<support::Prediction>& predictions) {
  double x = 0, y = 0, squares = 0;
  const auto n = static_cast<double>(predictions.size());
  for (const auto& p : predictions) x += p.predicted[0].x / n, y += p.predicted[0].y / n;
  for (const auto& p : predictions) squares += std::pow(p.predicted[0].x - x, 2) + std::pow(p.predicted[0].y - y, 2);
  return std::sqrt(squares / n);
}

/// The course's question: what does a learning rate of 0.5 do that 0.02 does not? Trains the course's network with
/// each, unless a resumed folder has the answer already.
std::vector<RateTrial> compare_learning_rates(const support::OutputFolder& out, const support::Faces& faces,
                                              std::uint64_t seed, int epochs, train::Progress& progress) {
  const auto file = out / "learning_rates.json";
  std::vector<RateTrial> trials;
  if (out.resuming() && std::filesystem::exists(file)) {
    const auto saved = nlohmann::json::parse(io::read_file(file, 1 << 20), nullptr, false);
    if (saved.is_array())
      for (const auto& trial : saved) {
        std::istringstream history(trial.value("history", ""));
        trials.push_back({trial.value("lr", ""), train::History::read(history, file), trial.value("spread_px", 0.0)});
      }
    if (trials.size() == 2) return trials;
    trials.clear();
  }
  nlohmann::ordered_json saved;
  for (const std::string lr : {"0.02", "0.5"}) {
    progress.say("comparing: the course's recipe with learning rate " + lr);
    Recipe recipe = seed_recipe();
    recipe.lr = std::stod(lr);
    recipe.epochs = epochs;
    RateTrial trial{lr, {}, 0};
    with_recipe(recipe, faces, seed,
                [&](auto& model, auto& optimizer, auto&& loss, auto& batches, auto& checks, auto options) {
                  options.progress = &progress;
                  train::fit(model, optimizer, loss, batches, checks, trial.history, options);
                  trial.spread_px = spread_px(support::predict(model, dataset_of(faces.validation), faces.validation));
                });
    saved.push_back({{"lr", lr}, {"spread_px", trial.spread_px}, {"history", trial.history.csv()}});
    trials.push_back(std::move(trial));
  }
  out.write("learning_rates.json", saved.dump(2) + "\n");
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

/// Mean squared error of always answering with the mean position of the training photos: what learning must beat.
double mean_face_mse(const support::Faces& faces) {
  const auto relative = [](const support::LabelledFace& face) {
    const vision::Point p = face.points[vision::imm::nose_tip];
    return vision::Point{p.x / face.photo.width, p.y / face.photo.height};
  };
  vision::Point mean;
  for (const auto& face : faces.training) mean.x += relative(face).x, mean.y += relative(face).y;
  mean.x /= static_cast<double>(faces.training.size());
  mean.y /= static_cast<double>(faces.training.size());
  double total = 0;
  for (const auto& face : faces.validation)
    total += std::pow(relative(face).x - mean.x, 2) + std::pow(relative(face).y - mean.y, 2);
  return total / (2 * static_cast<double>(faces.validation.size()));
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
  support::TrainingRun training;
  with_recipe(recipe, faces, options.seed,
              [&](auto& model, auto& optimizer, auto&& loss, auto& batches, auto& checks, auto fit) {
                fit.progress = &progress;
                training = support::run_training(out, settings, model, optimizer, loss, batches, checks, fit);
                parameter_count = nn::parameter_count(model);
                predictions = support::predict(model, dataset_of(faces.validation), faces.validation);
              });
  const int comparison_epochs = options.recipe == support::Recipe::seed ? recipe.epochs : std::min(recipe.epochs, 8);
  const auto trials = compare_learning_rates(out, faces, options.seed, comparison_epochs, progress);

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
  std::vector<support::NamedChart> rates;
  for (const bool validation : {false, true}) {
    support::Chart chart{
        .x_title = "epoch", .y_title = validation ? "validation loss" : "training loss", .series = {}, .log_y = true};
    for (const auto& trial : trials) {
      chart.series.push_back({"learning rate " + trial.lr, {}});
      for (const auto& row : trial.history.rows())
        chart.series.back().points.emplace_back(row.epoch, validation ? row.val_loss : row.train_loss);
    }
    rates.push_back(
        {validation ? "learning_rates_validation" : "learning_rates", chart,
         validation ? "The same on the validation photos." : "Loss of the course's network on the training photos."});
  }
  report.paragraph(message("The course's network, trained by plain gradient descent for ", comparison_epochs,
                           " epochs. ", told(trials[0]), " ", told(trials[1]),
                           " For comparison, answering with the mean position of the training photos gives ",
                           fixed(mean_face_mse(faces), 5), " on the validation photos."));
  report.charts(rates);
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
