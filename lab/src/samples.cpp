#include "lab/faces.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "nasion/core/random.hpp"
#include "nasion/vision/draw.hpp"

namespace lab {

nasion::vision::Image augmented_sheet(const nasion::faces::KeypointDataset& dataset, int count, std::uint64_t seed,
                                      int scale) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  nasion::check<nasion::ValueError>(count > 0 && scale > 0 && dataset.size() > 0, "[augmented_sheet] ", count,
                                    " examples of ", dataset.size(), " faces at scale ", scale,
                                    ": all must be positive");
  const int width = scale * dataset.options().width, height = scale * dataset.options().height;
  std::vector<vision::Image> pictures;
  for (int i = 0; i < count; ++i) {
    nasion::Rng rng = nasion::Rng(seed).split(static_cast<std::uint64_t>(i));
    const auto example = dataset.get(i * dataset.size() / count % dataset.size(), rng);
    auto picture = vision::to_rgb(vision::resize(faces::to_image(example.input), width, height));
    vision::draw_points(picture, faces::to_points(example.target.values(), width, height), {.radius = 2});
    pictures.push_back(std::move(picture));
  }
  constexpr int sheet_width = 1600;
  return vision::contact_sheet(pictures, {.columns = std::clamp(sheet_width / width, 1, 6)});
}

nasion::vision::Image augmentation_kinds_sheet(const nasion::vision::Image& photo,
                                               const nasion::faces::Landmarks& points,
                                               nasion::faces::KeypointOptions options, std::uint64_t seed) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  const std::vector<std::pair<std::string, vision::Augmentation>> kinds{
      {"shift", {.shift = 0.15}}, {"rotation", {.rotation = 25}},      {"scale", {.scale = 0.4}},
      {"flip", {.flip = 0.5}},    {"brightness", {.brightness = 0.3}}, {"contrast", {.contrast = 1}},
      {"blur", {.blur = 3}},      {"noise", {.noise = 0.15}},          {"occlusion", {.occlusion = 1}}};
  constexpr int rows = 3;
  std::vector<vision::Image> pictures;
  std::vector<std::string> captions;
  for (int row = 0; row < rows; ++row)
    for (const auto& [name, augmentation] : kinds) {
      options.augmentation = augmentation;
      faces::KeypointDataset dataset(options);
      dataset.add(photo, points);
      nasion::Rng rng = nasion::Rng(seed).split(static_cast<std::uint64_t>(row));
      const auto example = dataset.get(0, rng);
      auto picture = vision::to_rgb(faces::to_image(example.input));
      vision::draw_points(picture, faces::to_points(example.target.values(), picture.width, picture.height),
                          {.radius = 0.7});
      pictures.push_back(std::move(picture));
      captions.push_back(name);
    }
  return vision::contact_sheet(pictures, {.columns = static_cast<int>(kinds.size())}, captions);
}

}  // namespace lab
