// Tables: points of faces, submissions to Kaggle, and the places where faces of 300-W were cut out.
#include <cmath>

#include "nasion/faces/kaggle.hpp"
#include "nasion/faces/w300.hpp"
#include "support.hpp"

namespace faces = nasion::faces;

namespace {

bool finite(const faces::Landmarks& points) {
  return std::all_of(points.begin(), points.end(),
                     [](const auto& p) { return std::isfinite(p.x) && std::isfinite(p.y); });
}

void submission(std::string_view input) {
  const auto read_two = [](const std::filesystem::path& path) { return faces::read_kaggle_submission(path, 2); };
  constexpr auto left_out = 64 << 20;  // a million faces without lines
  const auto faces = fuzz::read(input, "faces.csv", read_two, left_out);
  if (!faces) return;
  const auto file = fuzz::written([&](const auto& to) { faces::write_kaggle_submission(to, *faces); });
  fuzz::require(file && fuzz::read(*file, read_two, left_out) == faces, "other faces when written and read again");
}

}  // namespace

void fuzz::run(std::string_view input) {
  submission(input);
  if (const auto rows = read(input, "points.csv", faces::read_points_csv))
    for (const auto& row : *rows)
      require(!row.image.empty() && finite(row.points), "a face without a name, or with points that are not finite");
  if (const auto crops = read(input, "manifest.csv", faces::detail::read_crop_manifest))
    for (const auto& [image, to_original] : *crops)
      require(finite({to_original({0, 0}), to_original({1, 1})}), "a face whose place is not finite");
}
