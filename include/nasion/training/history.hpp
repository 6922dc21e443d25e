#pragma once
// What a training run did, epoch by epoch. history_file.hpp keeps it in a CSV file.

#include <cmath>
#include <limits>
#include <vector>

#include "nasion/core/error.hpp"

namespace nasion::training {

/// One epoch. `seconds` is its wall time, validation included; a run without validation has a NaN `val_loss`.
struct EpochRow {
  int epoch = 0;  // from 1
  double train_loss = std::numeric_limits<double>::quiet_NaN();
  double val_loss = std::numeric_limits<double>::quiet_NaN();
  double lr = 0;
  double seconds = 0;

  bool operator==(const EpochRow&) const = default;
};

/// The epochs of a run in order. Losses may be NaN or infinite: a run that diverged is recorded as it was.
class History {
 public:
  /// ValueError unless `row.epoch` is later than the last one.
  void add(const EpochRow& row) {
    check<ValueError>(row.epoch > last_epoch(), "[history] epoch ", row.epoch, " does not follow epoch ", last_epoch());
    rows_.push_back(row);
  }

  /// One for each epoch, in order.
  const std::vector<EpochRow>& rows() const noexcept { return rows_; }
  bool empty() const noexcept { return rows_.empty(); }
  /// Number of the last epoch; 0 when there is none.
  int last_epoch() const noexcept { return rows_.empty() ? 0 : rows_.back().epoch; }

  /// Forgets the epochs after `epoch`: a resumed run goes on from its checkpoint, which may be older than the file.
  void keep_until(int epoch) {
    std::erase_if(rows_, [epoch](const EpochRow& row) { return row.epoch > epoch; });
  }

  /// The row of the smallest validation loss, the first of equals; nullptr when none is a number.
  const EpochRow* best() const noexcept {
    const EpochRow* found = nullptr;
    for (const auto& row : rows_)
      if (!std::isnan(row.val_loss) && (!found || row.val_loss < found->val_loss)) found = &row;
    return found;
  }

 private:
  std::vector<EpochRow> rows_;
};

}  // namespace nasion::training
