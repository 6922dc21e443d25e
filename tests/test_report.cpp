#include "lab/report.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "lab/src/html.hpp"
#include "nasion/vision/image.hpp"
#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/temporary_folder.hpp"

using lab::Report;
using nasion::vision::Image;

namespace {
Image ramp(int width, int height, int channels) {
  Image image(width, height, channels);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(7 * i);
  return image;
}

std::string from_base64(std::string_view text) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned value = 0, bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    value = value << 6 | static_cast<unsigned>(digits.find(c));
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(value >> (bits -= 8) & 255);
  }
  return bytes;
}

/// What stands between the first `before` and the `after` that follows it.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const auto from = text.find(before);
  REQUIRE(from != std::string::npos);
  const auto begin = from + before.size();
  return text.substr(begin, text.find(after, begin) - begin);
}

Report full_report() {
  Report report("Part 1", "Noses.");
  report.key("error", "1.9 px");
  report.heading("Result");
  report.paragraph("A paragraph.");
  report.note("A note.");
  report.warning("A warning.");
  report.settings({{"epochs", "25"}});
  report.table(
      {.columns = {"view", "error"}, .rows = {{"frontal", "1.5"}, {"turned", "2.25 px"}}, .caption = "Views."});
  report.figure({.name = "noses", .picture = ramp(8, 6, 1), .caption = "Noses.", .alt = "twelve noses"});
  report.figures({{.name = "a", .picture = ramp(4, 4, 3)}, {.name = "b", .picture = ramp(4, 4, 3)}}, "Both.");
  return report;
}
}  // namespace

TEST_CASE("A report holds what it was given, in order") {
  const auto html = full_report().html();
  std::size_t at = 0;
  for (const char* text : {"<!DOCTYPE html>", "<title>Part 1</title>", "<h1>Part 1</h1>", "Noses.", "error", "1.9 px",
                           "<h2 id=\"section-1\">Result</h2>", "<p>A paragraph.</p>", "<p class=\"note\">A note.</p>",
                           "<p class=\"warning\">A warning.</p>", "<dt>epochs</dt><dd>25</dd>", "Views.", "frontal",
                           "alt=\"twelve noses\"", "Both.", "</html>"}) {
    CAPTURE(text);
    at = html.find(text, at);
    REQUIRE(at != std::string::npos);
  }
}

TEST_CASE("A report needs nothing but itself") {
  auto html = full_report().html();
  CHECK_THAT(html, !ContainsSubstring("http://") && !ContainsSubstring("https://") && !ContainsSubstring("url(") &&
                       !ContainsSubstring("@import") && !ContainsSubstring("<script"));
  // every src= and href= is a data: address or a place in the page
  for (const std::string attribute : {"src=\"", "href=\""})
    for (auto at = html.find(attribute); at != std::string::npos; at = html.find(attribute, at + 1)) {
      const auto address = html.substr(at + attribute.size(), 5);
      CAPTURE(address);
      CHECK((address == "data:" || address[0] == '#'));
    }
}

TEST_CASE("A report's pictures are in the page and beside it, the same") {
  test::TemporaryFolder folder;
  const auto image = GENERATE(ramp(8, 6, 1), ramp(5, 3, 3), ramp(1, 1, 1));
  Report report("x");
  report.figure({.name = "noses", .picture = image});
  report.write(folder.path());
  const auto bytes = from_base64(between(report.html(), "src=\"data:image/png;base64,", "\""));
  CHECK(nasion::vision::decode_image(std::as_bytes(std::span(bytes)), "embedded") == image);
  CHECK(bytes == test::read_text(folder / "noses.png"));
  CHECK(test::read_text(folder / "report.html") == report.html());
}

TEST_CASE("Base64 as in RFC 4648") {
  const auto [bytes, text] = GENERATE(table<std::string, std::string>(
      {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}}));
  CHECK(lab::base64(bytes) == text);
}

TEST_CASE("Text cannot become markup, wherever it stands") {
  const std::string evil = "<script>x</script>\"'&";
  Report report(evil, evil);
  report.key(evil, evil);
  for (int i = 0; i < 5; ++i) report.heading(evil);
  report.paragraph(evil);
  report.note(evil);
  report.warning(evil);
  report.settings({{evil, evil}});
  report.table({.columns = {evil}, .rows = {{evil}}, .caption = evil});
  report.figure({.name = evil, .picture = ramp(1, 1, 1), .caption = evil, .alt = evil});
  report.figures({{.name = evil, .picture = ramp(1, 1, 1), .caption = evil}}, evil);
  report.charts({{evil, {}, evil}}, "no-such-<gnuplot>");
  const auto html = report.html();
  CHECK_THAT(html, !ContainsSubstring("<script") && !ContainsSubstring("</script") && !ContainsSubstring("\"'&"));
  CHECK_THAT(html, ContainsSubstring("&lt;script&gt;x&lt;/script&gt;&quot;&#39;&amp;"));
}

TEST_CASE("Bytes that are no UTF-8 are replaced") {
  const std::string replaced = "\xef\xbf\xbd";
  CHECK(lab::escape_html("caf\xc3\xa9 \xe2\x80\x93 \xf0\x9f\x98\x80") == "caf\xc3\xa9 \xe2\x80\x93 \xf0\x9f\x98\x80");
  CHECK(lab::escape_html("caf\xe9") == "caf" + replaced);
  CHECK(lab::escape_html("\xc0\xaf") == replaced + replaced);
  CHECK(lab::escape_html("\xed\xa0\x80") == replaced + replaced + replaced);
  CHECK(lab::escape_html("a\xe2\x80") == "a" + replaced + replaced);
  CHECK(lab::escape_html(std::string("a\0b\n", 4)) == "a b ");
}

TEST_CASE("Columns of numbers are set as numbers") {
  Report report("x");
  report.table({.columns = {"photo", "error", "share", "seconds", "mixed"},
                .rows = {{"33-1m", "1.5", "63 %", "nan", "1"}, {"34-2f", "-2e-5", "100%", "", "one"}}});
  const auto html = report.html();
  CHECK_THAT(html, ContainsSubstring("<td>33-1m</td><td class=\"number\">1.5</td><td class=\"number\">63 %</td>"
                                     "<td class=\"number\">nan</td><td>1</td>"));
}

TEST_CASE("A table row of the wrong length is an error") {
  Report report("x");
  CHECK_THROWS_AS(report.table({.columns = {"a", "b"}, .rows = {{"1", "2"}, {"1"}}}), nasion::ValueError);
  CHECK_THROWS_WITH(report.table({.columns = {"a"}, .rows = {{"1", "2"}}}),
                    "[Report] a table row of 2 cells under 1 columns");
  CHECK_NOTHROW(report.table({.columns = {"a", "b"}, .rows = {}}));
}

TEST_CASE("Picture files have plain names, each its own") {
  test::TemporaryFolder folder;
  Report report("x");
  for (const char* name : {"a", "a", "../../etc/x", "", "a-2"}) report.figure({.name = name, .picture = ramp(2, 2, 1)});
  report.write(folder.path());
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  CHECK(names ==
        std::vector<std::string>{"______etc_x.png", "a-2-2.png", "a-2.png", "a.png", "picture.png", "report.html"});
}

TEST_CASE("A chart that cannot be drawn leaves a warning") {
  Report report("x");
  report.charts({{"curves", {}, "Loss after each epoch."}}, "no-such-gnuplot");
  CHECK_THAT(report.html(), ContainsSubstring("<p class=\"warning\">no-such-gnuplot was not found: the chart"));
}

TEST_CASE("What is no PNG file is no picture") {
  CHECK_THROWS_AS(lab::Picture(std::string("GIF89a")), nasion::ValueError);
  const lab::Picture picture(nasion::vision::encode_png(ramp(300, 2, 1)));
  CHECK(picture.width == 300);
  CHECK(picture.height == 2);
}

TEST_CASE("Numbers with a fixed count of decimals") {
  CHECK(lab::fixed(1.25, 1) == "1.2");
  CHECK(lab::fixed(-0.5, 3) == "-0.500");
  CHECK(lab::fixed(7, 0) == "7");
  CHECK(lab::fixed(-std::numeric_limits<double>::quiet_NaN(), 2) == "nan");
  CHECK(lab::fixed(-std::numeric_limits<double>::infinity(), 2) == "-inf");
  CHECK(lab::fixed(1e308, 3) == "1e+308");
  CHECK(lab::fixed(-123456789.25, 1) == "-123456789.2");
  const test::ForeignLocale foreign;
  CHECK(lab::fixed(1234.5, 1) == "1234.5");
  CHECK(lab::fixed(1.5e10, 1) == "1.5e+10");
}

TEST_CASE("A report that cannot be written says where") {
  CHECK_THROWS_WITH(full_report().write("/nowhere"), ContainsSubstring("/nowhere/noses.png"));
}
