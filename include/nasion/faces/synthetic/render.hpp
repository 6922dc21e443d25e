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
  synthetic::check_picture_size("render_face", width, height);
  synthetic::check_face(face);
  using namespace synthetic;
  const Portrait portrait(face, width, height);
  return {develop(portrait.draw(), width, height, face), portrait.landmarks(imm_landmark_model()),
          portrait.landmarks(ibug_landmark_model())};
}

}  // namespace nasion::faces

#endif
