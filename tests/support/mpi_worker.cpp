// A small training run for test_mpi.cpp to start in several processes:   mpi_worker FOLDER WHAT
//   train     four epochs, with a checkpoint after each; goes on from one that is there
//   killed    the last process is killed by a signal in the third epoch
//   throws    the last process has an error of its own in the third epoch
//   model, data, batch   the last process has another one of these, or the batch does not fit

#include <csignal>
#include <iostream>
#include <sstream>

#include "nasion/distributed/mpi.hpp"
#include "nasion/training/history_file.hpp"
#include "support/small_training.hpp"

using namespace nasion;

namespace {

void run(const std::filesystem::path& folder, const std::string& what) {
  distributed::Session session;
  const bool odd = session.rank() == session.ranks() - 1;
  const auto checkpoint = folder / "checkpoint";

  const test::SmallImages images{.n = odd && what == "data" ? 24 : 22, .augmented = true},
      to_validate{.n = 22, .augmented = false};
  auto options = test::small_batches(session.shard());
  if (what == "batch") options.batch_size = 7;
  session.together([&] { data::check_shard(session.shard(), 22, options.batch_size, false); });
  auto batches = data::make_loader(images, options);
  const data::ShardedDataset own(to_validate, session.shard(), 6);
  auto checks = data::make_loader(own, {.batch_size = 6});
  distributed::check_loader(session, batches);

  Rng rng(1);
  test::SmallNet net(rng, odd && what == "model" ? 9 : 8);
  distributed::DataParallel parallel(session, net, {.bucket_bytes = 256, .sync_batch_norm = true});
  optim::SGD<float> sgd(nn::parameters(net), {.momentum = 0.9});
  training::History history;
  bool there = false;
  session.on_root([&] { there = std::filesystem::exists(checkpoint); });
  if (session.gather(there ? 1.0 : 0.0)[0] > 0) {
    std::istringstream text(distributed::load_checkpoint(session, checkpoint, net, sgd)["history"]);
    history = training::read_history(text, checkpoint);
    if (session.is_root()) std::cout << "goes on after epoch " << history.last_epoch() << std::endl;
  }
  int steps = 0;
  const auto misbehave = [&] {
    if (++steps != 10 || !odd) return;
    if (what == "killed") std::raise(SIGKILL);
    if (what == "throws") throw ValueError("something of its own");
  };
  const auto save = [&](const training::History& h) {
    training::History timeless;  // the same bytes every time
    for (auto row : h.rows()) {
      row.seconds = 0;
      timeless.add(row);
    }
    distributed::save_checkpoint(session, checkpoint, net, sgd, {{"history", training::history_csv(timeless)}});
  };
  training::fit(net, sgd, test::small_loss, batches, checks, history,
                {.epochs = 4, .lr = 0.02, .after_step = misbehave, .after_epoch = save}, parallel);
}

}  // namespace

int main(int, char** argv) {
  try {
    run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << std::endl;
    return 2;
  }
}
