#pragma once
// What a network sees: examples of a dataset with their points, for a look before training.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "nasion/core/random.hpp"
#include "nasion/vision/draw.hpp"
#include "nasion/vision/keypoint_dataset.hpp"

namespace support {

/// `count` examples, as augmented as in training, from faces spread over the dataset; each pixel `scale` pixels large.
inline nasion::vision::Image augmented_sheet(const nasion::vision::KeypointDataset& dataset, int count,
                                             std::uint64_t seed, int scale = 3) {
  namespace vision = nasion::vision;
  nasion::check<nasion::ValueError>(count > 0 && scale > 0 && dataset.size() > 0, "[augmented_sheet] ", count,
                                    " examples of ", dataset.size(), " faces at scale ", scale,
                                    ": all must be positive");
  const int width = scale * dataset.options().width, height = scale * dataset.options().height;
  std::vector<vision::Image> pictures;
  for (int i = 0; i < count; ++i) {
    nasion::Rng rng = nasion::Rng(seed).split(static_cast<std::uint64_t>(i));
    const auto example = dataset.get(i * dataset.size() / count % dataset.size(), rng);
    auto picture = vision::to_rgb(vision::resize(vision::to_image(example.input), width, height));
    vision::draw_landmarks(picture, vision::to_points(example.target.values(), width, height), {.radius = 2});
    pictures.push_back(std::move(picture));
  }
  constexpr int sheet_width = 1600;
  return vision::contact_sheet(pictures, {.columns = std::clamp(sheet_width / width, 1, 6)});
}

}  // namespace support
