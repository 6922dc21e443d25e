// Whole runs in several processes, started from outside: distributed/mpi.hpp as its users meet it.

#include <algorithm>

#include "lab/src/process.hpp"
#include "nasion/io/safetensors.hpp"
#include "nasion/training/history_file.hpp"
#include "support/catch.hpp"
#include "support/imm_folder.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using test::read_text;

namespace {

lab::ProcessResult start(int processes, std::vector<std::string> command) {
  std::vector<std::string> whole{NASION_MPIEXEC, "-n", std::to_string(processes)};
  whole.insert(whole.end(), command.begin(), command.end());
  return lab::run_process(whole, "");
}

lab::ProcessResult work(int processes, const test::TemporaryFolder& folder, const std::string& what = "train") {
  return start(processes, {NASION_MPI_WORKER, folder.path().string(), what});
}

/// Largest difference of any number of two files of the same tensors.
double difference(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto of_a = io::read_safetensors<float>(a).state.tensors, of_b = io::read_safetensors<float>(b).state.tensors;
  REQUIRE(of_a.size() == of_b.size());
  double most = 0;
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    REQUIRE(of_a[i].name == of_b[i].name);
    for (Index j = 0; j < of_a[i].tensor.size(); ++j)
      most = std::max(most, std::abs(double{of_a[i].tensor.data()[j]} - double{of_b[i].tensor.data()[j]}));
  }
  return most;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("A killed process ends the run, which goes on in as many or in another number of them") {
  const test::TemporaryFolder whole, again, killed, other, one;
  CHECK(work(2, whole).code == 0);
  CHECK(work(2, again).code == 0);
  const auto expected = read_text(whole / "checkpoint");
  CHECK(read_text(again / "checkpoint") == expected);  // to the byte

  const auto result = work(2, killed, "killed");
  CHECK(result.code != 0);
  CHECK_THAT(result.out + result.err, ContainsSubstring("ignal 9") || ContainsSubstring("SIGNAL: 9"));
  std::filesystem::copy_file(killed / "checkpoint", other / "checkpoint");
  CHECK_THAT(work(2, killed).out, ContainsSubstring("goes on after epoch 2"));
  CHECK(read_text(killed / "checkpoint") == expected);
  CHECK_THAT(work(3, other).out, ContainsSubstring("goes on after epoch 2"));
  CHECK(difference(other / "checkpoint", whole / "checkpoint") < 1e-5);

  CHECK(work(1, one).code == 0);
  CHECK(difference(one / "checkpoint", whole / "checkpoint") < 1e-5);
}

TEST_CASE("An error of one process ends the run with its message") {
  const test::TemporaryFolder folder;
  const auto result = work(2, folder, "throws");
  CHECK(result.code != 0);
  CHECK(count(result.err, "error: something of its own") == 1);
}

// Every process throws the error, but mpirun ends the others as soon as one of them has told it and gone.
TEST_CASE("It is told why processes cannot train together") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"model", "the same model: rank 0 has conv.weight [8, 1, 3, 3]"},
      {"data", "rank 0 has examples: 22, rank 1 has examples: 24"},
      {"batch", "a batch of 7 has no equal parts for 2 processes: take 6 or 8"}};
  for (const auto& [what, words] : cases) {
    const test::TemporaryFolder folder;
    const auto result = work(2, folder, what);
    CHECK(result.code == 2);
    CHECK_THAT(result.err, ContainsSubstring(words));
  }
}

#ifdef NASION_PROGRAM_DIR
TEST_CASE("part1_nose_tip --mpi in two processes is the run of one") {
  const test::TemporaryFolder folder;
  test::write_faces(folder / "faces");
  const std::string program = std::string(NASION_PROGRAM_DIR) + "/part1_nose_tip";
  const auto train = [&](int processes, const std::string& out) {
    std::vector<std::string> command{program,
                                     "--data",
                                     (folder / "faces").string(),
                                     "--out",
                                     (folder / out).string(),
                                     "--epochs",
                                     "2",
                                     "--recipe",
                                     "seed",
                                     "--threads",
                                     "1",
                                     "--quiet"};
    if (processes > 1) command.push_back("--mpi");
    return processes > 1 ? start(processes, command) : lab::run_process(command, "");
  };
  CHECK(train(1, "one").code == 0);
  CHECK(train(2, "two").code == 0);
  CHECK(difference(folder / "one/model.safetensors", folder / "two/model.safetensors") < 1e-5);
  const auto one = training::read_history(folder / "one/history.csv").rows(),
             two = training::read_history(folder / "two/history.csv").rows();
  REQUIRE(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(two[i].train_loss == Approx(one[i].train_loss).epsilon(1e-5));
    CHECK(two[i].val_loss == Approx(one[i].val_loss).epsilon(1e-5));
  }

  const auto again = train(2, "two");
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("already holds a run"));
}
#endif
