#include "nasion/distributed/root_checkpoint.hpp"

#include "support/catch.hpp"
#include "support/mpi_session.hpp"
#include "support/small_training.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using test::session;
using test::SmallNet;

namespace {

struct Run {
  SmallNet net;
  optim::Adam<float> adam;
  explicit Run(Rng rng) : net(rng), adam(nn::parameters(net), {.lr = 0.01}) {}

  void step() {
    adam.zero_grad();
    Rng rng(6);
    test::small_loss(net(Tensorf::uniform({2, 1, 6, 6}, rng)), Tensorf::ones({2, 2})).backward();
    adam.step();
  }
};

}  // namespace

TEST_CASE("A checkpoint of rank 0 is everybody's") {
  const test::TemporaryFolder folder;  // another one in every process
  const auto file = folder / "checkpoint";
  Run saved(Rng(1));
  saved.step();
  distributed::save_checkpoint(session(), file, saved.net, saved.adam, {{"epoch", "3"}, {"note", ""}});
  CHECK(std::filesystem::exists(file) == session().is_root());

  Run loaded(Rng(2 + static_cast<std::uint64_t>(session().rank())));
  const auto texts = distributed::load_checkpoint(session(), file, loaded.net, loaded.adam);
  CHECK(texts == io::Metadata{{"epoch", "3"}, {"note", ""}});
  saved.step();  // with the same moments and the same dropout
  loaded.step();
  const auto expected = nn::state_dict(saved.net).tensors, got = nn::state_dict(loaded.net).tensors;
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(std::ranges::equal(got[i].tensor.values(), expected[i].tensor.values()));
}

TEST_CASE("What rank 0 cannot read or write is an error everywhere") {
  const test::TemporaryFolder folder;
  Run run(Rng(1));
  CHECK_THROWS_WITH(distributed::load_checkpoint(session(), folder / "none", run.net, run.adam),
                    ContainsSubstring("none"));
  CHECK_THROWS_WITH(distributed::save_checkpoint(session(), folder / "no folder" / "file", run.net, run.adam),
                    ContainsSubstring("no folder"));
}
