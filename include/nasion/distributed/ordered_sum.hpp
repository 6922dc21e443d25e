#pragma once
// Sums over all processes that are the same bits every time: MPI moves the numbers, and they are added here.

#include <algorithm>
#include <span>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/data/shard.hpp"
#include "nasion/distributed/communicator.hpp"

namespace nasion::distributed {

/// Each of the two steps of a sum has a communicator of its own, so that it does not matter how the steps of several
/// sums follow each other.
struct Channels {
  detail::Communicator scatter, gather;
};

/// The sum of one array over all processes, for each number in the order of the ranks. MPI's own reductions may choose
/// another order for another size or machine. In two steps, each of which sends (ranks - 1) / ranks of the array: every
/// process gets one part of it from all and adds it up; then all get that part.
///
/// Both can go on while the processes compute: begin() ... scattered() ... begin_gather() ... gathered(). Several sums
/// may be on their way if every process begins their steps in the same order.
template <class T>
class OrderedSum {
 public:
  /// Sums of `size` numbers. ValueError when they are too many for MPI's counts.
  OrderedSum(Index size, const data::Shard& shard, const Channels& channels)
      : shard_(shard), channels_(&channels), numbers_(static_cast<std::size_t>(size)) {
    const auto [first, last] = shard.part(size);
    first_ = first;
    received_.resize(static_cast<std::size_t>((last - first) * shard.ranks));
    for (Index rank = 0; rank < shard.ranks; ++rank) {
      const auto [begin, end] = data::Shard{rank, shard.ranks}.part(size);
      counts_.push_back(detail::mpi_count(end - begin));
      places_.push_back(detail::mpi_count(begin));
      own_counts_.push_back(detail::mpi_count(last - first));
      own_places_.push_back(detail::mpi_count(rank * (last - first)));
    }
  }
  OrderedSum(const OrderedSum&) = delete;
  OrderedSum& operator=(const OrderedSum&) = delete;

  /// This process's numbers before begin(), their sums when gathered. Not to be touched in between.
  std::span<T> numbers() { return numbers_; }

  /// Begins the first step: every process sends its numbers. MpiError here and below when another process is gone.
  void begin() {
    detail::check_mpi("MPI_Ialltoallv",
                      MPI_Ialltoallv(numbers_.data(), counts_.data(), places_.data(), type(), received_.data(),
                                     own_counts_.data(), own_places_.data(), type(), channels_->scatter, &request_));
  }
  /// Whether the first step is done; with `wait`, when it is.
  bool scattered(bool wait) { return done(wait); }
  /// Whether the second step is done, and numbers() are the sums; with `wait`, when it is.
  bool gathered(bool wait) { return done(wait); }

  /// After the first step: adds up this process's part, and begins the second.
  void begin_gather() {
    const Index n = own_counts_[0];
    T* to = numbers_.data() + first_;
    parallel_for(n, 65536, [&](Index begin, Index end) {
      std::copy(received_.data() + begin, received_.data() + end, to + begin);
      for (Index rank = 1; rank < shard_.ranks; ++rank) {
        const T* from = received_.data() + rank * n;
        for (Index i = begin; i < end; ++i) to[i] += from[i];
      }
    });
    detail::check_mpi("MPI_Iallgatherv", MPI_Iallgatherv(MPI_IN_PLACE, 0, type(), numbers_.data(), counts_.data(),
                                                         places_.data(), type(), channels_->gather, &request_));
  }

 private:
  static MPI_Datatype type() { return detail::mpi_type<T>(); }

  bool done(bool wait) {
    int flag = 1;
    if (wait)
      detail::check_mpi("MPI_Wait", MPI_Wait(&request_, MPI_STATUS_IGNORE));
    else
      detail::check_mpi("MPI_Test", MPI_Test(&request_, &flag, MPI_STATUS_IGNORE));
    return flag != 0;
  }

  data::Shard shard_;
  const Channels* channels_;
  std::vector<T> numbers_, received_;  // received: this process's part, from each rank
  std::vector<int> counts_, places_, own_counts_, own_places_;
  Index first_ = 0;  // of this process's part
  MPI_Request request_ = MPI_REQUEST_NULL;
};

/// Replaces `numbers` by their sums over all processes, which all have as many.
template <class T>
void ordered_sum(std::span<T> numbers, const data::Shard& shard, const Channels& channels) {
  OrderedSum<T> sum(std::ssize(numbers), shard, channels);
  std::copy(numbers.begin(), numbers.end(), sum.numbers().begin());
  sum.begin();
  sum.scattered(true);
  sum.begin_gather();
  sum.gathered(true);
  std::copy(sum.numbers().begin(), sum.numbers().end(), numbers.begin());
}

}  // namespace nasion::distributed
