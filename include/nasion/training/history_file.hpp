#pragma once
// The CSV file that keeps a training run's history.

#include <cstdint>
#include <filesystem>
#include <istream>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/io/from_chars.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/training/history.hpp"

namespace nasion::training {

namespace detail {

inline constexpr std::string_view history_header = "epoch,train_loss,val_loss,lr,seconds";

inline IoError at_line(const std::filesystem::path& path, int line, const std::string& what) {
  return {path, "line " + std::to_string(line) + ": " + what};
}

inline EpochRow parse_row(std::string_view line, const std::filesystem::path& path, int number) {
  EpochRow row;
  const char* next = line.data();
  const char* const end = next + line.size();
  const auto read_field = [&](auto& value, const char* name, bool last = false) {
    const auto [stop, error] = io::detail::from_chars(next, end, value);
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

}  // namespace detail

/// A header and a line for each epoch.
inline std::string history_csv(const History& history) {
  std::string text(detail::history_header);
  text += '\n';
  for (const auto& row : history.rows())
    text += io::csv_line(row.epoch, row.train_loss, row.val_loss, row.lr, row.seconds);
  return text;
}

/// Replaces the file `path` in one step (see write_atomically). IoError when it cannot be written.
inline void write_history(const std::filesystem::path& path, const History& history) {
  io::write_atomically(path, history_csv(history));
}

/// Reads what history_csv() made, from text that is part of the file `path`; anything else is an IoError naming file
/// and line.
inline History read_history(std::istream& in, const std::filesystem::path& path) {
  History history;
  std::string line;
  if (!std::getline(in, line) || line != detail::history_header)
    throw detail::at_line(path, 1, "expected the header " + std::string(detail::history_header));
  for (int number = 2; std::getline(in, line); ++number) {
    if (in.eof()) throw detail::at_line(path, number, "is cut off");
    const EpochRow row = detail::parse_row(line, path, number);
    if (row.epoch <= history.last_epoch()) throw detail::at_line(path, number, "epochs must count upwards from 1");
    history.add(row);
  }
  if (in.bad()) throw IoError(path, "cannot be read");
  return history;
}

/// Reads what write_history() wrote, of at most 64 MiB. IoError as above, and when there is no such file.
inline History read_history(const std::filesystem::path& path) {
  std::istringstream in(io::read_file(path, std::uintmax_t{64} << 20));
  return read_history(in, path);
}

}  // namespace nasion::training
