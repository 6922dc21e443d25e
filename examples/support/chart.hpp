#pragma once
// Line charts, drawn by the gnuplot program. Without gnuplot there is no chart, and a reason why.

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace support {

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

}  // namespace support
