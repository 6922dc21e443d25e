#include <algorithm>
#include <cmath>
#include <string_view>

#include "lab/face_report.hpp"
#include "lab/program.hpp"
#include "nasion/io/text.hpp"

namespace lab {

nasion::vision::Box box_of(const std::string& flag, const std::string& text) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const auto number = nasion::io::parse_number<double>(std::string_view(text).substr(at, comma - at));
    numbers.push_back(number.value_or(std::nan("")));
    at = comma + 1;
  }
  const bool finite = std::all_of(numbers.begin(), numbers.end(), [](double v) { return std::abs(v) < 1e6; });
  if (numbers.size() != 4 || !finite || numbers[2] <= 0 || numbers[3] <= 0)
    refuse(flag, "must be x,y,w,h in pixels, w and h above 0, not '" + text + "'");
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

void check_on_photo(const nasion::vision::Box& box, const nasion::vision::Image& photo) {
  const double width = std::min(box.x + box.width, 1.0 * photo.width) - std::max(box.x, 0.0);
  const double height = std::min(box.y + box.height, 1.0 * photo.height) - std::max(box.y, 0.0);
  nasion::check<nasion::ValueError>(width > 0 && height > 0 && 2 * width * height >= box.width * box.height, "the box ",
                                    box.x, ",", box.y, ",", box.width, ",", box.height,
                                    " lies outside of the photo, which has ", photo.width, " x ", photo.height,
                                    " pixels");
}

}  // namespace lab
