#pragma once
// Batches from a dataset, prepared ahead by threads, in an order and with randomness that depend on the seed alone.

#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "nasion/core/fork.hpp"
#include "nasion/core/integer_array.hpp"
#include "nasion/core/parallel.hpp"
#include "nasion/core/random.hpp"
#include "nasion/data/shard.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::data {

/// What a loader reads: `size()` samples, `get(i)` or, for random augmentation, `get(i, rng)`. get() is called from
/// several threads at once. The generator belongs to this sample of this epoch, whichever thread prepares it.
template <class D>
concept Dataset = requires(const D& dataset, Index i) {
  { dataset.size() } -> std::convertible_to<Index>;
}
&&(
    requires(const D& dataset, Index i) { dataset.get(i); } ||
    requires(const D& dataset, Index i, Rng& rng) { dataset.get(i, rng); });

/// One sample, or one batch: an input and what should come out.
template <class T>
struct Example {
  Tensor<T> input, target;
};

/// The usual collate: inputs [..] and targets [..] of equal shapes -> [N, ..]. ShapeError when they are not equal,
/// ValueError for no samples.
template <class T>
Example<T> stack(const std::vector<Example<T>>& samples) {
  const auto join = [&](Tensor<T> Example<T>::*member) {
    std::vector<Tensor<T>> rows;
    for (const auto& sample : samples) {
      const auto& x = sample.*member;
      std::vector<Index> sizes{1};
      sizes.insert(sizes.end(), x.shape().begin(), x.shape().end());
      rows.push_back(reshape(x, Shape(std::span<const Index>(sizes))));
    }
    return concat(rows, 0);
  };
  return {join(&Example<T>::input), join(&Example<T>::target)};
}

/// One sample, or one batch, of what an Example has not: class numbers, several inputs. Members are tensors, class
/// numbers (Index), an IntegerArray, or a std::tuple of such: Sample<Tensorf, Index>, Sample<std::tuple<Tensorf,
/// Tensorf>, Tensorf>.
template <class Input, class Target>
struct Sample {
  Input input;
  Target target;
};

namespace detail {

/// What the samples of a batch have in one place, as one: tensors [..] -> [N, ..], numbers -> IntegerArray [N], arrays
/// [..] -> [N, ..], tuples -> tuples.
template <class T>
Tensor<T> join(const std::vector<Tensor<T>>& parts) {
  return nasion::stack(parts);
}
inline IntegerArray join(const std::vector<Index>& parts) { return parts; }
inline IntegerArray join(const std::vector<IntegerArray>& parts) {
  check<ValueError>(!parts.empty(), "[stack] needs at least one sample");
  std::vector<Index> sizes{static_cast<Index>(parts.size())}, values;
  sizes.insert(sizes.end(), parts[0].shape.begin(), parts[0].shape.end());
  for (const auto& part : parts) {
    check(part.shape == parts[0].shape, "[stack] sample ", part.shape, " does not fit first sample ", parts[0].shape);
    values.insert(values.end(), part.values.begin(), part.values.end());
  }
  return {Shape(std::span<const Index>(sizes)), std::move(values)};
}
template <class... Parts>
auto join(const std::vector<std::tuple<Parts...>>& samples) {
  const auto column = [&]<std::size_t i>(std::integral_constant<std::size_t, i>) {
    std::vector<std::tuple_element_t<i, std::tuple<Parts...>>> parts;
    for (const auto& sample : samples) parts.push_back(std::get<i>(sample));
    return join(parts);
  };
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return std::tuple(column(std::integral_constant<std::size_t, i>())...);
  }
  (std::index_sequence_for<Parts...>());
}

}  // namespace detail

/// The usual collate: [..] -> [N, ..], class numbers -> an IntegerArray [N]. Errors as above.
template <class Input, class Target>
auto stack(const std::vector<Sample<Input, Target>>& samples) {
  std::vector<Input> inputs;
  std::vector<Target> targets;
  for (const auto& sample : samples) {
    inputs.push_back(sample.input);
    targets.push_back(sample.target);
  }
  auto input = detail::join(inputs);
  auto target = detail::join(targets);
  return Sample<decltype(input), decltype(target)>{std::move(input), std::move(target)};
}

/// How batches are cut, mixed and prepared.
struct LoaderOptions {
  Index batch_size = 1;    ///< the last batch may be smaller
  bool shuffle = false;    ///< a new order for every epoch
  bool drop_last = false;  ///< leave an incomplete last batch out
  int workers = 1;         ///< threads that prepare batches, as far as there are; 0: the caller does
  int prefetch = 2;        ///< batches that each worker may be ahead
  std::uint64_t seed = 0;  ///< of orders and augmentation
  Shard shard{};           ///< of several processes that share each batch: the batches here are this one's parts
};

/// Iterates over the batches of a dataset: `for (const auto& batch : loader)`. Every pass is the next epoch, with its
/// own order; set_epoch() names the epoch, to resume. `collate` turns a vector of samples into a batch.
template <class D, class Collate>
class DataLoader {
  static auto get(const D& dataset, Index i, Rng& rng) {
    if constexpr (requires { dataset.get(i, rng); })
      return dataset.get(i, rng);
    else
      return dataset.get(i);
  }

 public:
  static_assert(Dataset<D>, "a dataset has size() and get(i) or get(i, rng)");
  using Sample = decltype(get(std::declval<const D&>(), Index{}, std::declval<Rng&>()));
  using Batch = decltype(std::declval<const Collate&>()(std::declval<const std::vector<Sample>&>()));

  /// The dataset must live as long as the loader. ValueError for settings out of range, or a shard that gets no equal
  /// part of every batch (see check_shard).
  DataLoader(const D& dataset, const LoaderOptions& options, Collate collate)
      : dataset_(&dataset), options_(options), collate_(std::move(collate)) {
    check<ValueError>(options.batch_size > 0 && options.workers >= 0 && options.prefetch > 0,
                      "[DataLoader] batch_size ", options.batch_size, " and prefetch ", options.prefetch,
                      " must be positive, workers ", options.workers, " not negative");
    check_shard(options.shard, dataset.size(), options.batch_size, options.drop_last);
  }
  DataLoader(const D&&, const LoaderOptions&, Collate) = delete;  // a temporary would be gone

  /// What is read.
  const D& dataset() const { return *dataset_; }
  /// As given to the constructor.
  const LoaderOptions& options() const { return options_; }

  /// Number of batches of an epoch.
  Index size() const {
    const Index n = dataset_->size(), b = options_.batch_size;
    return options_.drop_last ? n / b : (n + b - 1) / b;
  }

  /// The epoch that the next pass will be; 0 at first.
  std::uint64_t epoch() const { return epoch_; }
  /// Makes the next pass this epoch, with its order and its random numbers.
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }

  class Iterator;
  struct End {};  ///< what an iterator is compared with, for the range-based for loop
  /// Starts a pass. An exception of the dataset or of collate is thrown again where its batch is asked for.
  Iterator begin() { return Iterator(*this, epoch_++); }
  End end() const { return {}; }

 private:
  Batch make(const std::vector<Index>& order, std::uint64_t epoch, Index number) const {
    const Index first = number * options_.batch_size;
    const Index last = std::min(static_cast<Index>(order.size()), first + options_.batch_size);
    const auto [begin, end] = options_.shard.part(last - first);
    std::vector<Sample> samples;
    for (Index i = first + begin; i < first + end; ++i) {
      const Index at = order[static_cast<std::size_t>(i)];
      Rng rng = Rng(options_.seed).split(2 * epoch + 1).split(static_cast<std::uint64_t>(at));
      samples.push_back(get(*dataset_, at, rng));
    }
    return collate_(samples);
  }

  const D* dataset_;
  LoaderOptions options_;
  Collate collate_;
  std::uint64_t epoch_ = 0;
};

/// One pass, of one process, for a range-based for loop. Leaving the loop early stops the threads.
template <class D, class Collate>
class DataLoader<D, Collate>::Iterator {
 public:
  /// Begins the pass of this epoch.
  Iterator(const DataLoader& loader, std::uint64_t epoch) : loader_(&loader), epoch_(epoch) {
    order_.resize(static_cast<std::size_t>(loader.dataset_->size()));
    std::iota(order_.begin(), order_.end(), Index{0});
    if (loader.options_.shuffle) {
      Rng rng = Rng(loader.options_.seed).split(2 * epoch);
      rng.shuffle(order_.begin(), order_.end());
    }
    try {
      start_workers();
      fetch();
    } catch (...) {  // the destructor of an object that was never complete does not run
      stop();
      throw;
    }
  }
  ~Iterator() { stop(); }
  Iterator(const Iterator&) = delete;
  Iterator& operator=(const Iterator&) = delete;

  /// The batch, until ++.
  const Batch& operator*() const { return *current_; }
  /// Goes on to the next batch, and waits for it. An exception of the dataset or of collate is thrown again here;
  /// ValueError with workers in a process made by fork().
  Iterator& operator++() {
    check<ValueError>(threads_.empty() || nasion::detail::generation() == generation_,
                      "[DataLoader] a pass with workers cannot go on in a process made by fork(): begin one there");
    {
      const std::lock_guard lock(signals_->mutex);
      ++position_;
    }
    signals_->changed.notify_all();  // there is room for one more
    fetch();
    return *this;
  }
  bool operator==(End) const { return position_ >= loader_->size(); }

 private:
  struct Outcome {
    std::optional<Batch> batch;
    std::exception_ptr error;
  };

  Outcome prepare(Index number) const {
    try {
      return {loader_->make(order_, epoch_, number), nullptr};
    } catch (...) {
      return {std::nullopt, std::current_exception()};
    }
  }

  // Batches are the same with fewer workers, or none: so in WebAssembly, which has no threads unless it is asked for
  // them, and in a process that has used up its own.
  void start_workers() {
    try {
      for (int i = 0; i < loader_->options_.workers; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {}
  }

  void work() {
    const SerialScope serial;  // the workers are the parallelism
    const Index ahead = static_cast<Index>(loader_->options_.workers) * loader_->options_.prefetch;
    std::unique_lock lock(signals_->mutex);
    while (true) {
      signals_->changed.wait(lock, [&] { return stop_ || next_ >= loader_->size() || next_ < position_ + ahead; });
      if (stop_ || next_ >= loader_->size()) return;
      const Index number = next_++;
      lock.unlock();
      Outcome outcome = prepare(number);
      lock.lock();
      ready_.emplace(number, std::move(outcome));
      signals_->changed.notify_all();
    }
  }

  void stop() {
    if (nasion::detail::generation() !=
        generation_) {  // the threads are in the parent process, and would be waited for
      new auto(std::move(threads_));
      static_cast<void>(signals_.release());
      return;
    }
    {
      const std::lock_guard lock(signals_->mutex);
      stop_ = true;
    }
    signals_->changed.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  void fetch() {
    if (position_ >= loader_->size()) return;
    Outcome outcome;
    if (threads_.empty()) {
      outcome = prepare(position_);
    } else {
      std::unique_lock lock(signals_->mutex);
      signals_->changed.wait(lock, [&] { return ready_.contains(position_); });
      outcome = std::move(ready_.extract(position_).mapped());
    }
    if (outcome.error) std::rethrow_exception(outcome.error);
    current_ = std::move(outcome.batch);
  }

  const DataLoader* loader_;
  std::uint64_t epoch_;
  std::vector<Index> order_;
  Index position_ = 0;  // of the batch in current_
  std::optional<Batch> current_;

  struct Signals {  // apart, so that a child process can leave them: destroying them waits for threads
    std::mutex mutex;
    std::condition_variable changed;
  };
  std::unique_ptr<Signals> signals_ = std::make_unique<Signals>();
  const unsigned generation_ = nasion::detail::generation();
  std::map<Index, Outcome> ready_;
  Index next_ = 0;  // batch to prepare
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

/// A loader whose batches are what `collate` makes of a vector of samples; it is called by several threads at once. The
/// dataset must live as long. Errors as for DataLoader.
template <class D, class Collate>
auto make_loader(const D& dataset, const LoaderOptions& options, Collate collate) {
  return DataLoader<D, Collate>(dataset, options, std::move(collate));
}
template <class D, class Collate>
auto make_loader(const D&& dataset, const LoaderOptions& options, Collate collate) = delete;

/// A loader of Example or Sample, stacked: batches have `input` [N, ..] and `target` [N, ..]. The dataset must live as
/// long. Errors as for DataLoader.
template <class D>
auto make_loader(const D& dataset, const LoaderOptions& options) {
  const auto collate = [](const auto& samples) { return stack(samples); };
  return DataLoader<D, decltype(collate)>(dataset, options, collate);
}
template <class D>
auto make_loader(const D&& dataset, const LoaderOptions& options) = delete;

}  // namespace nasion::data
