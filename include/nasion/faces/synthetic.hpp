#pragma once
// Pictures of people who do not exist, with exact landmarks: data for every program, without any download. Who draws
// them is in synthetic/; the target nasion::faces has it compiled.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "nasion/core/random.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/faces/synthetic/face_parameters.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::faces {

/// A picture with the two sets of landmarks, in its pixels: those of imm and of ibug.
struct SyntheticFace {
  vision::Image image;  ///< RGB, or grey for people with grey photos
  Landmarks points58, points68;
  vision::Box box{};  ///< around the 68 points
};

/// A person drawn at random.
PersonParameters random_person(Rng rng);

/// The person in one of the six views of the IMM Face Database: 1 neutral, 2 smiling, 3 turned to the left of the
/// picture, 4 turned to the right, 5 lit by a spot from the right, 6 anything. ValueError for other numbers.
FaceParameters imm_view(const PersonParameters& person, int view, Rng rng);

/// Draws the face. ValueError unless both sizes are in 16 ... 8192 and every number of the face is in its range.
SyntheticFace render_face(const FaceParameters& face, int width, int height);

/// The same with several people, from the farthest to the nearest. Points, place, light and camera are those of the
/// last. ValueError also for nobody.
SyntheticFace render_photo(std::span<const FaceParameters> people, int width, int height);

/// A photo from anywhere: any person, pose, expression, light, place, camera, and now and then something before the
/// face, or somebody behind. From the farthest to the nearest, who is the one that is photographed.
std::vector<FaceParameters> random_photo(Rng rng);

/// Draws a photo from anywhere: image, points and box, from a seed alone. Errors as for render_face().
SyntheticFace random_face(std::uint64_t seed, int width, int height);

/// Called with the number of finished and of all images; from any thread, one at a time.
using SyntheticProgress = std::function<void(int done, int total)>;

/// Writes a folder in the layout of the IMM Face Database: `NN-Vm.jpg` or `NN-Vf.jpg` and `.asf` for each of the six
/// views of each person. The same seed gives the same bytes for any number of threads. The folder appears as a whole,
/// finished, or not at all; when it is there already, with the same content, nothing is done. Returns whether it was
/// written. ValueError for persons outside 1 ... 99, IoError when the folder holds something else or cannot be written.
bool write_synthetic_imm(const std::filesystem::path& folder, std::uint64_t seed, int persons = 40,
                         const SyntheticProgress& progress = {}, int width = 640, int height = 480);

/// Writes photos from anywhere, see random_face(), in the layout of 300-W: `afw/000000_1.jpg` and `.pts` for training,
/// every tenth in `lfpw/testset`. Else as write_synthetic_imm(). ValueError for faces outside 10 ... 999999.
bool write_synthetic_w300(const std::filesystem::path& folder, std::uint64_t seed, int faces,
                          const SyntheticProgress& progress = {}, int width = 256, int height = 256);

}  // namespace nasion::faces

#ifndef NASION_FACES_COMPILED  // the CMake target nasion::faces has them compiled
#include "nasion/faces/synthetic/folder.hpp"
#include "nasion/faces/synthetic/people.hpp"
#include "nasion/faces/synthetic/render.hpp"
#include "nasion/faces/synthetic/wild.hpp"
#endif
