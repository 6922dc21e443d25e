#pragma once
// When several processes share a batch: which part of it the operations of this thread see. What draws random numbers
// for a batch skips those of the examples that others have, so that all together draw what one process would.

#include <utility>

#include "nasion/core/shape.hpp"

namespace nasion {

namespace detail {
struct OtherExamples {  // of the batch, in other processes
  Index before = 0, after = 0;
};
inline thread_local OtherExamples other_examples;
}  // namespace detail

/// While alive, this thread's batches have `before` examples in front of them and `after` behind them elsewhere.
class BatchPart {
 public:
  [[nodiscard]] BatchPart(Index before, Index after)
      : outside_(std::exchange(detail::other_examples, detail::OtherExamples{before, after})) {}
  ~BatchPart() { detail::other_examples = outside_; }
  BatchPart(const BatchPart&) = delete;
  BatchPart& operator=(const BatchPart&) = delete;

 private:
  detail::OtherExamples outside_;
};

}  // namespace nasion
