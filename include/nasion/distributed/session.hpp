#pragma once
// The processes of a run, and what they tell each other besides gradients.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "nasion/data/shard.hpp"
#include "nasion/distributed/ordered_sum.hpp"

namespace nasion::distributed {

/// MPI from construction to destruction, for the thread that constructs it; one at a time. All processes of a run call
/// the same members in the same order.
///
/// An exception that leaves the life of a Session ends the run: once this process exits, so do the others.
class Session {
 public:
  /// Begins MPI unless the program has. ValueError where MPI does not support programs that have threads.
  Session() {
    int there = 0;
    MPI_Initialized(&there);
    if (!there) {
      int provided = 0;
      detail::check_mpi("MPI_Init_thread", MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided));
      finalizes_ = true;
      check<ValueError>(provided >= MPI_THREAD_FUNNELED, "[MPI] does not support programs that have threads");
    }
    int rank = 0, ranks = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    shard_ = {rank, ranks};
    comm_.emplace();
    channels_.emplace();
  }
  ~Session() {
    const bool failed_alone = std::uncaught_exceptions() > exceptions_ && !failed_together_;
    if (failed_alone) {
      // The others wait for this process. It first tells what went wrong, then takes them along.
      std::atexit([] { MPI_Abort(MPI_COMM_WORLD, 1); });
      return;
    }
    wait_for_all();
    comm_.reset();
    channels_.reset();
    if (finalizes_) MPI_Finalize();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Number of this process, from 0.
  Index rank() const { return shard_.rank; }
  /// Number of processes.
  Index ranks() const { return shard_.ranks; }
  /// Whether this is rank 0, which reads and writes files for all.
  bool is_root() const { return rank() == 0; }
  /// This process as a loader wants to know it.
  const data::Shard& shard() const { return shard_; }

  /// Waits until all processes are here. MpiError, as in all that follows, when one of them is gone.
  void barrier() { detail::check_mpi("MPI_Barrier", MPI_Barrier(*comm_)); }

  /// Replaces numbers by their sums over all processes, added in the order of the ranks.
  void sum(std::span<double> numbers) { ordered_sum(numbers, shard_, *channels_); }

  /// One number of every process, in the order of the ranks.
  std::vector<double> gather(double own) {
    failed_together_ = false;  // or it was caught, and all are here again
    std::vector<double> all(static_cast<std::size_t>(ranks()));
    detail::check_mpi("MPI_Allgather", MPI_Allgather(&own, 1, MPI_DOUBLE, all.data(), 1, MPI_DOUBLE, *comm_));
    return all;
  }

  /// The text of every process, in the order of the ranks. ValueError for 2 GiB of text and more.
  std::vector<std::string> gather(const std::string& own) {
    std::vector<int> lengths, places;
    int total = 0;
    for (const double length : gather(static_cast<double>(own.size()))) {
      lengths.push_back(static_cast<int>(length));
      places.push_back(total);
      total = detail::mpi_count(Index{total} + lengths.back());
    }
    std::string all(static_cast<std::size_t>(total), ' ');
    detail::check_mpi("MPI_Allgatherv", MPI_Allgatherv(own.data(), detail::mpi_count(std::ssize(own)), MPI_CHAR,
                                                       all.data(), lengths.data(), places.data(), MPI_CHAR, *comm_));
    std::vector<std::string> texts;
    for (std::size_t r = 0; r < lengths.size(); ++r)
      texts.push_back(all.substr(static_cast<std::size_t>(places[r]), static_cast<std::size_t>(lengths[r])));
    return texts;
  }

  /// Overwrites `bytes` with those of rank 0. All must have as many.
  void broadcast(std::span<std::byte> bytes) {
    constexpr std::size_t most = std::size_t{1} << 30;  // of one message
    for (std::size_t at = 0; at < bytes.size(); at += most)
      detail::check_mpi("MPI_Bcast", MPI_Bcast(bytes.data() + at, static_cast<int>(std::min(most, bytes.size() - at)),
                                               MPI_BYTE, 0, *comm_));
  }
  void broadcast(std::string& text) {
    std::uint64_t size = text.size();
    broadcast(std::as_writable_bytes(std::span(&size, 1)));
    text.resize(size);
    broadcast(std::as_writable_bytes(std::span(text)));
  }

  /// ValueError on every process, naming the first difference, unless all have the same text of `what`.
  void agree(const std::string& what, const std::string& text) {
    const auto texts = gather(text);
    const auto other = std::find_if(texts.begin(), texts.end(), [&](const auto& t) { return t != texts[0]; });
    if (other == texts.end()) return;
    const auto [here, there] = first_difference(texts[0], *other);
    fail_together(message("[distributed] the processes do not have the same ", what, ": rank 0 has ", here, ", rank ",
                          other - texts.begin(), " has ", there));
  }

  /// Calls f. When it throws on any process, all of them throw: what f threw, or a ValueError with the words of
  /// another. In f, processes must not wait for each other.
  template <class F>
  void together(F&& f) {
    std::string error;
    std::exception_ptr thrown;
    try {
      f();
    } catch (const std::exception& e) {
      thrown = std::current_exception();
      error = message("rank ", rank(), ": ", e.what());
    }
    const auto errors = gather(error);
    const auto first = std::find_if(errors.begin(), errors.end(), [](const auto& text) { return !text.empty(); });
    if (first == errors.end()) return;
    failed_together_ = true;
    if (thrown) std::rethrow_exception(thrown);
    throw ValueError("[distributed] " + *first);
  }
  /// The same, but f is called by rank 0 only.
  template <class F>
  void on_root(F&& f) {
    together([&] {
      if (is_root()) f();
    });
  }

  /// Throws a ValueError that every process throws at this place.
  [[noreturn]] void fail_together(const std::string& what) {
    failed_together_ = true;
    throw ValueError(what);
  }

 private:
  /// Without spinning, as MPI itself would: rank 0 may have a report to write.
  void wait_for_all() {
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Ibarrier(*comm_, &request);
    for (int done = 0; !done;) {
      if (MPI_Test(&request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return;
      if (!done) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  /// The first lines that differ.
  static std::pair<std::string, std::string> first_difference(std::string_view a, std::string_view b) {
    const auto take_line = [](std::string_view& text) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      return line.empty() ? std::string("nothing there") : std::string(line);
    };
    while (true) {
      auto of_a = take_line(a), of_b = take_line(b);
      if (of_a != of_b || (a.empty() && b.empty())) return {std::move(of_a), std::move(of_b)};
    }
  }

  bool finalizes_ = false, failed_together_ = false;
  int exceptions_ = std::uncaught_exceptions();
  data::Shard shard_;
  std::optional<detail::Communicator> comm_;
  std::optional<Channels> channels_;
};

}  // namespace nasion::distributed
