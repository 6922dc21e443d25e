// The programs as their users meet them: run from outside, killed, resumed, given bad input.

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "lab/src/process.hpp"
#include "nasion/faces/kaggle.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/faces/pts.hpp"
#include "nasion/io/safetensors.hpp"
#include "nasion/training/history_file.hpp"
#include "nasion/vision/draw.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/exif.hpp"
#include "support/imm_folder.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
namespace fs = std::filesystem;

namespace {

const std::string part1 = std::string(NASION_PROGRAM_DIR) + "/part1_nose_tip";

lab::ProcessResult run(std::vector<std::string> arguments, const std::string& program = "part1_nose_tip") {
  arguments.insert(arguments.begin(), std::string(NASION_PROGRAM_DIR) + "/" + program);
  return lab::run_process(arguments, "");
}

/// Starts the program and kills it after a while, unless it has ended by then. Returns whether it had.
bool run_and_kill(std::vector<std::string> arguments, std::chrono::milliseconds after) {
  arguments.insert(arguments.begin(), part1);
  std::vector<char*> argv;
  for (auto& word : arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, part1.c_str(), nullptr, nullptr, argv.data(), environ) == 0);
  std::this_thread::sleep_for(after);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

}  // namespace

TEST_CASE("part1_nose_tip writes all that it promises") {
  const test::TemporaryFolder folder;
  test::write_faces(folder.path() / "faces");
  const auto out = folder.path() / "out";
  const auto result =
      run({"--data", folder.path() / "faces", "--epochs", "5", "--seed", "3", "--threads", "1", "--out", out});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  for (const auto* name :
       {"report.html", "history.csv", "metrics.json", "predictions.csv", "model.safetensors", "checkpoint.safetensors",
        "samples.png", "successes.png", "failures.png", "learning_rates.json"})
    CHECK(fs::exists(out / name));
  const auto history = training::read_history(out / "history.csv");
  CHECK(history.last_epoch() == 5);
  for (const auto& row : history.rows()) CHECK(std::isfinite(row.val_loss));
  const auto metrics = nlohmann::json::parse(test::read_text(out / "metrics.json"));
  CHECK(metrics["val_mse"].get<double>() == Approx(history.rows().back().val_loss).epsilon(1e-3));
  CHECK(metrics["val_mean_error_px"].get<double>() > 0);
  CHECK(metrics["view_error_px"].size() == 6);
  CHECK(metrics["seed"] == 3);
  CHECK(metrics["threads"] == 1);
  CHECK(metrics["images_per_second"].get<double>() > 0);
  CHECK_FALSE(metrics["diverged"].get<bool>());
  CHECK(lines(test::read_text(out / "predictions.csv")) == 13);
  CHECK(io::read_metadata(out / "model.safetensors").at("setting.seed") == "3");

  SECTION("a finished run is not overwritten") {
    const auto before = test::read_text(out / "model.safetensors");
    const auto again = run({"--data", folder.path() / "faces", "--epochs", "1", "--out", out});
    CHECK(again.code == 2);
    CHECK_THAT(again.err, ContainsSubstring("already holds a run"));
    CHECK(lines(again.err) == 1);
    CHECK(test::read_text(out / "model.safetensors") == before);
  }
  SECTION("a run is not resumed with other settings") {
    const auto other =
        run({"--data", folder.path() / "faces", "--epochs", "6", "--seed", "3", "--out", out, "--resume"});
    CHECK(other.code == 2);
    CHECK_THAT(other.err, ContainsSubstring("epochs 5, not 6"));
    const auto rounded = run(
        {"--data", folder.path() / "faces", "--epochs", "5", "--seed", "3", "--out", out, "--autocast", "--resume"});
    CHECK(rounded.code == 2);
    CHECK_THAT(rounded.err, ContainsSubstring("autocast off, not bfloat16"));
  }
}

TEST_CASE("The number of threads does not change a byte of the model") {
  const test::TemporaryFolder folder;
  test::write_faces(folder.path() / "faces");
  for (const std::string recipe : {"best", "seed"}) {
    std::string first;
    for (const std::string threads : {"1", "2", "3"}) {
      const auto out = folder.path() / (recipe + threads);
      const auto result = run({"--data", folder.path() / "faces", "--recipe", recipe, "--epochs", "2", "--threads",
                               threads, "--out", out, "--quiet"});
      INFO(result.err);
      REQUIRE(result.code == 0);
      CHECK(result.out.empty());
      const auto bytes = test::read_text(out / "model.safetensors");
      if (first.empty()) first = bytes;
      CHECK(bytes == first);
    }
  }
}

TEST_CASE("A run that is killed again and again, and resumed, ends with the same bytes") {
  const test::TemporaryFolder folder;
  test::write_faces(folder.path() / "faces");
  std::vector<std::string> flags{"--data", folder.path() / "faces", "--epochs", "12", "--quiet", "--out"};
  auto whole = flags, broken = flags;
  whole.push_back(folder.path() / "whole");
  broken.push_back(folder.path() / "broken");
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(run(whole).code == 0);
  const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);

  fs::create_directory(folder.path() / "broken");
  broken.push_back("--resume");
  Rng rng(static_cast<std::uint64_t>(start.time_since_epoch().count()));
  int killed = 0;
  for (int i = 0; i < 5; ++i) killed += !run_and_kill(broken, duration * rng.below(45) / 100);
  CHECK(killed > 0);
  const auto last = run(broken);
  INFO(last.err);
  REQUIRE(last.code == 0);
  CHECK(test::read_text(folder.path() / "broken/model.safetensors") ==
        test::read_text(folder.path() / "whole/model.safetensors"));
  CHECK(training::read_history(folder.path() / "broken/history.csv").last_epoch() == 12);
}

TEST_CASE("A learning rate that makes the loss explode is reported, in every file it touches") {
  const test::TemporaryFolder folder;
  test::write_faces(folder.path() / "faces");
  const auto out = folder.path() / "out";
  const auto result =
      run({"--data", folder.path() / "faces", "--recipe", "seed", "--epochs", "3", "--lr", "1e9", "--out", out});
  CHECK(result.code == 3);
  CHECK_THAT(result.err, ContainsSubstring("training diverged"));
  CHECK_THAT(result.err, ContainsSubstring("learning rate 1e+09"));
  CHECK_THAT(test::read_text(out / "report.html"), ContainsSubstring("Training diverged"));
  CHECK(nlohmann::json::parse(test::read_text(out / "metrics.json"))["diverged"].get<bool>());
  CHECK(io::read_metadata(out / "model.safetensors").contains("diverged"));

  for (const std::string program : {"part2_full_face", "part4_heatmaps"}) {
    const auto folder_of = folder.path() / program;
    const auto other =
        run({"--data", folder.path() / "faces", "--epochs", "2", "--lr", "1e30", "--out", folder_of}, program);
    INFO(other.err);
    CHECK(other.code == 3);
    CHECK_THAT(other.err, ContainsSubstring(program + ": training diverged"));
    CHECK(fs::exists(folder_of / "report.html"));
  }
  const auto compared = run({"--data", folder.path() / "faces", "--epochs", "1", "--compare",
                             folder.path() / "part2_full_face", "--out", folder.path() / "compared"},
                            "part4_heatmaps");
  INFO(compared.err);
  CHECK(compared.code == 0);
}

TEST_CASE("Parts 2 and 4 write all that they promise, and stand beside each other") {
  const test::TemporaryFolder folder;
  const std::string faces = folder.path() / "faces";
  test::write_faces(faces);
  const auto out = [&](const std::string& name) { return std::string(folder.path() / name); };
  const auto check = [&](const std::string& name, const std::vector<std::string>& pictures) {
    for (const auto& picture : pictures) {
      INFO(name << " " << picture);
      CHECK(fs::exists(fs::path(out(name)) / (picture + ".png")));
    }
    const auto metrics = nlohmann::json::parse(test::read_text(fs::path(out(name)) / "metrics.json"));
    CHECK(metrics["val_mse"].get<double>() > 0);
    CHECK(metrics["settings"]["seed"] == "3");
    CHECK(lines(test::read_text(fs::path(out(name)) / "predictions.csv")) == 1 + 12 * 58);
  };
  const std::vector<std::string> both{"augmented", "successes", "failures", "points", "curves", "curves_log"};
  const auto flags = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"--data", faces, "--seed", "3", "--epochs", "1", "--quiet", "--out", out(name)});
    return more;
  };

  auto result = run(flags("course", {"--recipe", "seed"}), "part2_full_face");
  INFO(result.err);
  REQUIRE(result.code == 0);
  check("course", both);
  check("course",
        {"samples", "filters_convs_0", "filters_convs_1", "filters_convs_2", "filters_convs_3", "filters_convs_4"});
  result = run(flags("maps", {}), "part2_full_face");
  REQUIRE(result.code == 0);
  check("maps", both);

  result = run(flags("fcn", {"--model", "fcn", "--recipe", "seed"}), "part4_heatmaps");
  INFO(result.err);
  REQUIRE(result.code == 0);
  check("fcn", both);
  result = run(flags("unet", {"--model", "unet", "--compare", out("fcn"), out("course")}), "part4_heatmaps");
  INFO(result.err);
  REQUIRE(result.code == 0);
  check("unet", both);
  const auto report = test::read_text(fs::path(out("unet")) / "report.html");
  CHECK_THAT(report, ContainsSubstring("<td>part4_heatmaps: fcn</td>"));
  CHECK_THAT(report, ContainsSubstring("<td>part2_full_face: course</td>"));
  long maps = 0;
  for (const auto& file : fs::directory_iterator(out("unet")))
    maps += file.path().filename().string().starts_with("maps_");
  CHECK(maps == 3);

  result = run(flags("other", {"--compare", faces}), "part4_heatmaps");
  CHECK(result.code == 2);
  CHECK_THAT(result.err, ContainsSubstring("metrics.json"));
  result = run(flags("other", {"--model", "resnet"}), "part4_heatmaps");
  CHECK(result.code == 2);
  CHECK_THAT(result.err, ContainsSubstring("must be fcn or unet, not 'resnet'"));
}

TEST_CASE("part3_resnet18 learns from a folder of 300-W, in pixels of the photos as published") {
  const test::TemporaryFolder folder;
  const auto faces = folder.path() / "300w", out = folder.path() / "out";
  std::string manifest = "image,original_width,original_height,crop_x0,crop_y0,scale_x,scale_y\n";
  Rng rng(7);
  const auto write = [&](const std::string& set, const std::string& name) {
    fs::create_directories(faces / set);
    vision::Image photo(96, 96, 3, 90);
    faces::Landmarks points;
    for (int i = 0; i < faces::ibug::point_count; ++i) points.push_back({rng.uniform(24, 72), rng.uniform(24, 72)});
    vision::draw_points(photo, points);
    vision::write_jpeg(faces / set / (name + ".jpg"), photo);
    faces::write_pts(faces / set / (name + ".pts"), points);
    manifest += set + "/" + name + ".jpg,192,192,0,0,0.5,0.5\n";
  };
  for (const char* name : {"1_1", "1_2", "2_1", "3_1", "4_1", "5_1"}) write("afw", name);
  for (const char* name : {"image_1", "image_2"}) write("lfpw/trainset", name);
  for (const char* name : {"image_1", "image_2", "image_3"}) write("lfpw/testset", name);
  write("ibug", "image_003_1");
  test::write_text(faces / "manifest.csv", manifest);
  test::write_text(
      faces / "test.xml",
      "<dataset><images><image file='gone.jpg'><box left='1' top='1' width='9' height='9'/></image>"
      "<image file='afw/1_1.jpg'><box left='20' top='20' width='60' height='60'/></image></images>"
      "<images><image file='turned.jpg'><box left='20' top='20' width='60' height='60'><part name='36' x='30' y='30'/>"
      "</box></image></images></dataset>");
  test::write_text(faces / "turned.jpg", test::with_orientation(test::read_text(faces / "afw/1_1.jpg"), 6));
  const std::vector<std::string> flags{"--data", faces, "--epochs", "1", "--seed", "3", "--batch", "4"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), flags.begin(), flags.end());
    return run(more, "part3_resnet18");
  };

  auto result = with({"--out", out, "--kaggle", faces / "test.xml"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  CHECK_THAT(result.out, ContainsSubstring("read 8 training and 3 validation faces") &&
                             ContainsSubstring("1 of 3 photos do not exist and have no lines: gone.jpg") &&
                             ContainsSubstring("1 of 3 faces have other points than the 68 of the network"));
  for (const auto* name : {"report.html", "answers.png", "error_distribution.png", "successes.png", "points.png"})
    CHECK(fs::exists(out / name));
  const auto metrics = nlohmann::json::parse(test::read_text(out / "metrics.json"));
  for (const auto* name : {"nme_percent", "auc_8", "failure_percent_8", "mae_px"}) CHECK(metrics[name].is_number());
  CHECK(metrics["tests"]["ibug"]["nme_percent"].get<double>() > 0);
  CHECK(lines(test::read_text(out / "predictions.csv")) == 1 + 3 * 68);
  CHECK_THAT(test::read_text(out / "predictions.csv"), ContainsSubstring("\nlfpw/testset/image_2.jpg,0,0,67,"));
  CHECK(lines(test::read_text(out / "kaggle.csv")) == 1 + 2 * 136);
  const auto answers = faces::read_kaggle_submission(out / "kaggle.csv", 68);
  REQUIRE(answers.size() == 3);
  CHECK(answers[2] == answers[1]);  // boxes count stored pixels, whatever EXIF says
  CHECK_THAT(test::read_text(out / "kaggle.csv"), ContainsSubstring("Predicted\n136,"));

  // The mean of |dx| and |dy| is at most the mean distance, and at least 0.7 of it; a photo was twice as large.
  const double ratio = metrics["mae_px"].get<double>() / metrics["val_mean_error_px"].get<double>();
  CHECK((ratio > 2 * 0.5 && ratio < 2 * 0.71));

  SECTION("a fold leaves the test sets alone, and keeps the faces of one photo together") {
    result = with({"--out", folder.path() / "fold", "--fold", "0", "--quiet"});
    INFO(result.err);
    REQUIRE(result.code == 0);
    const auto predictions = test::read_text(folder.path() / "fold" / "predictions.csv");
    CHECK_THAT(predictions, !ContainsSubstring("testset"));
    CHECK((predictions.find("afw/1_1") == std::string::npos) == (predictions.find("afw/1_2") == std::string::npos));
  }
  SECTION("bad input is named, and no run is begun") {
    result = with({"--out", folder.path() / "no", "--kaggle", faces / "none.xml"});
    CHECK(result.code == 2);
    CHECK_THAT(result.err, ContainsSubstring("--kaggle: no file"));
    fs::remove_all(faces / "lfpw" / "testset");
    result = with({"--out", folder.path() / "no"});
    CHECK(result.code == 2);
    CHECK_THAT(result.err, ContainsSubstring("lfpw/testset: no faces to validate on"));
    CHECK_FALSE(fs::exists(folder.path() / "no" / "checkpoint.safetensors"));
  }
}

TEST_CASE("With a fold, the validation persons are not looked at") {
  const test::TemporaryFolder folder;
  test::write_faces(folder.path() / "faces");  // persons 25 to 34: 33 and 34 for validation
  const auto out = folder.path() / "out";
  const auto result = run({"--data", folder.path() / "faces", "--epochs", "1", "--fold", "2", "--quiet", "--out", out});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const auto predictions = test::read_text(out / "predictions.csv");
  CHECK(lines(predictions) == 1 + 2 * 6);  // persons 27 and 31
  CHECK_THAT(predictions, ContainsSubstring("27-1m.jpg") && ContainsSubstring("31-6m.jpg"));
}

TEST_CASE("Bad input is one line, exit code 2, and no output") {
  const test::TemporaryFolder folder;
  const auto faces = folder.path() / "faces", out = folder.path() / "out";
  test::write_faces(faces);
  std::vector<std::string> extra;
  std::string expected;
  SECTION("a folder that is not there") {
    extra = {"--data", folder.path() / "nothing"};
    expected = "nothing";
  }
  SECTION("an absurd picture size") {
    const auto header = std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x2c\0\0\x27\x10\x08\x02\0\0\0", 29);
    std::ofstream(faces / "25-1m.jpg", std::ios::binary) << header;
    expected = "25-1m.jpg";
  }
  SECTION("a photo cut short") {
    const auto bytes = test::read_text(faces / "30-3m.jpg");
    std::ofstream(faces / "30-3m.jpg", std::ios::binary) << bytes.substr(0, bytes.size() / 2);
    expected = "30-3m.jpg";
  }
  SECTION("57 points") {
    auto text = test::read_text(faces / "26-2m.asf");
    text.replace(text.find("\n58\n"), 4, "\n57\n");
    std::ofstream(faces / "26-2m.asf", std::ios::binary) << text;
    expected = "26-2m.asf";
  }
  SECTION("no epochs") {
    extra = {"--epochs", "0"};
    expected = "--epochs";
  }
  SECTION("a learning rate that is no number") {
    extra = {"--lr", "nan"};
    expected = "--lr";
  }
  SECTION("an unknown recipe") {
    extra = {"--recipe", "worst"};
    expected = "--recipe";
  }
  std::vector<std::string> arguments{"--data", faces, "--out", out};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  const auto result = run(arguments);
  INFO(result.err);
  CHECK(result.code == 2);
  CHECK_THAT(result.err, ContainsSubstring(expected));
  CHECK(lines(result.err) == 1);
  CHECK_FALSE(fs::exists(out / "model.safetensors"));
  CHECK((!fs::exists(out) || fs::is_empty(out)));
}

TEST_CASE("quickstart trains, saves, loads and predicts") {
  const test::TemporaryFolder folder;
  const auto result =
      lab::run_process({"env", "-C", folder.path(), std::string(NASION_PROGRAM_DIR) + "/quickstart"}, "");
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("found at"));
  CHECK(fs::exists(folder.path() / "quickstart.safetensors"));
}

TEST_CASE("On real faces, a few epochs of the best recipe beat the mean face", "[data]") {
  const test::TemporaryFolder folder;
  const auto out = folder.path() / "out";
  const auto result = run({"--data", *test::data_dir() / "imm_face_db", "--epochs", "20", "--seed", "0", "--out", out});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const auto metrics = nlohmann::json::parse(test::read_text(out / "metrics.json"));
  CHECK(metrics["val_mse"].get<double>() < 0.0025);  // the mean face has 0.0051
}
