#include "lab/report.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iomanip>

#include "lab/src/html.hpp"
#include "lab/src/interrupt.hpp"
#include "nasion/core/error.hpp"
#include "nasion/io/atomic_file.hpp"

namespace lab {

std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  if (std::abs(value) >= 1e9) return nasion::message(std::setprecision(3), value);
  return nasion::message(std::fixed, std::setprecision(std::clamp(decimals, 0, 17)), value);
}
void Report::heading(const std::string& text) {
  const auto id = "section-" + std::to_string(headings_.size() + 1);
  headings_.push_back(text);
  body_ += "<h2 id=\"" + id + "\">" + escape_html(text) + "</h2>\n";
}

void Report::settings(const std::vector<std::pair<std::string, std::string>>& settings) {
  body_ += "<dl class=\"settings\">\n";
  for (const auto& [name, value] : settings) body_ += term(name, value);
  body_ += "</dl>\n";
}

void Report::table(const Table& table) {
  std::vector<std::string> cell_class;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const auto number = [&](const auto& row) {
      nasion::check<nasion::ValueError>(row.size() == table.columns.size(), "[Report] a table row of ", row.size(),
                                        " cells under ", table.columns.size(), " columns");
      return is_number(row[c]);
    };
    // every row is looked at: each is checked
    const auto numbers = std::count_if(table.rows.begin(), table.rows.end(), number);
    const bool all = !table.rows.empty() && numbers == std::ssize(table.rows);
    cell_class.push_back(all ? " class=\"number\"" : "");
  }
  // The caption stays in place when a wide table is scrolled.
  body_ += "<figure class=\"table\">" + caption(table.caption) + "<div class=\"scroll\" tabindex=\"0\"><table>\n";
  body_ += "<thead><tr>";
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    body_ += "<th scope=\"col\"" + cell_class[c] + ">" + escape_html(table.columns[c]) + "</th>";
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    body_ += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) body_ += "<td" + cell_class[c] + ">" + escape_html(row[c]) + "</td>";
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div></figure>\n";
}

void Report::figure(const Figure& figure) {
  // A wide picture keeps a readable size on a narrow page and scrolls there.
  const int shown = figure.shown_width > 0 ? figure.shown_width : figure.picture.width;
  body_ += "<figure>";
  body_ += shown > 700 ? "<div class=\"scroll picture\" tabindex=\"0\">" + image(figure, shown) + "</div>"
                       : image(figure, shown);
  body_ += caption(figure.caption) + "</figure>\n";
}

void Report::figures(const std::vector<Figure>& figures, const std::string& text, int tile_width) {
  body_ += "<figure><div class=\"tiles\" style=\"grid-template-columns:repeat(auto-fill,minmax(min(" +
           std::to_string(tile_width) + "px,100%),1fr))\">\n";
  for (const auto& figure : figures)
    body_ += "<figure>" + image(figure, tile_width) + caption(figure.caption) + "</figure>\n";
  body_ += "</div>" + caption(text) + "</figure>\n";
}

void Report::charts(const std::vector<NamedChart>& charts, const std::string& gnuplot) {
  std::vector<Figure> drawn;
  for (const auto& [name, chart, text] : charts) {
    auto [png, reason] = draw(chart, gnuplot);
    if (png)
      drawn.push_back({.name = name, .picture = std::move(*png), .caption = text, .alt = "Chart: " + text});
    else
      warning(reason + ": the chart “" + text + "” is missing here.");
  }
  if (drawn.size() == 1) {
    drawn[0].shown_width = charts[0].chart.width;
    figure(drawn[0]);
  } else if (!drawn.empty()) {
    figures(drawn, "", 400);
  }
}

std::string Report::html() const {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      // the page holds all it needs; a browser need not ask anyone for anything
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">\n<link rel=\"icon\" href=\"data:,\">\n<title>" +
      escape_html(title_) + "</title>\n<style>" + std::string(style_sheet) +
      "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>" + escape_html(title_) + "</h1>\n";
  if (!lead_.empty()) page += "<p class=\"lead\">" + escape_html(lead_) + "</p>\n";
  if (!keys_.empty()) page += "<dl class=\"keys\">\n" + keys_ + "</dl>\n";
  if (headings_.size() > 3) {
    page += "<nav aria-label=\"Contents\"><ul>\n";
    for (std::size_t i = 0; i < headings_.size(); ++i)
      page += "<li><a href=\"#section-" + std::to_string(i + 1) + "\">" + escape_html(headings_[i]) + "</a></li>\n";
    page += "</ul></nav>\n";
  }
  return page + "</header>\n" + body_ + "</main>\n</body>\n</html>\n";
}

void Report::write(const std::filesystem::path& folder) const {
  stop_if_asked();  // charts may be missing then, because the signal has also ended what draws them
  for (const auto& [name, png] : files_) nasion::io::write_atomically(folder / name, png);
  nasion::io::write_atomically(folder / "report.html", html());
}

std::string Report::term(const std::string& name, const std::string& value) {
  return "<div><dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) + "</dd></div>\n";
}

std::string Report::caption(const std::string& text) {
  return text.empty() ? "" : "<figcaption>" + escape_html(text) + "</figcaption>";
}

void Report::element(const std::string& tag, const std::string& kind, const std::string& text) {
  body_ += "<" + tag + (kind.empty() ? "" : " class=\"" + kind + "\"") + ">" + escape_html(text) + "</" + tag + ">\n";
}

bool Report::is_number(std::string_view cell) {
  if (cell.empty() || cell == "-" || cell == "\u2013") return true;
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const auto unit = cell.substr(static_cast<std::size_t>(end - cell.data()));
  return error != std::errc::invalid_argument && (unit.empty() || unit.starts_with(' ') || unit == "%");
}

std::string Report::image(const Figure& figure, int shown_width) {
  const auto& picture = figure.picture;
  const double scale = static_cast<double>(shown_width) / std::max(1, picture.width);
  files_.emplace_back(file_name(figure.name), picture.png);
  return std::string("<img") + (figure.pixelated ? " class=\"pixels\"" : "") + " width=\"" +
         std::to_string(shown_width) + "\" height=\"" + std::to_string(std::lround(scale * picture.height)) +
         "\" alt=\"" + escape_html(figure.alt.empty() ? figure.caption : figure.alt) +
         "\" src=\"data:image/png;base64," + base64(picture.png) + "\">";
}

std::string Report::file_name(const std::string& name) {
  std::string stem;
  for (const char c : name.substr(0, 100)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    stem += plain ? c : '_';
  }
  if (stem.empty()) stem = "picture";
  std::string file = stem + ".png";
  for (int number = 2; !names_.insert(file).second; ++number) file = stem + "-" + std::to_string(number) + ".png";
  return file;
}

}  // namespace lab
