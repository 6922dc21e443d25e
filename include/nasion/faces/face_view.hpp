#pragma once
// What a network looks at when it is shown a face of a photo.

#include <algorithm>

#include "nasion/core/error.hpp"
#include "nasion/vision/affine.hpp"

namespace nasion::faces {

/// The square around the middle of a face's box, `margin` times as long as the box's longer side. A square keeps the
/// face's proportions, whatever those of the box and of the photo. ValueError for a box without area, or a margin that
/// is not positive.
inline vision::Box face_view(const vision::Box& face, double margin) {
  check<ValueError>(face.width > 0 && face.height > 0 && margin > 0, "[face_view] box of ", face.width, " x ",
                    face.height, " with margin ", margin, ": all must be positive");
  const double side = margin * std::max(face.width, face.height);
  return {face.x + (face.width - side) / 2, face.y + (face.height - side) / 2, side, side};
}

}  // namespace nasion::faces
