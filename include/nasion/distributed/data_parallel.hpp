#pragma once
// Data-parallel training: every process has the whole model and a part of each batch, and all make the step that one
// process would make with the whole batch.

#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nasion/core/batch_part.hpp"
#include "nasion/distributed/gradient_buckets.hpp"
#include "nasion/distributed/session.hpp"
#include "nasion/nn/batch_norm.hpp"
#include "nasion/training/fit.hpp"

namespace nasion::distributed {

namespace detail {

/// Overwrites the numbers of all tensors, as one message, with those of rank 0.
template <class T>
void broadcast(Session& session, const std::vector<Tensor<T>>& tensors) {
  std::vector<T> numbers;
  for (const auto& x : tensors) numbers.insert(numbers.end(), x.memory(), x.memory() + x.size());
  session.broadcast(std::as_writable_bytes(std::span(numbers)));
  const T* from = numbers.data();
  for (const auto& x : tensors) {
    if (!session.is_root()) std::copy_n(from, x.size(), nasion::detail::writable(x));
    from += x.size();
  }
}

/// What a module consists of, a line for each part.
template <class M>
std::string description(const M& module) {
  const auto visited = nn::traverse(module);
  std::string text;
  for (const auto& [name, tensor, slot, is_parameter] : visited.tensors)
    text += message(name, " ", tensor.shape(), sizeof(nn::ScalarOf<M>) == sizeof(float) ? " float" : " double",
                    tensor.order() == MemoryOrder::row_major ? "" : " channels-last",
                    is_parameter && !tensor.requires_grad() ? " frozen" : "", "\n");
  for (const auto& counter : visited.counters) text += counter.name + "\n";
  for (const auto& rng : visited.rngs) text += rng.name + "\n";
  return text;
}

}  // namespace detail

/// Makes parameters, buffers, counters and generators of a model or an optimizer those of rank 0. ValueError on every
/// process when they are not built alike.
template <class M>
requires(!std::is_const_v<M>) void broadcast_state(Session& session, M& module, const std::string& what = "model") {
  session.agree(what, detail::description(module));
  const auto visited = nn::traverse(module);
  std::vector<Tensor<nn::ScalarOf<M>>> tensors;
  for (const auto& entry : visited.tensors) tensors.push_back(entry.tensor);
  detail::broadcast(session, tensors);
  for (const auto& counter : visited.counters) session.broadcast(std::as_writable_bytes(std::span(counter.slot, 1)));
  for (const auto& rng : visited.rngs) {
    auto state = rng.slot->state();
    session.broadcast(std::as_writable_bytes(std::span(&state, 1)));
    *rng.slot = Rng(state);
  }
}

/// ValueError on every process unless the loaders together give what one loader of the whole would: the same data and
/// settings, and each the part of its rank.
template <class Loader>
void check_loader(Session& session, const Loader& loader) {
  const auto& o = loader.options();
  session.agree("training data",
                message("examples: ", loader.dataset().size(), "\nbatch size: ", o.batch_size, "\nshuffle: ", o.shuffle,
                        "\ndrop_last: ", o.drop_last, "\nseed: ", o.seed, "\nepoch: ", loader.epoch(),
                        "\nthe loader's shard is ", o.shard == session.shard() ? "" : "not ", "that of its rank"));
  if (o.shard != session.shard())
    session.fail_together("[distributed] the loaders were not given their .shard = session.shard()");
}

/// The same in all processes.
struct DataParallelOptions {
  Index bucket_bytes = 1 << 20;  ///< of gradients that are sent together
  bool sync_batch_norm = false;  ///< normalise by the statistics of whole batches (nn::sync_batch_norm)
};

/// Trains `model` in all processes of `session`; stands for training::OneProcess in training::fit.
///
/// Starts with the weights of rank 0. Batch norm that is not synchronised normalises by the part of the batch that is
/// here, and its running statistics are those of rank 0, as in PyTorch's DistributedDataParallel.
template <class M>
class DataParallel {
 public:
  using Scalar = nn::ScalarOf<M>;

  /// ValueError on every process when they do not have the same model or options.
  DataParallel(Session& session, M& model, const DataParallelOptions& options = {})
      : session_(session), model_(model), synchronised_(options.sync_batch_norm) {
    session.agree("options of DataParallel",
                  message("bucket_bytes: ", options.bucket_bytes, "\nsync_batch_norm: ", options.sync_batch_norm));
    broadcast_state(session, model);
    buckets_.emplace(nn::parameters(model), session.shard(), options.bucket_bytes);
    if (synchronised_) {
      nn::sync_batch_norm(model, [&session](std::span<double> numbers) { session.sum(numbers); });
    } else {
      for (const auto& entry : nn::traverse(model).tensors)
        if (!entry.is_parameter) buffers_.push_back(entry.tensor);
    }
  }
  ~DataParallel() {
    if (synchronised_) nn::sync_batch_norm(model_, {});
  }
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;

  /// Calls `loss`, which computes the mean loss of this process's `examples` examples, and gives the parameters, which
  /// have none yet, the gradients of the mean loss of the whole batch, the same bits in every process. Returns the
  /// losses of the whole batch; when they are not finite, there are no gradients.   ValueError on every process when
  /// one has no examples.
  template <class Loss>
  training::LossSum gradients(Index examples, Loss&& loss) {
    buckets_->begin();
    const auto counts = session_.gather(static_cast<double>(examples));
    for (std::size_t rank = 0; rank < counts.size(); ++rank)
      if (!(counts[rank] > 0))
        session_.fail_together(message("[DataParallel] rank ", rank, " has no examples of this batch"));
    const auto own = counts.begin() + session_.rank();
    const double before = std::accumulate(counts.begin(), own, 0.0),
                 after = std::accumulate(own + 1, counts.end(), 0.0);
    const BatchPart part(static_cast<Index>(before), static_cast<Index>(after));
    const auto error = loss();
    const auto all = sum({static_cast<double>(error.item()) * *own, examples});
    if (!std::isfinite(all.mean())) return all;
    // Of the derivative of the whole batch's mean, so that all gradients need but be added.
    const auto share = Tensor<Scalar>::full(error.shape(), static_cast<Scalar>(*own / (before + *own + after)));
    {
      const GradientListener<Scalar> listener([this](const Tensor<Scalar>& leaf) { buckets_->complete(leaf); });
      error.backward(share);
    }
    buckets_->finish();
    if (!buffers_.empty()) detail::broadcast(session_, buffers_);
    return all;
  }

  /// Losses of all processes together.
  training::LossSum sum(const training::LossSum& own) {
    double numbers[] = {own.sum, static_cast<double>(own.examples)};
    session_.sum(numbers);
    return {numbers[0], static_cast<Index>(numbers[1])};
  }

 private:
  Session& session_;
  M& model_;
  bool synchronised_;
  std::vector<Tensor<Scalar>> buffers_;
  std::optional<GradientBuckets<Scalar>> buckets_;
};

}  // namespace nasion::distributed
