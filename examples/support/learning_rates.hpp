#pragma once
// What became of part 1's network with one learning rate or another, kept in a file for resumed runs.

#include <string>
#include <vector>

#include "nasion/training/history.hpp"
#include "support/output_folder.hpp"

namespace support {

struct RateTrial {
  std::string lr;
  nasion::training::History history;
  double spread_px;  // of the answers for the validation photos: root mean square distance from their mean
};

/// Those of learning_rates.json; none when there is no such file. IoError when it holds anything else, or a trial
/// without epochs.
std::vector<RateTrial> read_rate_trials(const OutputFolder& out);

void write_rate_trials(const OutputFolder& out, const std::vector<RateTrial>& trials);

}  // namespace support
