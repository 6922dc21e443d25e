#pragma once
// One page that says how a run went: text, numbers, tables, charts and pictures, all inside the one file.

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/chart.hpp"
#include "support/picture.hpp"

namespace support {

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

}  // namespace support
