#pragma once
// A face as a picture, and where its landmarks are in it.

#include <utility>
#include <vector>

#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/synthetic/checks.hpp"
#include "nasion/faces/synthetic/develop.hpp"
#include "nasion/faces/synthetic/linkage.hpp"
#include "nasion/faces/synthetic/portrait.hpp"

#ifdef NASION_FACES_INLINE

namespace nasion::faces {

NASION_FACES_INLINE SyntheticFace render_face(const FaceParameters& face, int width, int height) {
  synthetic::check_picture_size("render_face", width, height);
  synthetic::check_face(face);
  using namespace synthetic;
  const Portrait portrait(face, width, height);
  const auto mirrored_pair = [&](const std::vector<float>& at) {
    return std::pair{eye_points(1, face.eyes, at), eye_points(-1, face.eyes, at)};
  };
  auto [left58, right58] = mirrored_pair({0.21f, 0.48f, 0.75f});
  left58.insert(left58.end(), right58.begin(), right58.end());
  auto [left, right] = mirrored_pair({0.33f, 0.67f});
  for (const std::size_t i : {3, 2, 1, 0, 5, 4}) right.push_back(left[i]);
  return {develop(portrait.draw(), width, height, face), portrait.landmarks(imm_landmark_model(), 13, left58),
          portrait.landmarks(ibug_landmark_model(), 36, right)};
}

}  // namespace nasion::faces

#endif
