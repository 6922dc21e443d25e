#pragma once
// How well classes are recognised.

#include <algorithm>
#include <iomanip>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "nasion/core/integer_array.hpp"
#include "nasion/ops/reduce.hpp"

namespace nasion::training {

/// Part of the samples whose largest logit is that of their class, in [0, 1]; NaN for none. logits [N, C, ...], classes
/// N x ... numbers.   ShapeError when they do not fit.
template <Real T>
double accuracy(const Tensor<T>& logits, const IntegerArray& classes) {
  const auto chosen = argmax(logits.detach(), 1);
  check(chosen.size() == classes.values.size(), "[accuracy] ", classes.values.size(), " classes given for logits ",
        logits.shape(), ", which need ", chosen.size());
  double right = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) right += chosen[i] == classes.values[i];
  return chosen.empty() ? std::numeric_limits<double>::quiet_NaN() : right / static_cast<double>(chosen.size());
}

/// How often each class was taken for each other. Rows are true classes, columns are predictions.
class ConfusionMatrix {
 public:
  /// ValueError unless there are classes, at most 65536.
  explicit ConfusionMatrix(Index classes) : classes_(classes) {
    check<ValueError>(classes > 0 && classes <= 65536, "[ConfusionMatrix] number of classes ", classes,
                      " must be in 1 .. 65536");
    counts_.resize(static_cast<std::size_t>(classes * classes), 0);
  }

  /// Counts predicted classes. ShapeError when there are not as many, ValueError for one that there is not; then none
  /// is counted.
  void add(const std::vector<Index>& predicted, const IntegerArray& classes) {
    check(predicted.size() == classes.values.size(), "[ConfusionMatrix] ", predicted.size(), " predictions for ",
          classes.values.size(), " classes");
    for (const auto* list : {&predicted, &classes.values})
      for (const Index c : *list)
        check<ValueError>(c >= 0 && c < classes_, "[ConfusionMatrix] class ", c, " is none of ", classes_);
    for (std::size_t i = 0; i < predicted.size(); ++i) ++counts_[place(classes.values[i], predicted[i])];
  }
  /// Counts the largest of logits [N, C, ...].
  template <Real T>
  void add(const Tensor<T>& logits, const IntegerArray& classes) {
    add(argmax(logits.detach(), 1), classes);
  }

  /// As given to the constructor.
  Index classes() const { return classes_; }
  /// How often class `truth` was taken for `predicted`. ValueError for one that there is not.
  Index count(Index truth, Index predicted) const {
    check<ValueError>(truth >= 0 && truth < classes_ && predicted >= 0 && predicted < classes_,
                      "[ConfusionMatrix] classes ", truth, " and ", predicted, " must be below ", classes_);
    return counts_[place(truth, predicted)];
  }

  /// Part of all that was right; NaN before any was counted, and so below.
  double accuracy() const {
    Index right = 0, all = 0;
    for (Index c = 0; c < classes_; ++c) right += count(c, c);
    for (const Index n : counts_) all += n;
    return ratio(right, all);
  }
  /// Part of what was taken for class c that is of it.
  double precision(Index c) const {
    Index all = 0;
    for (Index truth = 0; truth < classes_; ++truth) all += count(truth, c);
    return ratio(count(c, c), all);
  }
  /// Part of class c that was recognised.
  double recall(Index c) const {
    Index all = 0;
    for (Index predicted = 0; predicted < classes_; ++predicted) all += count(c, predicted);
    return ratio(count(c, c), all);
  }

  /// A table: a row for each true class.
  friend std::ostream& operator<<(std::ostream& out, const ConfusionMatrix& m) {
    const Index most = *std::max_element(m.counts_.begin(), m.counts_.end());
    const auto width = static_cast<int>(std::to_string(std::max(most, m.classes_ - 1)).size()) + 1;
    const auto cell = [&](const std::string& text) { out << std::setw(width) << text; };
    cell("");
    for (Index c = 0; c < m.classes_; ++c) cell(std::to_string(c));
    for (Index truth = 0; truth < m.classes_; ++truth) {
      out << '\n';
      cell(std::to_string(truth));
      for (Index c = 0; c < m.classes_; ++c) cell(std::to_string(m.count(truth, c)));
    }
    return out << '\n';
  }

 private:
  std::size_t place(Index truth, Index predicted) const {
    return static_cast<std::size_t>(truth * classes_ + predicted);
  }
  static double ratio(Index part, Index all) {
    return all ? static_cast<double>(part) / static_cast<double>(all) : std::numeric_limits<double>::quiet_NaN();
  }

  Index classes_;
  std::vector<Index> counts_;  // [truth, predicted]
};

}  // namespace nasion::training
