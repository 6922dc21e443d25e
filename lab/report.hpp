#pragma once
// One page that says how a run went: text, numbers, tables, pictures and gnuplot's charts, all inside the one file.

#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/src/picture.hpp"

namespace nasion::training {
class History;
}

namespace lab {

/// One line of a chart: `points` are (x, y), in order of x.
struct Series {
  std::string title;
  std::vector<std::pair<double, double>> points = {};
};

struct Chart {
  std::string x_title = {}, y_title = {};
  std::vector<Series> series = {};
  bool log_y = false;
  double from_x = -std::numeric_limits<double>::infinity();  ///< points before it are left out: shows the rest larger
  int width = 640, height = 400;  ///< as shown; the picture has twice as many pixels each way
};

/// A drawn chart as the bytes of a PNG file, or the reason why there is none.
struct ChartPicture {
  std::optional<std::string> png;
  std::string reason;
};

namespace detail {

/// The text as gnuplot's 'single-quoted' string, in which nothing but the quote has a meaning: quotes become
/// apostrophes, as in print.
std::string gnuplot_text(const std::string& text);

/// A distance between marks of 1, 2 or 5 times a power of ten, so that whole numbers get whole marks.
double whole_step(double range);

/// The gnuplot program that draws the chart to its standard output.
std::string gnuplot_script(const Chart& chart);

}  // namespace detail

/// Draws the chart. `gnuplot` names the program, which is searched on the PATH.
ChartPicture draw(const Chart& chart, const std::string& gnuplot = "gnuplot");

/// The number with so many decimals, so that numbers of a column line up; `nan` and `inf` stay visible, and numbers
/// that fill a line are written as powers of ten.
std::string fixed(double value, int decimals);

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< as many cells as columns; columns of numbers are set right-aligned
  std::string caption = {};
};

struct Figure {
  std::string name;  ///< of the PNG file, without its ending
  Picture picture;
  std::string caption = {};
  std::string alt = {};    ///< what is to be seen, for who cannot see it; the caption when empty
  int shown_width = 0;     ///< in CSS pixels, never more than the page has; 0: the picture's own
  bool pixelated = false;  ///< shows the pixels of an enlarged picture as squares (filters), not smoothed
};

struct NamedChart {
  std::string name;  ///< of the PNG file, without its ending
  Chart chart;
  std::string caption = {};
};

class Report {
 public:
  explicit Report(std::string title, std::string lead = {}) : title_(std::move(title)), lead_(std::move(lead)) {}

  /// A number for the top of the page: `key("validation error", "1.9 px")`.
  void key(const std::string& label, const std::string& value) { keys_ += term(label, value); }

  /// Begins a section.
  void heading(const std::string& text);

  void paragraph(const std::string& text) { element("p", "", text); }
  void note(const std::string& text) { element("p", "note", text); }
  void warning(const std::string& text) { element("p", "warning", text); }

  /// Names with their values.
  void settings(const std::vector<std::pair<std::string, std::string>>& settings);

  /// ValueError when a row has not as many cells as there are columns.
  void table(const Table& table);

  void figure(const Figure& figure);

  /// Pictures side by side, as many in a row as the page has room for at `tile_width` CSS pixels.
  void figures(const std::vector<Figure>& figures, const std::string& text = {}, int tile_width = 148);

  /// Draws the charts, side by side where there is room; when that cannot be done, a warning names what is missing.
  void charts(const std::vector<NamedChart>& charts, const std::string& gnuplot = "gnuplot");

  /// The whole page.
  std::string html() const;

  /// Writes report.html and the PNG file of each picture into the folder, each in one step.
  void write(const std::filesystem::path& folder) const;

 private:
  static std::string term(const std::string& name, const std::string& value);

  static std::string caption(const std::string& text);

  void element(const std::string& tag, const std::string& kind, const std::string& text);

  /// A number, with a unit or percent sign after it or not; also an empty cell, a dash, `nan` and `inf`.
  static bool is_number(std::string_view cell);

  std::string image(const Figure& figure, int shown_width);

  /// A file name of plain characters that no other picture of the report has.
  std::string file_name(const std::string& name);

  std::string title_, lead_, keys_, body_;
  std::vector<std::string> headings_;
  std::vector<std::pair<std::string, std::string>> files_;  // name, bytes
  std::set<std::string> names_;
};

/// Training and validation loss over the epochs, from `first_epoch` on. `loss` names what is measured.
Chart loss_chart(const nasion::training::History& history, const std::string& loss, int first_epoch = 1);

/// Adds the loss over all epochs, the same without the first, and on a logarithmic scale.
void add_curves(Report& report, const nasion::training::History& history, const std::string& loss);

/// What metrics.json of a run says.
struct RunSummary {
  std::string program, network, recipe, seed, photos, fingerprint;
  int epochs = 0;
  double seconds = 0, mse = 0, error_px = 0, frontal_px = 0, turned_px = 0;
};

/// IoError when the folder holds no metrics.json, or one of something else.
RunSummary read_run(const std::filesystem::path& folder);

std::vector<RunSummary> read_runs(const std::vector<std::filesystem::path>& folders);

/// A table of this run and the others, and a warning about those that were measured on other photos.
void add_comparison(Report& report, const RunSummary& own, const std::vector<RunSummary>& others);

}  // namespace lab
