#include "lab/report.hpp"

#include <vector>

#include "nasion/training/history.hpp"

namespace lab {

Chart loss_chart(const nasion::training::History& history, const std::string& loss, int first_epoch) {
  Chart chart{.x_title = "epoch", .y_title = loss, .series = {{"training", {}}, {"validation", {}}}};
  chart.from_x = first_epoch;
  for (const auto& row : history.rows()) {
    chart.series[0].points.emplace_back(row.epoch, row.train_loss);
    chart.series[1].points.emplace_back(row.epoch, row.val_loss);
  }
  return chart;
}

void add_curves(Report& report, const nasion::training::History& history, const std::string& loss) {
  std::vector<NamedChart> charts{{"curves", loss_chart(history, loss), "Loss after each epoch."}};
  if (history.last_epoch() > 2)
    charts.push_back({"curves_from_epoch_2", loss_chart(history, loss, 2),
                      "Without the first epoch, whose large loss hides the rest."});
  charts.push_back({"curves_log", loss_chart(history, loss), "All epochs on a logarithmic scale."});
  charts.back().chart.log_y = true;
  report.charts(charts);
}

}  // namespace lab
