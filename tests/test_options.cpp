#include "lab/program.hpp"

#include <algorithm>
#include <functional>
#include <iostream>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using lab::OptimizerKind;
using lab::Options;
using lab::Recipe;

namespace {
/// What a program called with these words did: exit code, and what it printed.
struct Run {
  int code = 0;
  std::string out, err;
  std::optional<Options> options;
};

Run run(std::vector<const char*> words, const std::function<void(const Options&)>& body = {}) {
  words.insert(words.begin(), "/somewhere/part1");
  std::ostringstream out, err;
  auto* const cout = std::cout.rdbuf(out.rdbuf());
  auto* const cerr = std::cerr.rdbuf(err.rdbuf());
  Run result;
  result.code =
      lab::run_program(static_cast<int>(words.size()), words.data(), "part1", "Finds noses.", [&](const Options& o) {
        result.options = o;
        if (body) body(o);
        return 0;
      });
  std::cout.rdbuf(cout);
  std::cerr.rdbuf(cerr);
  result.out = out.str();
  result.err = err.str();
  return result;
}
}  // namespace

TEST_CASE("Without flags nothing is decided but what no recipe decides") {
  const auto result = run({});
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  REQUIRE(result.options);
  const Options& options = *result.options;
  CHECK(!options.data);
  CHECK(options.recipe == Recipe::best);
  CHECK((!options.epochs && !options.batch && !options.lr && !options.optimizer));
  CHECK(options.seed == 1);
  CHECK(options.threads == 0);
  CHECK(options.out == "runs/part1");
  CHECK((!options.resume && !options.quiet && !options.autocast));
  CHECK(run({"--autocast"}).options->autocast);
}

TEST_CASE("Every flag arrives") {
  test::TemporaryFolder folder;
  const auto data = folder.path().string();
  const auto result =
      run({"--data", data.c_str(), "--recipe", "seed", "--epochs", "010", "--batch=16", "--lr", "2e-2", "--optimizer",
           "adam", "--seed", "18446744073709551615", "--threads", "2", "--out", "a b", "--resume", "--quiet"});
  REQUIRE(result.options);
  const Options& options = *result.options;
  CHECK(options.data == folder.path());
  CHECK(options.recipe == Recipe::seed);
  CHECK(options.epochs == 10);
  CHECK(options.batch == 16);
  CHECK(options.lr == 0.02);
  CHECK(options.optimizer == OptimizerKind::adam);
  CHECK(options.seed == 18446744073709551615u);
  CHECK(options.threads == 2);
  CHECK(nasion::num_threads() >= 1);
  CHECK(options.out == "a b");
  CHECK((options.resume && options.quiet));
}

TEST_CASE("The last of two equal flags counts") { CHECK(run({"--epochs", "3", "--epochs", "4"}).options->epochs == 4); }

TEST_CASE("A flag that cannot be used ends with code 2 and one line") {
  const auto [words, expected] = GENERATE(table<std::vector<const char*>, std::string>({
      {{"--epochs", "0"}, "--epochs: must be a whole number from 1 to 1000000, not '0'"},
      {{"--epochs", "1.5"}, "--epochs: must be a whole number from 1 to 1000000, not '1.5'"},
      {{"--epochs", "99999999999999999999"}, "--epochs: must be a whole number"},
      {{"--epochs", ""}, "--epochs: must be a whole number"},
      {{"--batch", "-4"}, "--batch: must be a whole number from 1 to 1000000, not '-4'"},
      {{"--lr", "0"}, "--lr: must be a finite number above 0, not '0'"},
      {{"--lr", "-0.1"}, "--lr: must be a finite number above 0, not '-0.1'"},
      {{"--lr", "nan"}, "--lr: must be a finite number above 0, not 'nan'"},
      {{"--lr", "inf"}, "--lr: must be a finite number above 0, not 'inf'"},
      {{"--lr", "1e999"}, "--lr: must be a finite number above 0"},
      {{"--lr", "0.02x"}, "--lr: must be a finite number above 0, not '0.02x'"},
      {{"--threads", "-1"}, "--threads: must be a whole number from 0 to 4096, not '-1'"},
      {{"--seed", "-1"}, "--seed: must be a whole number from 0 to 18446744073709551615, not '-1'"},
      {{"--recipe", "good"}, "--recipe: must be seed or best, not 'good'"},
      {{"--optimizer", "SGD"}, "--optimizer: must be sgd or adam or adamw, not 'SGD'"},
      {{"--data", "/nowhere"}, "--data: no folder '/nowhere'"},
      {{"--out", ""}, "--out: must name a folder"},
      {{"--out"}, "--out"},
      {{"--frobnicate"}, "--frobnicate"},
      {{"stray"}, "stray"},
  }));
  const auto result = run(words);
  CAPTURE(result.err);
  CHECK(result.code == 2);
  CHECK(!result.options);
  CHECK(result.out.empty());
  CHECK_THAT(result.err, ContainsSubstring(expected));
  CHECK(result.err.starts_with("part1: "));
  CHECK(result.err.ends_with("(see --help)\n"));
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
}

TEST_CASE("--help lists the flags and ends well") {
  const auto result = run({"--help"});
  CHECK(result.code == 0);
  CHECK(!result.options);
  for (const char* text :
       {"Finds noses.", "--data DIR", "--recipe seed|best", "--epochs N", "--batch N", "--lr X",
        "--optimizer sgd|adam|adamw", "--seed N", "--threads N", "--out DIR", "runs/part1", "--resume", "--quiet"})
    CHECK_THAT(result.out, ContainsSubstring(text));
}

TEST_CASE("--version names the program and the library") {
  const auto result = run({"--version"});
  CHECK(result.code == 0);
  CHECK(!result.options);
  CHECK(result.out == "part1 (nasion " NASION_VERSION ")\n");
}

TEST_CASE("Errors of the run: 2 for what the user gave, 1 for the rest, one line each") {
  const auto failing = [](auto error) { return run({}, [&](const Options&) { throw error; }); };
  CHECK(failing(nasion::IoError("a.jpg", "is\nno\t picture")).err == "part1: a.jpg: is\\nno\\t picture\n");
  CHECK(failing(std::logic_error("is\nno\t picture\n")).err == "part1: is\\nno\\t picture\\n\n");
  CHECK(failing(nasion::IoError("a.jpg", "")).code == 2);
  CHECK(failing(nasion::ValueError("x")).code == 2);
  CHECK(failing(nasion::ShapeError("x")).code == 2);
  const auto denied = failing(
      std::filesystem::filesystem_error("long story", "photos", std::make_error_code(std::errc::permission_denied)));
  CHECK(denied.code == 2);
  CHECK(denied.err == "part1: photos: Permission denied\n");
  CHECK(failing(std::bad_alloc()).err == "part1: out of memory\n");
  CHECK(failing(std::bad_alloc()).code == 1);
  CHECK(failing(std::logic_error("wrong")).code == 1);
  CHECK(failing(7).code == 1);
}
