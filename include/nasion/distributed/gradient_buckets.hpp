#pragma once
// Gradients summed over all processes while backward() is still computing others (Li et al., "PyTorch Distributed",
// VLDB 2020).

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nasion/core/autograd.hpp"
#include "nasion/distributed/ordered_sum.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::distributed {

/// Parameters in buckets of `bucket_bytes` or a little more, the last ones first: as backward() completes their
/// gradients. A full bucket is sent at once, the others meanwhile wait for theirs. Buckets are sent in their order,
/// whatever the order of the gradients, so that all processes send the same.
template <Real T>
class GradientBuckets {
 public:
  /// `shard` tells the processes apart. ValueError unless bucket_bytes > 0.
  GradientBuckets(std::vector<Tensor<T>> parameters, const data::Shard& shard, Index bucket_bytes)
      : parameters_(std::move(parameters)) {
    check<ValueError>(bucket_bytes > 0, "[GradientBuckets] buckets of ", bucket_bytes, " bytes");
    for (const auto& p : parameters_) trained_.push_back(p.requires_grad());
    std::vector<Tensor<T>> together;
    Index size = 0;
    const auto close = [&] {
      // A number more for each: whether there is a gradient at all.
      buckets_.push_back(std::make_unique<Bucket>(std::move(together), size + std::ssize(together), shard, channels_));
      together.clear();
      size = 0;
    };
    for (auto p = parameters_.rbegin(); p != parameters_.rend(); ++p) {
      if (!p->requires_grad()) continue;
      bucket_of_[identity(*p)] = buckets_.size();
      together.push_back(*p);
      size += p->size();
      if (size * static_cast<Index>(sizeof(T)) >= bucket_bytes) close();
    }
    if (!together.empty()) close();
  }

  std::size_t size() const { return buckets_.size(); }

  /// Before backward(). ValueError when a parameter was frozen, or is no longer, or has a gradient of before: it would
  /// count once for each process.
  void begin() {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const auto& p = parameters_[i];
      check<ValueError>(p.requires_grad() == trained_[i], "[GradientBuckets] parameter ", p.shape(),
                        trained_[i] ? " was frozen" : " was made trainable",
                        " after the processes had agreed on what they train");
      check<ValueError>(!p.grad().defined(), "[GradientBuckets] parameter ", p.shape(),
                        " still has a gradient: zero_grad() comes before every batch");
    }
    for (auto& bucket : buckets_) bucket->missing = bucket->parameters.size();
    sent_ = adding_ = 0;
  }

  /// The gradient of `leaf` is complete.
  void complete(const Tensor<T>& leaf) {
    const nasion::detail::Timer timer("all_reduce", Pass::backward);
    if (const auto at = bucket_of_.find(identity(leaf)); at != bucket_of_.end()) --buckets_[at->second]->missing;
    advance(false);
  }

  /// After backward(): all gradients are sums over all processes. One that no process has stays undefined.
  void finish() {
    const nasion::detail::Timer timer("all_reduce", Pass::backward);
    advance(true);
    for (auto& bucket : buckets_) {
      bucket->sum.gathered(true);
      bucket->unpack();
    }
  }

 private:
  struct Bucket {
    std::vector<Tensor<T>> parameters;
    OrderedSum<T> sum;
    std::size_t missing = 0;  // gradients that are not complete

    Bucket(std::vector<Tensor<T>> p, Index size, const data::Shard& shard, const Channels& channels)
        : parameters(std::move(p)), sum(size, shard, channels) {}

    void pack() {
      T *to = sum.numbers().data(), *defined = sum.numbers().data() + sum.numbers().size() - parameters.size();
      for (const auto& p : parameters) {
        const auto grad = p.grad().defined() ? to_order(p.grad(), p.order()) : Tensor<T>{};
        if (grad.defined())
          std::copy_n(grad.memory(), p.size(), to);
        else
          std::fill_n(to, p.size(), T{0});
        *defined++ = grad.defined();
        to += p.size();
      }
    }
    void unpack() {
      const T *from = sum.numbers().data(), *defined = from + sum.numbers().size() - parameters.size();
      for (const auto& p : parameters) {
        if (*defined++ > 0) {
          if (!p.grad().defined() || p.grad().order() != p.order()) p.set_grad(Tensor<T>::empty(p.shape(), p.order()));
          std::copy_n(from, p.size(), nasion::detail::writable(p.grad()));
        }
        from += p.size();
      }
    }
  };

  static const void* identity(const Tensor<T>& x) { return nasion::detail::Access::impl(x).get(); }

  /// Sends what is complete, and adds up what has arrived; with `to_the_end` all of it.
  void advance(bool to_the_end) {
    const NoGrad no_grad;
    for (; sent_ < buckets_.size() && (to_the_end || buckets_[sent_]->missing == 0); ++sent_) {
      buckets_[sent_]->pack();
      buckets_[sent_]->sum.begin();
    }
    for (; adding_ < sent_ && buckets_[adding_]->sum.scattered(to_the_end); ++adding_)
      buckets_[adding_]->sum.begin_gather();
  }

  Channels channels_;
  std::vector<Tensor<T>> parameters_;
  std::vector<bool> trained_;
  std::vector<std::unique_ptr<Bucket>> buckets_;
  std::unordered_map<const void*, std::size_t> bucket_of_;
  std::size_t sent_ = 0, adding_ = 0;
};

}  // namespace nasion::distributed
