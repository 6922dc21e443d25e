#pragma once
// A face as a picture, and where its landmarks are in it.

#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/synthetic/checks.hpp"
#include "nasion/faces/synthetic/develop.hpp"
#include "nasion/faces/synthetic/linkage.hpp"
#include "nasion/faces/synthetic/portrait.hpp"

#ifdef NASION_FACES_INLINE

namespace nasion::faces {

NASION_FACES_INLINE SyntheticFace render_face(const FaceParameters& face, int width, int height) {
  return render_photo({&face, 1}, width, height);
}

NASION_FACES_INLINE SyntheticFace render_photo(std::span<const FaceParameters> people, int width, int height) {
  synthetic::check_picture_size("render_face", width, height);
  check<ValueError>(!people.empty(), "[render_photo] there is nobody to photograph");
  for (const FaceParameters& face : people) synthetic::check_face(face);
  using namespace synthetic;
  const FaceParameters& face = people.back();
  const auto taken = [&](int size) {
    return std::max(16, static_cast<int>(std::lround(face.camera.resolution * static_cast<float>(size))));
  };
  Picture picture(taken(width), taken(height));
  const Portrait portrait(face, picture.width, picture.height);
  portrait.draw_backdrop(picture);
  for (const FaceParameters& other : people.first(people.size() - 1))
    Portrait(other, picture.width, picture.height).draw(picture);
  portrait.draw(picture);
  expose(picture, face.camera);

  const auto to_pixels =
      vision::Affine::scale(static_cast<double>(width) / picture.width, static_cast<double>(height) / picture.height);
  SyntheticFace drawn{develop(picture, face),
                      transform(to_pixels, portrait.landmarks(imm_landmark_model())),
                      transform(to_pixels, portrait.landmarks(ibug_landmark_model())),
                      {}};
  drawn.box = vision::bounding_box(drawn.points68);
  if (face.camera.jpeg_quality > 0) drawn.image = compressed(drawn.image, face.camera.jpeg_quality);
  if (picture.width != width || picture.height != height) drawn.image = vision::resize(drawn.image, width, height);
  return drawn;
}

}  // namespace nasion::faces

#endif
