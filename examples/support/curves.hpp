#pragma once
// The charts that every training program shows of its history.

#include <string>

#include "support/chart.hpp"

namespace nasion::training {
class History;
}

namespace support {

class Report;

/// Training and validation loss over the epochs, from `first_epoch` on. `loss` names what is measured.
Chart loss_chart(const nasion::training::History& history, const std::string& loss, int first_epoch = 1);

/// Adds the loss over all epochs, the same without the first, and on a logarithmic scale.
void add_curves(Report& report, const nasion::training::History& history, const std::string& loss);

}  // namespace support
