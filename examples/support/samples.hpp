#pragma once
// What a network sees: examples of a dataset with their points, for a look before training.

#include <cstdint>

#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/vision/image.hpp"

namespace support {

/// `count` examples, as augmented as in training, from faces spread over the dataset; each pixel `scale` pixels large.
nasion::vision::Image augmented_sheet(const nasion::faces::KeypointDataset& dataset, int count, std::uint64_t seed,
                                      int scale = 3);

/// Each kind of change by itself, strongly: a column for each kind, three draws of it on the same face.
nasion::vision::Image augmentation_kinds_sheet(const nasion::vision::Image& photo,
                                               const nasion::faces::Landmarks& points,
                                               nasion::faces::KeypointOptions options, std::uint64_t seed);

}  // namespace support
