#pragma once
// What a training run did, epoch by epoch, and the CSV file that keeps it.

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <istream>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "nasion/core/error.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/csv.hpp"

namespace nasion::training {

/// One epoch. `seconds` is its wall time, validation included; a run without validation has a NaN `val_loss`.
struct EpochRow {
  int epoch = 0;  // from 1
  double train_loss = std::numeric_limits<double>::quiet_NaN();
  double val_loss = std::numeric_limits<double>::quiet_NaN();
  double lr = 0;
  double seconds = 0;

  bool operator==(const EpochRow&) const = default;
};

/// The epochs of a run in order. Losses may be NaN or infinite: a run that diverged is recorded as it was.
class History {
 public:
  /// ValueError unless `row.epoch` is later than the last one.
  void add(const EpochRow& row) {
    check<ValueError>(row.epoch > last_epoch(), "[history] epoch ", row.epoch, " does not follow epoch ", last_epoch());
    rows_.push_back(row);
  }

  const std::vector<EpochRow>& rows() const noexcept { return rows_; }
  bool empty() const noexcept { return rows_.empty(); }
  int last_epoch() const noexcept { return rows_.empty() ? 0 : rows_.back().epoch; }

  /// Forgets the epochs after `epoch`: a resumed run goes on from its checkpoint, which may be older than the file.
  void keep_until(int epoch) {
    std::erase_if(rows_, [epoch](const EpochRow& row) { return row.epoch > epoch; });
  }

  /// The row of the smallest validation loss, the first of equals; nullptr when none is a number.
  const EpochRow* best() const noexcept {
    const EpochRow* found = nullptr;
    for (const auto& row : rows_)
      if (!std::isnan(row.val_loss) && (!found || row.val_loss < found->val_loss)) found = &row;
    return found;
  }

  /// A header and a line for each epoch.
  std::string csv() const {
    std::string text = std::string(header) + "\n";
    for (const auto& row : rows_) text += io::csv_line(row.epoch, row.train_loss, row.val_loss, row.lr, row.seconds);
    return text;
  }

  /// Replaces the file `path` in one step.
  void write(const std::filesystem::path& path) const { io::write_atomically(path, csv()); }

  /// Reads what write() wrote; anything else is an IoError naming file and line.
  static History read(const std::filesystem::path& path) {
    std::ifstream in(path);
    if (!in) throw IoError(path, "cannot be opened");
    return read(in, path);
  }

  /// The same from text that is part of the file `path`.
  static History read(std::istream& in, const std::filesystem::path& path) {
    History history;
    std::string line;
    if (!std::getline(in, line) || line != header) throw at_line(path, 1, "expected the header " + std::string(header));
    for (int number = 2; std::getline(in, line); ++number) {
      if (in.eof()) throw at_line(path, number, "is cut off");
      const EpochRow row = parse(line, path, number);
      if (row.epoch <= history.last_epoch()) throw at_line(path, number, "epochs must count upwards from 1");
      history.rows_.push_back(row);
    }
    if (in.bad()) throw IoError(path, "cannot be read");
    return history;
  }

 private:
  static constexpr std::string_view header = "epoch,train_loss,val_loss,lr,seconds";

  static IoError at_line(const std::filesystem::path& path, int line, const std::string& what) {
    return {path, "line " + std::to_string(line) + ": " + what};
  }

  static EpochRow parse(std::string_view line, const std::filesystem::path& path, int number) {
    EpochRow row;
    const char* next = line.data();
    const char* const end = next + line.size();
    const auto read_field = [&](auto& value, const char* name, bool last = false) {
      const auto [stop, error] = std::from_chars(next, end, value);
      if (error != std::errc{} || (last ? stop != end : stop == end || *stop != ','))
        throw at_line(path, number, std::string("expected 5 numbers, ") + name + " is not one");
      next = last ? stop : stop + 1;
    };
    read_field(row.epoch, "epoch");
    read_field(row.train_loss, "train_loss");
    read_field(row.val_loss, "val_loss");
    read_field(row.lr, "lr");
    read_field(row.seconds, "seconds", true);
    return row;
  }

  std::vector<EpochRow> rows_;
};

}  // namespace nasion::training
