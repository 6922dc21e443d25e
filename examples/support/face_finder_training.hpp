#pragma once
// How the network that finds faces is trained.

#include <cstdint>
#include <span>
#include <vector>

#include "nasion/faces/face_finder.hpp"
#include "nasion/training/progress.hpp"
#include "support/face_collage.hpp"
#include "support/faces.hpp"

namespace support {

/// Of cells [N, 4, H, W] against [N, 5, H, W], see FaceCollages: cross-entropy of the score, in which what is right
/// already hardly counts (Lin et al., "Focal loss for dense object detection", ICCV 2017), and the smooth absolute
/// error of the box where there is a face; per cell with a face.
nasion::Tensorf face_finder_loss(const nasion::Tensorf& cells, const nasion::Tensorf& target);

struct FaceFinderTraining {
  int steps = 2400, batch = 16;  ///< about four minutes on a core
  double lr = 2e-3;
  std::uint64_t seed = 0;
};

/// The photos of these faces, a few at their full size in memory at a time.
std::vector<FacePhoto> face_photos(std::span<const FaceEntry> entries, int points);

/// Looks for faces on the photos: those with a score of at least `sure` that nobody labelled must be faces, those below
/// are none.
void find_lookalikes(std::vector<FacePhoto>& photos, const nasion::faces::FaceFinder<float>& network, double sure);

/// A network, in eval mode, that finds faces like those of the photos. The same seed gives the same network, for any
/// number of threads. ValueError for no photos, no steps or no batch.
nasion::faces::FaceFinder<float> train_face_finder(std::vector<FacePhoto> photos, const FaceFinderTraining& options,
                                                   nasion::training::Progress& progress);

}  // namespace support
