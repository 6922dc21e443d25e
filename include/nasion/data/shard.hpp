#pragma once
// How examples are shared among processes that train one model together.

#include <algorithm>

#include "nasion/core/error.hpp"
#include "nasion/core/random.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::data {

/// One of `ranks` equal processes, by its number from 0.
struct Shard {
  Index rank = 0, ranks = 1;

  /// Samples begin .. end-1.
  struct Range {
    Index begin, end;
    bool operator==(const Range&) const = default;
  };
  /// This process's part of 0 .. n-1: parts follow each other in the order of the ranks, and differ by one at most.
  Range part(Index n) const { return {cut(n, rank), cut(n, rank + 1)}; }

  bool operator==(const Shard&) const = default;

 private:
  /// n r / ranks, which is never computed as such: n r may be too large.
  Index cut(Index n, Index r) const { return n / ranks * r + n % ranks * r / ranks; }
};

/// ValueError unless `shard` gets an equal part of every batch of `batch_size`, and every process at least one example
/// of the last batch of `examples`.
inline void check_shard(const Shard& shard, Index examples, Index batch_size, bool drop_last) {
  const Index ranks = shard.ranks;
  check<ValueError>(ranks > 0 && shard.rank >= 0 && shard.rank < ranks, "[Shard] rank ", shard.rank, " is not one of ",
                    ranks, " processes");
  const Index less = batch_size / ranks * ranks;
  check<ValueError>(batch_size % ranks == 0, "[Shard] a batch of ", batch_size, " has no equal parts for ", ranks,
                    " processes: take ", less ? message(less, " or ") : "", less + ranks);
  const Index last = drop_last ? 0 : examples % batch_size;
  check<ValueError>(last == 0 || last >= ranks, "[Shard] the last batch of ", examples, " examples has ", last,
                    ", fewer than the ", ranks,
                    " processes: leave it out (drop_last), or take another batch size than ", batch_size);
}

/// The part of a dataset that one process looks at when all look at it together, as for validation: whole batches of
/// `batch_size`, so that they are those that one process would make, except for random numbers. The dataset must live
/// as long.
template <class D>
class ShardedDataset {
 public:
  ShardedDataset(const D& dataset, const Shard& shard, Index batch_size) : dataset_(&dataset) {
    const Index n = dataset.size();
    const auto [first, last] = shard.part((n + batch_size - 1) / batch_size);
    begin_ = first * batch_size;
    end_ = std::min(n, last * batch_size);
  }
  ShardedDataset(const D&&, const Shard&, Index) = delete;  // a temporary would be gone

  Index size() const { return std::max<Index>(0, end_ - begin_); }
  /// Sample i of the part, as the dataset has it.
  auto get(Index i, Rng& rng) const {
    if constexpr (requires { dataset_->get(i, rng); })
      return dataset_->get(begin_ + i, rng);
    else
      return dataset_->get(begin_ + i);
  }

 private:
  const D* dataset_;
  Index begin_, end_;
};

}  // namespace nasion::data
