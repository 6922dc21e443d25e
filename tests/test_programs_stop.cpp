// Runs that are stopped, and what else comes between a run and its end: signals, limits, closed streams, other runs.

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "lab/src/process.hpp"
#include "nasion/training/history_file.hpp"
#include "support/catch.hpp"
#include "support/imm_folder.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
namespace fs = std::filesystem;

namespace {

const std::string part1 = std::string(NASION_PROGRAM_DIR) + "/part1_nose_tip";

/// part1 in the background, with its standard error in a file.
class Background {
 public:
  Background(std::vector<std::string> arguments, const fs::path& err) {
    arguments.insert(arguments.begin(), {"sh", "-c", "exec \"$@\" 2> \"$0\"", err.string(), part1});
    std::vector<char*> argv;
    for (auto& word : arguments) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t asking;  // the test may run where they are ignored, as under nohup
    sigemptyset(&asking);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&asking, signal);
    posix_spawnattr_setsigdefault(&attributes, &asking);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    if (::posix_spawnp(&child_, "sh", nullptr, &attributes, argv.data(), environ) != 0) child_ = 0;
    posix_spawnattr_destroy(&attributes);
    REQUIRE(child_ > 0);
  }
  ~Background() {
    if (child_ > 0) ::kill(child_, SIGKILL), wait();
  }

  void send(int signal) const { ::kill(child_, signal); }

  /// Exit code; minus the signal that ended it.
  int wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t child_ = 0;
};

bool wait_until(const std::function<bool()>& there) {
  for (int i = 0; i < 3000 && !there(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return there();
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& file : fs::directory_iterator(folder)) names.push_back(file.path().filename());
  return names;
}

long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

struct Folder {
  test::TemporaryFolder folder;
  fs::path faces = folder / "faces", out = folder / "out", err = folder / "err";

  Folder() { test::write_faces(faces); }

  std::vector<std::string> flags(std::vector<std::string> more = {}, const std::string& epochs = "2") const {
    more.insert(more.begin(), {"--data", faces, "--recipe", "seed", "--epochs", epochs, "--out", out, "--quiet"});
    return more;
  }
  lab::ProcessResult run(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command{part1};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return lab::run_process(command, "");
  }
};

}  // namespace

TEST_CASE("A run that is asked to stop says how to go on, and leaves nothing half done") {
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  const Folder f;
  Background background(f.flags({}, "5000"), f.err);
  REQUIRE(wait_until([&] { return fs::exists(f.out / "history.csv"); }));
  background.send(signal);
  CHECK(background.wait() == 128 + signal);
  const auto said = test::read_text(f.err);
  CHECK(lines(said) == 1);
  CHECK_THAT(said, ContainsSubstring("part1_nose_tip: stopped by SIG") &&
                       ContainsSubstring(", go on with: " + part1 + " --data " + f.faces.string()) &&
                       ContainsSubstring(" --quiet --resume\n"));
  auto names = names_in(f.out);
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"checkpoint.safetensors", "history.csv"});
}

TEST_CASE("A second signal does not wait") {
  const Folder f;
  Background background(f.flags({}, "5000"), f.err);
  REQUIRE(wait_until([&] { return fs::exists(f.out / "history.csv"); }));
  background.send(SIGSTOP);  // both must come before the program looks
  background.send(SIGINT);
  background.send(SIGTERM);
  background.send(SIGCONT);
  CHECK(background.wait() < 0);
}

TEST_CASE("The second of two runs in one folder is refused, and the first one's results are its own") {
  const Folder f;
  Background first(f.flags({"--seed", "1"}, "5000"), f.err);
  REQUIRE(wait_until([&] { return fs::exists(f.out / "run.lock"); }));
  std::vector<std::string> more{"--seed", "2"};
  if (GENERATE(false, true)) more.push_back("--resume");
  const auto second = f.run(f.flags(more));
  CHECK(second.code == 2);
  CHECK_THAT(second.err, ContainsSubstring(f.out.string() + ": another run is writing here (process "));
  CHECK(lines(second.err) == 1);
  first.send(SIGKILL);
  CHECK(first.wait() == -SIGKILL);
  Background again(f.flags({"--seed", "1", "--resume"}, "5000"), f.err);  // the lock went with the process
  REQUIRE(wait_until([&] { return fs::exists(f.out / "history.csv"); }));
  again.send(SIGTERM);
  CHECK(again.wait() == 128 + SIGTERM);
}

TEST_CASE("A file that may not grow is an error that names it, and the run goes on when it may") {
  const Folder f;
  const auto limited = lab::run_process({"bash", "-c", "ulimit -f 1000; exec \"$0\" \"$@\"", part1, "--data", f.faces,
                                         "--recipe", "seed", "--epochs", "2", "--out", f.out, "--quiet"},
                                        "");
  CHECK(limited.code == 2);
  CHECK_THAT(limited.err, ContainsSubstring("checkpoint.safetensors: cannot write (File too large)"));
  CHECK(lines(limited.err) == 1);
  CHECK(names_in(f.out).empty());
  CHECK(f.run(f.flags({"--resume"})).code == 0);
}

TEST_CASE("Nobody who reads what a run says, and streams that are closed, do not lose it") {
  const std::string how = GENERATE("| true", ">&-", ">&- 2>&- <&-", "> /dev/full");
  const Folder f;
  const auto whole = lab::run_process({"bash", "-c", "set -o pipefail; \"$0\" \"$@\" " + how, part1, "--data", f.faces,
                                       "--recipe", "seed", "--epochs", "2", "--out", f.out},
                                      "");
  INFO(how << whole.err);
  CHECK(whole.code == 0);
  CHECK(training::read_history(f.out / "history.csv").last_epoch() == 2);
  CHECK(f.run(f.flags({"--resume"})).code == 0);
}

TEST_CASE("A run is resumed when its photos lie in the same place by another name, or elsewhere, and not with others") {
  const Folder f;
  REQUIRE(f.run(f.flags()).code == 0);
  fs::create_directory_symlink(f.faces, f.folder / "link");
  fs::copy(f.faces, f.folder / "moved");
  const auto resume = [&](const fs::path& data) {
    return f.run({"--data", data, "--recipe", "seed", "--epochs", "2", "--out", f.out, "--quiet", "--resume"});
  };
  for (const auto& same : {f.faces / "", f.faces / ".." / "faces", f.folder / "link", f.folder / "moved"}) {
    const auto result = resume(same);
    INFO(same << " " << result.err);
    CHECK(result.code == 0);
  }
  fs::copy_file(f.faces / "26-1m.asf", f.faces / "25-1m.asf", fs::copy_options::overwrite_existing);
  const auto other = resume(f.faces);
  CHECK(other.code == 2);
  CHECK_THAT(other.err, ContainsSubstring("this run learned from other photos"));
}

TEST_CASE("What --resume reads back is checked") {
  const Folder f;
  REQUIRE(f.run(f.flags()).code == 0);
  const auto model = test::read_text(f.out / "model.safetensors");
  std::string expected;
  SECTION("a comparison of learning rates without rows") {
    test::write_text(f.out / "learning_rates.json", R"([{"lr":"0.02","spread_px":1,"history":""}])");
    expected = "learning_rates.json: ";
  }
  SECTION("a checkpoint without its history") {
    auto bytes = test::read_text(f.out / "checkpoint.safetensors");
    const auto at = bytes.find("\"history\"");
    REQUIRE(at != std::string::npos);
    bytes[at + 3] = 'u';
    test::write_text(f.out / "checkpoint.safetensors", bytes);
    expected = "checkpoint.safetensors: ";
  }
  const auto result = f.run(f.flags({"--resume"}));
  CHECK(result.code == 2);
  CHECK_THAT(result.err, ContainsSubstring(expected));
  CHECK(test::read_text(f.out / "model.safetensors") == model);
}

TEST_CASE("Names that are no UTF-8 end in reports as well as others, and steer no terminal") {
  const Folder f;
  const auto odd = f.folder / "f\xe9\x1b[31m\nx";
  fs::rename(f.faces, odd);
  const auto result = f.run({"--data", odd, "--recipe", "seed", "--epochs", "1", "--out", f.folder / "o\xff\x1b[2J"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(result.out.find('\x1b') == std::string::npos);
  CHECK_THAT(result.out, ContainsSubstring("f\ufffd\\u001b[31m\\nx") && ContainsSubstring("o\ufffd\\u001b[2J"));
  CHECK(fs::exists(f.folder / "o\xff\x1b[2J" / "metrics.json"));
  CHECK(f.run({"--data", odd, "--recipe", "seed", "--epochs", "1", "--out", f.folder / "o\xff\x1b[2J", "--resume"})
            .code == 0);
}

TEST_CASE("A report without turned photos does not speak of them") {
  const Folder f;
  for (int person = 25; person <= 34; ++person)
    for (const std::string view : {"3", "4"})
      for (const std::string ending : {"m.jpg", "m.asf"})
        REQUIRE(fs::remove(f.faces / (std::to_string(person) + "-" + view + ending)));
  const auto result = f.run({"--data", f.faces, "--recipe", "seed", "--epochs", "1", "--out", f.out});
  CHECK(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("(frontal ") && !ContainsSubstring("nan"));
  const auto report = test::read_text(f.out / "report.html");
  CHECK_THAT(report, !ContainsSubstring("nan px") && !ContainsSubstring(">nan<") && !ContainsSubstring("nan on") &&
                         ContainsSubstring("there are no turned photos"));
}
