#include "nasion/training/progress.hpp"

#include <limits>
#include <sstream>

#include "support/catch.hpp"
#include "support/foreign_locale.hpp"

using nasion::training::clock_time;
using nasion::training::Progress;

namespace {
std::string run(Progress::Style style) {
  std::ostringstream out;
  {
    Progress progress(style, out);
    progress.say("192 photos");
    for (int epoch = 9; epoch <= 10; ++epoch) {
      progress.begin_epoch(epoch, 10, 2);
      progress.advance(0.5);
      progress.advance(0.25);
      progress.end_epoch({epoch, 0.25, 0.125, 0.02, 1.5});
    }
    progress.begin("drawing", 2);
    progress.advance();
    progress.advance();
  }
  return out.str();
}
}  // namespace

TEST_CASE("A log has one plain line per epoch") {
  CHECK(run(Progress::Style::plain) ==
        "192 photos\n"
        "epoch  9/10  train 0.25       val 0.125      lr 0.02         1.5 s  0:00 left\n"
        "epoch 10/10  train 0.25       val 0.125      lr 0.02         1.5 s\n");
}

TEST_CASE("Lines do not depend on the locale") {
  for (const auto style : {Progress::Style::plain, Progress::Style::bar}) {
    const auto lines = run(style);
    CHECK(test::in_foreign_locale([&] { return run(style); }) == lines);
  }
}

TEST_CASE("A log hears of a task that takes long") {
  std::ostringstream out;
  Progress progress(Progress::Style::plain, out, std::chrono::milliseconds(0));
  progress.begin_epoch(1, 1, 1);
  progress.advance();
  progress.begin("drawing faces", 3);
  for (int step = 0; step < 3; ++step) progress.advance();
  CHECK(out.str().starts_with("drawing faces: 1 of 3  0:0"));
  CHECK(out.str().ends_with("\ndrawing faces: 3 of 3  0:00 left\n"));
}

TEST_CASE("Quiet is silent") { CHECK(run(Progress::Style::quiet).empty()); }

TEST_CASE("A terminal sees a bar, which the epoch's line replaces and which is gone at the end") {
  const auto text = run(Progress::Style::bar);
  CHECK_THAT(text, ContainsSubstring("\repoch  9/10 [") && ContainsSubstring("100%  loss 0.25"));
  CHECK_THAT(text, ContainsSubstring("\r\x1b[Kepoch  9/10  train 0.25"));
  CHECK(text.ends_with("\r\x1b[K"));
}

TEST_CASE("The bar fits its terminal") {
  const auto columns = GENERATE(10, 20, 40, 60, 80, 200);
  const auto line = Progress::bar("epoch 1/25", 0.5, "loss 0.1234", 90, columns);
  CHECK(static_cast<int>(line.size()) < columns);
  if (columns >= 80) CHECK(line == "epoch 1/25 [================                ]  50%  loss 0.1234  1:30 left");
}

TEST_CASE("Times read as on a clock") {
  CHECK(clock_time(0) == "0:00");
  CHECK(clock_time(7.4) == "0:07");
  CHECK(clock_time(59.6) == "1:00");
  CHECK(clock_time(750) == "12:30");
  CHECK(clock_time(3723) == "1:02:03");
  CHECK(clock_time(-1) == "?");
  CHECK(clock_time(std::numeric_limits<double>::quiet_NaN()) == "?");
  CHECK(clock_time(std::numeric_limits<double>::infinity()) == "?");
}

TEST_CASE("More steps than announced do no harm") {
  std::ostringstream out;
  Progress progress(Progress::Style::bar, out);
  progress.begin("reading", 0);
  progress.advance();
  progress.advance();
  CHECK_THAT(out.str(), ContainsSubstring("100%  0:00 left"));
}
