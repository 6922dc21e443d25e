#include "nasion/distributed/data_parallel.hpp"

#include "support/catch.hpp"
#include "support/mpi_session.hpp"
#include "support/small_training.hpp"

using namespace nasion;
using namespace nasion::distributed;
using test::session;
using test::small_loss;
using test::SmallNet;

namespace {

std::string bytes_of(const SmallNet& net) {
  std::string bytes;
  for (const auto& entry : nn::traverse(net).tensors)
    bytes.append(reinterpret_cast<const char*>(entry.tensor.data()), entry.tensor.values().size_bytes());
  return bytes;
}

double difference(const SmallNet& a, const SmallNet& b) {
  double most = 0;
  const auto of_a = nn::state_dict(a).tensors, of_b = nn::state_dict(b).tensors;
  for (std::size_t i = 0; i < of_a.size(); ++i)
    for (Index j = 0; j < of_a[i].tensor.size(); ++j)
      most = std::max(most, std::abs(double{of_a[i].tensor.data()[j]} - double{of_b[i].tensor.data()[j]}));
  return most;
}

struct Outcome {
  SmallNet net;
  training::History history;
};

template <class Processes>
Outcome train_small(SmallNet net, const data::Shard& shard, Processes&& processes) {
  const test::SmallImages images, to_validate{.n = 22, .augmented = false};
  auto batches = data::make_loader(images, test::small_batches(shard));
  const data::ShardedDataset own(to_validate, shard, 6);
  auto checks = data::make_loader(own, {.batch_size = 6});
  optim::SGD<float> sgd(nn::parameters(net), {.momentum = 0.9});
  Outcome outcome{net, {}};
  CHECK(training::fit(net, sgd, small_loss, batches, checks, outcome.history,
                      {.epochs = 4, .lr = 0.02, .clip_grad_norm = 1.0}, processes));
  return outcome;
}

}  // namespace

TEST_CASE("All processes together train as one does") {
  Rng rng(1), other(2 + static_cast<std::uint64_t>(session().rank()));
  const auto one = train_small(SmallNet(rng), {}, training::OneProcess{});

  Rng again(1);
  const auto begin = session().is_root() ? SmallNet(again) : SmallNet(other);  // is made that of rank 0
  std::string weights;                                                         // the same for all sizes of buckets, too
  for (const Index bucket_bytes : {64, 1 << 20}) {
    auto net = nn::clone(begin);
    DataParallel parallel(session(), net, {.bucket_bytes = bucket_bytes, .sync_batch_norm = true});
    const auto all = train_small(net, session().shard(), parallel);
    CHECK(difference(all.net, one.net) < 1e-5);
    REQUIRE(all.history.rows().size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(all.history.rows()[i].train_loss == Approx(one.history.rows()[i].train_loss).epsilon(1e-5));
      CHECK(all.history.rows()[i].val_loss == Approx(one.history.rows()[i].val_loss).epsilon(1e-5));
    }
    session().agree("weights", bytes_of(all.net));
    CHECK((weights.empty() || weights == bytes_of(all.net)));
    weights = bytes_of(all.net);
  }
}

TEST_CASE("Batch norm that is not synchronised keeps the statistics of rank 0 everywhere") {
  Rng rng(1);
  SmallNet net(rng);
  DataParallel parallel(session(), net);
  const auto all = train_small(net, session().shard(), parallel);
  session().agree("weights", bytes_of(all.net));
  CHECK(all.net.bn.running_mean.data()[0] != 0);
}

TEST_CASE("Gradients are those of the mean over all examples, however they are shared") {
  nn::Linear<double> net = [] {
    Rng rng(1);
    return nn::Linear<double>({.in = 3, .out = 2}, rng);
  }();
  const Index n = session().ranks() * (session().ranks() + 1) / 2, rank = session().rank();
  Rng rng(5);
  const auto x = Tensord::uniform({n, 3}, rng), target = Tensord::uniform({n, 2}, rng);
  const auto whole = mse_loss(net(x), target);
  whole.backward();
  const auto expected = net.weight.grad().clone();
  for (const auto& p : nn::parameters(net)) p.zero_grad();

  DataParallel parallel(session(), net);
  const Index begin = rank * (rank + 1) / 2, end = begin + rank + 1;  // 1, 2, 3, .. examples
  const auto own_loss = [&] { return mse_loss(net(slice(x, 0, begin, end)), slice(target, 0, begin, end)); };
  const auto losses = parallel.gradients(rank + 1, own_loss);
  CHECK(losses.examples == n);
  CHECK(losses.mean() == Approx(whole.item()).epsilon(1e-12));
  for (Index i = 0; i < 6; ++i)
    CHECK(net.weight.grad().data()[i] == Approx(expected.data()[i]).epsilon(1e-12).margin(1e-14));

  CHECK_THROWS_WITH(parallel.gradients(rank + 1, own_loss), ContainsSubstring("[2, 3] still has a gradient"));
}

TEST_CASE("A loss that is no number anywhere leaves all gradients alone") {
  Rng rng(1);
  SmallNet net(rng);
  DataParallel parallel(session(), net);
  const auto x = Tensorf::ones({2, 1, 6, 6}), target = Tensorf::ones({2, 2});
  const auto losses =
      parallel.gradients(2, [&] { return small_loss(net(x), session().is_root() ? target / 0.0f : target); });
  CHECK_FALSE(std::isfinite(losses.mean()));
  CHECK_FALSE(net.fc.weight.grad().defined());
}

TEST_CASE("Processes that do not fit together are told so before they train") {
  if (session().ranks() == 1) return;
  const bool odd = session().rank() == 1;
  Rng rng(1);
  SmallNet wide(rng, odd ? 16 : 8);
  CHECK_THROWS_WITH(DataParallel(session(), wide),
                    ContainsSubstring("same model: rank 0 has conv.weight [8, 1, 3, 3]") &&
                        ContainsSubstring("rank 1 has conv.weight [16, 1, 3, 3]"));
  SmallNet frozen(rng);
  if (odd) nn::freeze(frozen.fc);
  CHECK_THROWS_WITH(DataParallel(session(), frozen), ContainsSubstring("fc.weight [2, 128] float frozen"));
  SmallNet net(rng);
  CHECK_THROWS_WITH(DataParallel(session(), net, {.sync_batch_norm = odd}), ContainsSubstring("sync_batch_norm: 0"));

  DataParallel parallel(session(), net);
  CHECK_THROWS_WITH(parallel.gradients(odd ? 0 : 2, [] { return Tensorf{}; }),
                    ContainsSubstring("rank 1 has no examples"));

  const test::SmallImages images{.n = odd ? 24 : 22}, same;
  const auto check_options = [&](const auto& dataset, data::LoaderOptions options) {
    const auto loader = data::make_loader(dataset, options);
    check_loader(session(), loader);
  };
  auto options = test::small_batches(session().shard());
  CHECK_NOTHROW(check_options(same, options));
  CHECK_THROWS_WITH(check_options(images, options),
                    ContainsSubstring("rank 0 has examples: 22, rank 1 has examples: 24"));
  options.seed = odd ? 4 : 3;
  CHECK_THROWS_WITH(check_options(same, options), ContainsSubstring("seed: 3, rank 1 has seed: 4"));
  CHECK_THROWS_WITH(check_options(same, test::small_batches()), ContainsSubstring(".shard = session.shard()"));
}
