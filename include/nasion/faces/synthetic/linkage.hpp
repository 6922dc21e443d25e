#pragma once
// The drawing of faces is inline, unless the target nasion::faces has it compiled: then only src/faces.cpp defines it.

#ifndef NASION_FACES_COMPILED
#define NASION_FACES_INLINE inline
#endif
