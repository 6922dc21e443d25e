// The target nasion::faces: what draws faces, see nasion/faces/synthetic.hpp.
#define NASION_FACES_INLINE
#include "nasion/faces/synthetic/folder.hpp"
#include "nasion/faces/synthetic/people.hpp"
#include "nasion/faces/synthetic/render.hpp"
#include "nasion/faces/synthetic/wild.hpp"
