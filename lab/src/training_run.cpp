#include "lab/run.hpp"

#include <sstream>
#include <system_error>

#include "lab/program.hpp"
#include "nasion/core/error.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/training/history_file.hpp"

namespace lab {

int TrainingRun::exit_code() const { return finite ? ExitCode::done : ExitCode::diverged; }

namespace {

/// Folders by where they are, not by how they are spelled.
bool same_place(const std::string& a, const std::string& b) {
  std::error_code unreadable;
  return a == b || std::filesystem::weakly_canonical(a, unreadable) == std::filesystem::weakly_canonical(b, unreadable);
}

}  // namespace

void check_same_settings(const OutputFolder& out, const std::map<std::string, std::string>& saved,
                         const Settings& settings) {
  const auto saved_value = [&](const std::string& name) {
    const auto there = saved.find("setting." + name);
    return there == saved.end() ? std::string("(not set)") : there->second;
  };
  const bool has_fingerprint = saved.contains("setting.photos_fingerprint");
  std::string photos;
  for (const auto& [name, value] : settings) {
    const auto before = saved_value(name);
    if (name == "photos") photos = value;
    if (name == "photos" && (has_fingerprint || same_place(before, value))) continue;
    if (name == "photos_fingerprint") {
      nasion::check<nasion::ValueError>(!has_fingerprint || before == value, out.path().string(),
                                        ": this run learned from other photos (", saved_value("photos"), ") than ",
                                        photos, " holds now: give the same to resume it, or another --out");
      continue;
    }
    nasion::check<nasion::ValueError>(before == value, out.path().string(), ": this run has ", name, " ", before,
                                      ", not ", value, ": give the same flags to resume it, or another --out");
  }
}

nasion::training::History checkpoint_history(const std::map<std::string, std::string>& saved,
                                             const std::filesystem::path& file, int epochs) {
  const auto text = saved.find("history");
  if (text == saved.end()) throw nasion::IoError(file, "holds no history of its run, so that it cannot be resumed");
  std::istringstream lines(text->second);
  auto history = nasion::training::read_history(lines, file);
  const auto& rows = history.rows();
  if (rows.empty() || history.last_epoch() != std::ssize(rows) || history.last_epoch() > epochs)
    throw nasion::IoError(file, nasion::message("its history has ", rows.size(), " epochs up to ", history.last_epoch(),
                                                " of ", epochs, ", so that it cannot be resumed"));
  return history;
}

std::map<std::string, std::string> model_metadata(const Settings& settings, const TrainingRun& run) {
  std::map<std::string, std::string> metadata;
  for (const auto& [name, value] : settings) metadata["setting." + name] = value;
  if (!run.finite)
    metadata["diverged"] = nasion::message("the loss was not finite in epoch ", run.history.last_epoch());
  return metadata;
}

}  // namespace lab
