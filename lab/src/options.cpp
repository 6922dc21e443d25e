#include "lab/program.hpp"

#include <cmath>

#include <CLI/CLI.hpp>

namespace lab {

const char* name_of(Recipe recipe) { return recipe == Recipe::seed ? "seed" : "best"; }

const char* name_of(OptimizerKind kind) {
  return kind == OptimizerKind::sgd ? "sgd" : kind == OptimizerKind::adam ? "adam" : "adamw";
}

void refuse(const std::string& flag, const std::string& why) { throw CLI::ValidationError(flag, why); }

double positive_number(const std::string& flag, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value <= 0)
    refuse(flag, "must be a finite number above 0, not '" + std::string(text) + "'");
  return value;
}

std::filesystem::path existing_folder(const std::string& flag, const std::string& text) {
  std::error_code unreadable;
  if (!std::filesystem::is_directory(text, unreadable)) refuse(flag, "no folder '" + text + "'");
  return text;
}

std::filesystem::path output_folder(const std::string& flag, const std::string& text) {
  if (text.empty()) refuse(flag, "must name a folder");
  return text;
}

std::filesystem::path existing_file(const std::string& flag, const std::string& text) {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(text, unreadable)) refuse(flag, "no file '" + text + "'");
  return text;
}

void add_flag(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help,
              const std::function<void(const std::string&)>& read) {
  app.add_option_function<std::string>(flag, read, help)->type_name(type)->take_last();
}

void add_switch(CLI::App& app, const std::string& flag, const std::string& help, bool& target) {
  app.add_flag(flag, target, help);
}

void add_paths(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help,
               std::vector<std::filesystem::path>& target) {
  app.add_option(flag, target, help)->type_name(type);
}

void add_repeated_flag(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help,
                       const std::function<void(const std::string&)>& read) {
  app.add_option_function<std::vector<std::string>>(
         flag,
         [read](const std::vector<std::string>& texts) {
           for (const auto& text : texts) read(text);
         },
         help)
      ->type_name(type)
      ->type_size(1)
      ->allow_extra_args(false);
}

void add_argument(CLI::App& app, const std::string& name, const std::string& help, std::filesystem::path& target) {
  app.add_option(name, target, help)->required();
}

void add_argument(CLI::App& app, const std::string& name, const std::string& help,
                  std::vector<std::filesystem::path>& target) {
  app.add_option(name, target, help)->required();
}

void add_shared_flags(CLI::App& app, Options& options) {
  const auto count = [](const std::string& flag, const std::string& text) {
    return whole_number<int>(flag, text, 1, 1'000'000);
  };
  add_flag(app, "--data", "DIR", "IMM folder, in part 3 also 300-W's root (default: synthetic faces, made once)",
           options.data, existing_folder);
  add_flag(app, "--recipe", "seed|best", "the course's settings, or the ones that reach the lowest error (default)",
           options.recipe, [](const std::string& flag, const std::string& text) {
             return one_of(flag, text, Recipe::seed, Recipe::best);
           });
  add_flag(app, "--epochs", "N", "passes over the training photos (default: the recipe's)", options.epochs, count);
  add_flag(app, "--batch", "N", "photos per step (default: the recipe's)", options.batch, count);
  add_flag(app, "--lr", "X", "learning rate (default: the recipe's)", options.lr, positive_number);
  add_flag(app, "--optimizer", "sgd|adam|adamw", "(default: the recipe's)", options.optimizer,
           [](const std::string& flag, const std::string& text) {
             return one_of(flag, text, OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw);
           });
  add_flag(app, "--seed", "N", "start of every random stream (default: 1)", options.seed,
           [](const std::string& flag, const std::string& text) { return whole_number<std::uint64_t>(flag, text, 0); });
  add_flag(app, "--fold", "0..3",
           "cross-validation: leave the validation persons out, and validate on this quarter of the training persons",
           options.fold,
           [](const std::string& flag, const std::string& text) { return whole_number<int>(flag, text, 0, 3); });
  add_flag(app, "--threads", "N", "0: all (default); speed only, results do not depend on it", options.threads,
           [](const std::string& flag, const std::string& text) { return whole_number<int>(flag, text, 0, 4096); });
  add_flag(app, "--out", "DIR", "folder for what the run writes (default: " + options.out.string() + ")", options.out,
           output_folder);
  add_switch(app, "--autocast", "train with factors in bfloat16 where that is faster", options.autocast);
  add_switch(app, "--resume", "go on from the checkpoint in the output folder", options.resume);
  add_switch(app, "--quiet", "print nothing but errors", options.quiet);
}

}  // namespace lab
