#include "lab/report.hpp"

#include <filesystem>
#include <limits>
#include <string>

#include "lab/src/process.hpp"
#include "nasion/training/history.hpp"
#include "nasion/vision/image.hpp"
#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/temporary_folder.hpp"

using lab::Chart;
using lab::draw;

namespace {
constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

bool have_gnuplot() { return lab::run_process({"gnuplot", "--version"}, "").code == 0; }

nasion::vision::Image picture_of(const Chart& chart) {
  const auto drawn = draw(chart);
  INFO(drawn.reason);
  REQUIRE(drawn.png);
  return nasion::vision::decode_image(std::as_bytes(std::span(*drawn.png)), "chart.png", {.channels = 3});
}

/// Pixels near this colour.
long count(const nasion::vision::Image& image, int red, int green, int blue) {
  long found = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    found += std::abs(image.pixels[i] - red) < 24 && std::abs(image.pixels[i + 1] - green) < 24 &&
             std::abs(image.pixels[i + 2] - blue) < 24;
  return found;
}
long blue(const nasion::vision::Image& image) { return count(image, 0x00, 0x72, 0xb2); }
long orange(const nasion::vision::Image& image) { return count(image, 0xd5, 0x5e, 0x00); }
long warning(const nasion::vision::Image& image) { return count(image, 0xb3, 0x26, 0x1e); }

Chart two_lines() {
  return {.x_title = "epoch",
          .y_title = "loss",
          .series = {{"training", {{1, 4}, {2, 2}, {3, 1}}}, {"validation", {{1, 5}, {2, 3}, {3, 2}}}}};
}
}  // namespace

TEST_CASE("A chart shows its lines, each in its colour") {
  if (!have_gnuplot()) return;
  const auto image = picture_of(two_lines());
  CHECK(image.width == 1280);
  CHECK(image.height == 800);
  CHECK(blue(image) > 1000);
  CHECK(orange(image) > 500);
  CHECK(warning(image) == 0);
}

TEST_CASE("Points that are not finite are left out, and the chart says so") {
  if (!have_gnuplot()) return;
  auto chart = two_lines();
  chart.series[0].points = {{1, 4}, {2, missing}, {3, infinity}, {4, -infinity}, {missing, 1}, {5, 1}, {6, 1e300}};
  const auto image = picture_of(chart);
  CHECK(blue(image) > 50);
  CHECK(warning(image) > 100);
  CHECK_THAT(lab::detail::gnuplot_script(chart), ContainsSubstring("5 points left out: NaN, infinite or beyond"));
}

TEST_CASE("On a logarithmic scale, what is not above 0 is left out too") {
  auto chart = two_lines();
  chart.log_y = true;
  chart.series[0].points[1].second = 0;
  CHECK_THAT(lab::detail::gnuplot_script(chart), ContainsSubstring("1 point left out: NaN, infinite, not above 0"));
  if (have_gnuplot()) CHECK(warning(picture_of(chart)) > 100);
}

TEST_CASE("A chart without anything to draw is still a chart") {
  if (!have_gnuplot()) return;
  const bool log_y = GENERATE(false, true);
  Chart chart{.x_title = "epoch", .log_y = log_y};
  CHECK_NOTHROW(picture_of(chart));
  chart.series = {{"diverged", {{1, missing}, {2, infinity}}}, {"empty", {}}};
  CHECK(warning(picture_of(chart)) > 100);
  chart.series = {{"one point", {{1, 0.5}}}, {"flat", {{1, 0.5}}}};
  CHECK(orange(picture_of(chart)) > 50);
  chart.from_x = 4;
  CHECK_NOTHROW(picture_of(chart));
}

TEST_CASE("Points before from_x are left out without a word") {
  auto chart = two_lines();
  chart.from_x = 2;
  const auto script = lab::detail::gnuplot_script(chart);
  CHECK_THAT(script, !ContainsSubstring("left out") && !ContainsSubstring("1 4\n") && ContainsSubstring("2 2\n"));
  CHECK_THAT(script, ContainsSubstring("set xrange [2:3]"));
}

TEST_CASE("Titles are text, never commands") {
  if (!have_gnuplot()) return;
  test::TemporaryFolder folder;
  const auto file = (folder / "made").string();
  const auto title = GENERATE_COPY(values<std::string>(
      {"`touch " + file + "`", "\"; system('touch " + file + "'); \"", "'; system('touch " + file + "'); '",
       "$(touch " + file + ")", "x\nsystem('touch " + file + "')\n", "@a {/Bold x} _^ \\", "'"}));
  auto chart = two_lines();
  chart.x_title = chart.y_title = chart.series[0].title = title;
  CHECK_NOTHROW(picture_of(chart));
  CHECK(!std::filesystem::exists(file));
}

TEST_CASE("Without gnuplot there is a reason instead of a chart") {
  const auto drawn = draw(two_lines(), "no-such-gnuplot");
  CHECK(!drawn.png);
  CHECK(drawn.reason == "no-such-gnuplot was not found");
}

TEST_CASE("A gnuplot that fails is a reason, too") {
  CHECK(draw(two_lines(), "false").reason == "false failed");
  CHECK(draw(two_lines(), "true").reason == "true failed");
  test::TemporaryFolder folder;
  const auto program = (folder / "gnuplot").string();
  test::write_text(program, "#!/bin/sh\necho 'set term nothing' >&2; echo 'line 1: unknown terminal' >&2; exit 1\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  CHECK(draw(two_lines(), program).reason == program + " failed: line 1: unknown terminal");
}

TEST_CASE("Whole numbers get whole marks") {
  CHECK(lab::detail::whole_step(2) == 1);
  CHECK(lab::detail::whole_step(8) == 1);
  CHECK(lab::detail::whole_step(24) == 5);
  CHECK(lab::detail::whole_step(29) == 5);
  CHECK(lab::detail::whole_step(99) == 20);
  CHECK(lab::detail::whole_step(0) == 1);
}

TEST_CASE("What gnuplot is told does not depend on the locale") {
  const Chart chart{.x_title = "a", .series = {{"b", {{1000, 0.5}, {2000, missing}, {3000, infinity}}}}};
  const auto script = lab::detail::gnuplot_script(chart);
  CHECK(test::in_foreign_locale([&] { return lab::detail::gnuplot_script(chart); }) == script);
}

TEST_CASE("The curves of a history: all epochs, without the first, logarithmic") {
  nasion::training::History history;
  for (int epoch = 1; epoch <= 6; ++epoch) history.add({epoch, 1.0 / epoch, 2.0 / epoch, 0.1, 1});
  const auto chart = lab::loss_chart(history, "mean squared error", 4);
  REQUIRE(chart.series.size() == 2);
  CHECK(chart.series[1].points[5] == std::pair(6.0, 2.0 / 6));
  CHECK(chart.from_x == 4);
  if (!have_gnuplot()) return;
  test::TemporaryFolder folder;
  lab::Report report("x");
  lab::add_curves(report, history, "mean squared error");
  report.write(folder.path());
  for (const char* name : {"curves.png", "curves_from_epoch_2.png", "curves_log.png"})
    CHECK(std::filesystem::exists(folder / name));
}
