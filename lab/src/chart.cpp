#include "lab/report.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>
#include <string>

#include "lab/src/process.hpp"
#include "nasion/core/error.hpp"
#include "nasion/io/csv.hpp"

namespace lab {

namespace detail {

std::string gnuplot_text(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 32 || c == 127;
    quoted += c == '\'' ? "\xe2\x80\x99" : std::string(1, control ? ' ' : c);
  }
  return quoted + "'";
}

double whole_step(double range) {
  for (double power = 1;; power *= 10)
    for (const double step : {1.0, 2.0, 5.0})
      if (!(range / (step * power) > 8)) return step * power;
}

std::string gnuplot_script(const Chart& chart) {
  // Colours that stay apart for every kind of colour vision (Okabe and Ito), and dashes for print.
  static constexpr const char* colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                            "#e69f00", "#56b4e9", "#404040"};
  static constexpr const char* dashes[] = {"1", "(14,5)", "(4,4)", "(14,4,4,4)"};
  constexpr double infinity = std::numeric_limits<double>::infinity(), largest = 1e100;  // gnuplot gives up near 1e150

  std::ostringstream data, curves;
  double left = infinity, right = -infinity, low = infinity, high = -infinity;
  bool whole = true;
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const auto& series = chart.series[i];
    std::size_t drawn = 0;
    data << nasion::message("$s", i, " << EOD\n");
    for (const auto& [x, y] : series.points) {
      if (x < chart.from_x) continue;
      if (std::abs(x) <= largest && std::abs(y) <= largest && (!chart.log_y || y > 0)) {  // false for NaN
        data << nasion::io::csv_field(x) << ' ' << nasion::io::csv_field(y) << '\n';
        left = std::min(left, x), right = std::max(right, x), low = std::min(low, y), high = std::max(high, y);
        whole = whole && x == std::floor(x);
        ++drawn;
      } else {
        data << '\n';  // the line breaks here
        ++left_out;
      }
    }
    data << "EOD\n";
    const std::string style = std::string(" linecolor rgb '") + colours[i % std::size(colours)] + "' dashtype " +
                              dashes[i % std::size(dashes)] + " linewidth 2.2 pointtype 7 pointsize 0.7 ";
    // Single points between gaps would be invisible as lines; many points would hide the line.
    const char* with = drawn <= 40 ? " with linespoints" : " with lines";
    const std::string title = series.title + (drawn == 0 ? " (nothing to draw)" : "");
    curves << (i ? ", " : "plot ") << (drawn ? "$s" + std::to_string(i) + " using 1:2" : "NaN") << with << style
           << "title " << gnuplot_text(title) << " noenhanced";
  }

  const bool empty = !(left <= right);
  if (empty) left = 0, right = 1, low = chart.log_y ? 0.1 : 0, high = 1;
  if (left == right) left -= 1, right += 1;

  std::ostringstream script;
  const auto size = std::to_string(2 * chart.width) + "," + std::to_string(2 * chart.height);
  script << "set encoding utf8\n"
            "if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {\n"
            "  set terminal pngcairo size "
         << size
         << " font 'DejaVu Sans,13' fontscale 2 linewidth 2 pointscale 2 dashlength 0.5 background rgb '#ffffff'\n"
            "} else {\n"
            "  set terminal png size "
         << size
         << " font ',26' linewidth 1.6 truecolor background rgb '#ffffff'\n"
            "}\n"
            "set border 3 linewidth 0.6 linecolor rgb '#8a8f98'\n"
            "set grid linetype 1 linewidth 0.5 linecolor rgb '#e3e5e9'\n"
            "set tics nomirror scale 0.5 textcolor rgb '#3c4149'\n"
            "set key outside top left horizontal Left reverse samplen 2.5 textcolor rgb '#1c1e21'\n"
            "set rmargin 2.5\n"
            "set format y '%g'\n"
         << "set xlabel " << gnuplot_text(chart.x_title) << " noenhanced textcolor rgb '#3c4149'\n"
         << "set ylabel " << gnuplot_text(chart.y_title) << " noenhanced offset 0.5,0 textcolor rgb '#3c4149'\n"
         << "set xrange [" << nasion::io::csv_field(left) << ":" << nasion::io::csv_field(right) << "]\n";
  if (whole) script << "set xtics " << nasion::io::csv_field(whole_step(right - left)) << "\n";
  if (chart.log_y) script << "set logscale y\n";
  if (empty || low == high) {  // gnuplot needs some room to draw in
    const double room = low == 0 ? 1 : std::abs(low) / 2;
    if (!empty) low = chart.log_y ? low / 10 : low - room, high = chart.log_y ? high * 10 : high + room;
    script << "set yrange [" << nasion::io::csv_field(low) << ":" << nasion::io::csv_field(high) << "]\n";
  }
  if (empty) script << "set label 'no points to draw' at graph 0.5,0.5 center textcolor rgb '#3c4149'\n";
  if (left_out > 0)
    script << "set bmargin 5\nset label '" << std::to_string(left_out) << (left_out == 1 ? " point" : " points")
           << " left out: NaN, infinite" << (chart.log_y ? ", not above 0" : "") << " or beyond 1e100"
           << "' at screen 0.985,0.035 right font ',11' textcolor rgb '#b3261e'\n";
  script << data.str() << (chart.series.empty() ? "plot NaN notitle" : curves.str()) << "\n";
  return script.str();
}

}  // namespace detail

ChartPicture draw(const Chart& chart, const std::string& gnuplot) {
  // -d: whoever runs this may have drawing settings of their own
  auto result = run_process({gnuplot, "-d", "-"}, detail::gnuplot_script(chart));
  if (!result.started) return {{}, gnuplot + " was not found"};
  if (result.code != 0 || !result.out.starts_with("\x89PNG\r\n\x1a\n")) {
    std::istringstream lines(result.err);
    std::string line, reason;
    while (std::getline(lines, line))  // gnuplot repeats the failing command first, its message comes last
      if (line.find_first_not_of(" ^\t") != std::string::npos) reason = line;
    return {{}, gnuplot + " failed" + (reason.empty() ? "" : ": " + reason)};
  }
  return {std::move(result.out), {}};
}

}  // namespace lab
