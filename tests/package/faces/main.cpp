// A face, drawn by what the target nasion::faces has compiled.
#include "nasion/faces/synthetic.hpp"

#ifndef NASION_FACES_COMPILED
#error "nasion::faces does not say that it has the drawing compiled"
#endif

int main() {
  namespace faces = nasion::faces;
  const auto person = faces::random_person(nasion::Rng(1));
  const auto face = faces::render_face(faces::imm_view(person, 1, nasion::Rng(2)), 80, 60);
  const bool whole =
      face.image.width * face.image.height == 80 * 60 && face.points58.size() == 58 && face.points68.size() == 68;
  return whole ? 0 : 1;
}
