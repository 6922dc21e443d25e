#include "lab/face_report.hpp"

#include <cmath>

#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using lab::read_rate_trials, lab::RateTrial;

TEST_CASE("Trials are read back as they were, also one that diverged") {
  const test::TemporaryFolder folder;
  const lab::OutputFolder out(folder.path(), true);
  CHECK(read_rate_trials(out).empty());
  std::vector<RateTrial> trials{{"0.02", {}, 1.5}, {"0.5", {}, std::nan("")}};
  for (auto& trial : trials) trial.history.add({.epoch = 1, .train_loss = std::nan(""), .lr = 0.5});
  lab::write_rate_trials(out, trials);
  const auto read = read_rate_trials(out);
  REQUIRE(read.size() == 2);
  CHECK(read[0].lr == "0.02");
  CHECK(read[0].spread_px == 1.5);
  CHECK(std::isnan(read[1].spread_px));
  CHECK(read[1].history.last_epoch() == 1);
}

TEST_CASE("Anything else in the file is an error that names it") {
  const test::TemporaryFolder folder;
  const lab::OutputFolder out(folder.path(), true);
  const std::string header = "epoch,train_loss,val_loss,lr,seconds\\n";
  const std::string text =
      GENERATE_COPY(std::string("no JSON"), std::string(), std::string("{}"), std::string("[]"), std::string("[1, 2]"),
                    std::string("[null]"), std::string(R"([{"lr": "0.02"}])"),
                    R"([{"lr": "0.02", "spread_px": 1, "history": ")" + header + R"("}])",           // no rows
                    R"([{"lr": 0.02, "spread_px": 1, "history": ")" + header + R"(1,1,1,1,1\n"}])",  // lr is no text
                    R"([{"lr": "0.02", "spread_px": [1], "history": ")" + header + R"(1,1,1,1,1\n"}])",
                    std::string(R"([{"lr": "0.02", "spread_px": 1, "history": 7}])"),
                    std::string(R"([{"lr": "0.02", "spread_px": 1, "history": ""}])"),
                    std::string(R"([{"lr": "0.02", "spread_px": 1, "history": "a\n1\n"}])"));
  INFO(text);
  test::write_text(folder / "learning_rates.json", text);
  CHECK_THROWS_AS(read_rate_trials(out), nasion::IoError);
  CHECK_THROWS_WITH(read_rate_trials(out), ContainsSubstring("learning_rates.json: "));
}
