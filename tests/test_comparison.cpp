#include "lab/report.hpp"

#include <cmath>

#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace {

std::string metrics(const std::string& more, const std::string& epochs = "3", const std::string& photos = "imm",
                    const std::string& fingerprint = "f00d") {
  return R"({"settings":{"program":"part2","recipe":"best","seed":"1","photos":")" + photos +
         R"(","photos_fingerprint":")" + fingerprint + R"("},"epochs":)" + epochs +
         R"(,"training_seconds":2.5,"val_mse":0.1,"val_mean_error_px":4)" + more + "}";
}

}  // namespace

TEST_CASE("A run is read as it was written, with or without views") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "metrics.json", metrics(R"(,"frontal_error_px":3,"turned_error_px":null)"));
  const auto run = lab::read_run(folder.path());
  CHECK(run.program == "part2");
  CHECK(run.epochs == 3);
  CHECK(run.frontal_px == 3);
  CHECK(std::isnan(run.turned_px));
  test::write_text(folder / "metrics.json", metrics(""));
  CHECK(std::isnan(lab::read_run(folder.path()).frontal_px));
}

TEST_CASE("What is no run's metrics is an error that names the file") {
  const test::TemporaryFolder folder;
  const std::string text = GENERATE_COPY(
      std::string("no JSON"), std::string("[]"), std::string("{}"), std::string(R"({"settings":[]})"),
      metrics("", "1e300"), metrics("", "-1"), metrics("", "2.5"), metrics("", "null"), metrics("", "99999999999"),
      metrics(R"(,"frontal_error_px":"far")"), std::string(R"({"settings":{"program":1},"epochs":1})"));
  INFO(text);
  test::write_text(folder / "metrics.json", text);
  CHECK_THROWS_AS(lab::read_run(folder.path()), nasion::IoError);
  CHECK_THROWS_WITH(lab::read_run(folder.path()), ContainsSubstring("metrics.json: is not the metrics of a run"));
}

TEST_CASE("Runs compare when their photos are the same, however they are named") {
  const auto run = [](const std::string& photos, const std::string& fingerprint) {
    lab::RunSummary summary;
    summary.photos = photos;
    summary.fingerprint = fingerprint;
    return summary;
  };
  const auto warns = [&](const std::string& photos, const std::string& fingerprint) {
    lab::Report report("t", "l");
    lab::add_comparison(report, run("imm", "f00d"), {run(photos, fingerprint)});
    return report.html().find("measured on other photos") != std::string::npos;
  };
  CHECK_FALSE(warns("imm", "f00d"));
  CHECK_FALSE(warns("moved", "f00d"));
  CHECK(warns("imm", "beef"));
  CHECK_FALSE(warns("imm", ""));  // of a run from before there were fingerprints
  CHECK(warns("other", ""));
}
