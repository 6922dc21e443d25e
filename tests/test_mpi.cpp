// Whole runs in several processes, started from outside: distributed/mpi.hpp as its users meet it.

#include "nasion/io/safetensors.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using test::read_text;

namespace {

support::ProcessResult start(int processes, std::vector<std::string> command) {
  std::vector<std::string> whole{NASION_MPIEXEC, "-n", std::to_string(processes)};
  whole.insert(whole.end(), command.begin(), command.end());
  return support::run_process(whole, "");
}

support::ProcessResult work(int processes, const test::TemporaryFolder& folder, const std::string& what = "train") {
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

TEST_CASE("Every process tells why they cannot train together") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"model", "the same model: rank 0 has conv.weight [8, 1, 3, 3]"},
      {"data", "rank 0 has examples: 22, rank 1 has examples: 24"},
      {"batch", "a batch of 7 has no equal parts for 2 processes: take 6 or 8"}};
  for (const auto& [what, words] : cases) {
    const test::TemporaryFolder folder;
    const auto result = work(2, folder, what);
    CHECK(result.code == 2);
    CHECK(count(result.err, words) == 2);
  }
}
