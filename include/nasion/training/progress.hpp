#pragma once
// How far a run is: a bar with the time left on a terminal, one line per epoch in a log (and now and then one of other
// tasks that take long), nothing when asked to be quiet.

#if defined(__unix__) || defined(__APPLE__)
#include <sys/ioctl.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include "nasion/core/error.hpp"
#include "nasion/training/history.hpp"

namespace nasion::training {

/// Seconds as people write them: `0:07`, `12:30`, `1:02:03`; `?` for what is not known.
inline std::string clock_time(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return "?";
  const long total = std::lround(seconds);
  char text[48];
  if (total < 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld", total / 60, total % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  return text;
}

/// Columns of the terminal that standard output is, 80 when it does not say; 0 when it is none, or the system has other
/// terminals than POSIX, where a line cannot be drawn over for sure.
inline int terminal_columns() {
#if defined(__unix__) || defined(__APPLE__)
  if (!::isatty(STDOUT_FILENO)) return 0;
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
#else
  return 0;
#endif
}

/// Tells how a run goes on. One thread at a time.
class Progress {
 public:
  /// Nothing at all; lines, for a log; a bar that is drawn over, for a terminal.
  enum class Style { quiet, plain, bar };

  /// quiet if asked for; otherwise bar when standard output is a terminal, plain when not.
  static Style detect(bool quiet) { return quiet ? Style::quiet : terminal_columns() > 0 ? Style::bar : Style::plain; }

  /// `log_pause`: between two lines of one task in a log.
  explicit Progress(Style style = detect(false), std::ostream& out = std::cout,
                    std::chrono::milliseconds log_pause = std::chrono::seconds(5))
      : style_(style), out_(out), log_pause_(log_pause) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// A line of its own, in every style but quiet.
  void say(std::string_view text) {
    if (style_ == Style::quiet) return;
    clear();
    out_ << text << '\n' << std::flush;
  }

  /// Begins a task of `steps` steps.
  void begin(std::string label, long steps) {
    begin_round(std::move(label), steps, 1);
    started_ = drawn_ = std::chrono::steady_clock::now();
    rounds_done_ = 0;
    next_epoch_ = 0;
  }

  /// Begins `epoch` (from 1) of `epochs`, of `batches` steps. The time left is that of the whole run.
  void begin_epoch(int epoch, int epochs, long batches) {
    if (epoch != next_epoch_) {  // the first epoch of this run, which may have been resumed
      started_ = std::chrono::steady_clock::now();
      rounds_done_ = -1;
    }
    next_epoch_ = epoch + 1;
    ++rounds_done_;
    epochs_ = epochs;
    begin_round("epoch " + padded(epoch), batches, epochs - epoch + 1);
  }

  /// One more step is done; `detail` is shown next to the bar.
  void advance(std::string_view detail = {}) {
    ++done_;
    const bool within_epoch = next_epoch_ != 0;  // of which a log has one line, at its end
    if (style_ == Style::quiet || (style_ == Style::plain && within_epoch)) return;
    const auto now = std::chrono::steady_clock::now();
    const auto pause = style_ == Style::bar ? std::chrono::milliseconds(100) : log_pause_;
    if (now - drawn_ < pause && (done_ < steps_ || style_ == Style::plain)) return;
    drawn_ = now;
    draw(std::chrono::duration<double>(now - started_).count(), detail);
  }

  /// One more batch is done, of this loss.
  void advance(double loss) { advance(std::string_view(message("loss ", std::setprecision(4), loss))); }

  /// Ends an epoch: its line stays. In a log, where no bar shows it, with the time left.
  void end_epoch(const EpochRow& row) {
    std::string line =
        message("epoch ", padded(row.epoch), std::left, std::setprecision(4), "  train ", std::setw(9), row.train_loss,
                "  val ", std::setw(9), row.val_loss, std::setprecision(3), "  lr ", std::setw(8), row.lr, "  ",
                std::right, std::fixed, std::setprecision(1), std::setw(6), row.seconds, " s");
    if (style_ == Style::plain && rounds_left_ > 1) {
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
      line += "  " + clock_time(elapsed.count() / (rounds_done_ + 1) * (rounds_left_ - 1)) + " left";
    }
    say(line);
  }

  /// The bar as drawn for these numbers, for a terminal of `columns` columns.
  static std::string bar(std::string_view label, double fraction, std::string_view detail, double seconds_left,
                         int columns) {
    fraction = std::clamp(fraction, 0.0, 1.0);
    char percent[16];
    std::snprintf(percent, sizeof percent, " %3.0f%%", std::floor(100 * fraction));
    std::string right = percent;
    if (!detail.empty()) right += "  " + std::string(detail);
    right += "  " + clock_time(seconds_left) + " left";
    const int width = std::min(32, columns - 4 - static_cast<int>(label.size() + right.size()));
    std::string line(label);
    if (width >= 8) {
      const int filled = static_cast<int>(fraction * width);
      line += " [" + std::string(static_cast<std::size_t>(filled), '=') +
              std::string(static_cast<std::size_t>(width - filled), ' ') + "]";
    }
    line += right;
    // A line that wraps could not be drawn over.
    if (columns > 1) line.resize(std::min(line.size(), static_cast<std::size_t>(columns - 1)));
    return line;
  }

 private:
  void begin_round(std::string label, long steps, int rounds_left) {
    label_ = std::move(label);
    steps_ = std::max(1L, steps);
    done_ = 0;
    rounds_left_ = rounds_left;
    drawn_ = {};
  }

  std::string padded(int epoch) const {
    const auto total = std::to_string(epochs_), number = std::to_string(epoch);
    return std::string(total.size() - std::min(total.size(), number.size()), ' ') + number + "/" + total;
  }

  void draw(double elapsed, std::string_view detail) {
    const double fraction = std::min(1.0, static_cast<double>(done_) / static_cast<double>(steps_));
    const double left = elapsed / (rounds_done_ + fraction) * (rounds_left_ - fraction);
    if (style_ == Style::plain) {
      say(label_ + ": " + std::to_string(done_) + " of " + std::to_string(steps_) + "  " + clock_time(left) + " left");
      return;
    }
    const int columns = terminal_columns();
    out_ << '\r' << bar(label_, fraction, detail, left, columns > 0 ? columns : 80) << "\x1b[K" << std::flush;
    shown_ = true;
  }

  void clear() {
    if (shown_) out_ << "\r\x1b[K" << std::flush;
    shown_ = false;
  }

  Style style_;
  std::ostream& out_;
  std::chrono::milliseconds log_pause_;
  std::string label_;
  long steps_ = 1, done_ = 0;
  int epochs_ = 1, next_epoch_ = 0, rounds_left_ = 0, rounds_done_ = 0;
  std::chrono::steady_clock::time_point started_{}, drawn_{};
  bool shown_ = false;
};

}  // namespace nasion::training
