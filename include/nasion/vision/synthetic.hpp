#pragma once
// Pictures of people who do not exist, with exact landmarks: data for every program, without any download.

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>

#include "nasion/core/parallel.hpp"
#include "nasion/core/random.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/vision/synthetic/develop.hpp"
#include "nasion/vision/synthetic/people.hpp"
#include "nasion/vision/synthetic/portrait.hpp"

namespace nasion::vision {

/// A picture with the two sets of landmarks, in its pixels: those of imm and of ibug.
struct SyntheticFace {
  Image image;  ///< RGB, or grey for people with grey photos
  Landmarks points58, points68;
};

namespace synthetic {

/// ValueError unless both sizes are in 16 ... 8192.
inline void check_picture_size(const char* op, int width, int height) {
  check<ValueError>(width >= 16 && height >= 16 && width <= 8192 && height <= 8192, "[", op,
                    "] width and height must be in 16 ... 8192, got ", width, " x ", height);
}

/// ValueError when a number is not finite or so far off that there is no head to see.
inline void check_face(const FaceParameters& face) {
  const auto within = [](const char* what, float value, float low, float high) {
    check<ValueError>(value >= low && value <= high, "[render_face] ", what, " must be in ", low, " ... ", high,
                      ", got ", value);
  };
  for (const float weight : face.person.shape) within("person.shape", weight, -6, 6);
  for (const float weight : face.expression) within("expression", weight, -2, 2);
  within("eyes.upper", face.eyes.upper, -0.5f, 1.6f), within("eyes.lower", face.eyes.lower, -0.5f, 1.6f);
  within("gaze_x", face.gaze_x, -1, 1), within("gaze_y", face.gaze_y, -1, 1);
  within("yaw", face.yaw, -1.2f, 1.2f), within("pitch", face.pitch, -1, 1), within("roll", face.roll, -1, 1);
  within("centre_x", face.centre_x, -1, 2), within("centre_y", face.centre_y, -1, 2);
  within("scale", face.scale, 1e-3f, 0.2f);
  const auto& hair = face.person.hair;
  within("hair.length", hair.length, 0, 60), within("hair.thickness", hair.thickness, 0, 4);
  within("hair.parting", hair.parting, -2, 2), within("hair.recession", hair.recession, 0, 1);
  within("glasses_size", face.person.glasses_size, 0.2f, 3);
  within("collar_height", face.person.collar_height, -1, 2);
  for (const float density :
       {face.person.stubble, face.person.moustache, face.person.chin_beard, face.person.cheek_beard})
    within("beard", density, 0, 1);
  within("blur", face.blur, 0, 1), within("noise", face.noise, 0, 1), within("exposure", face.exposure, 0, 100);
  check<ValueError>(synthetic::length(face.light_direction) > 0 && synthetic::length(face.fill_direction) > 0,
                    "[render_face] the directions of the lights must not be zero");
}

}  // namespace synthetic

/// Draws the face. ValueError unless both sizes are in 16 ... 8192 and every number of the face is in its range.
inline SyntheticFace render_face(const FaceParameters& face, int width, int height) {
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

/// Called with the number of finished and of all images; from any thread, one at a time.
using SyntheticProgress = std::function<void(int done, int total)>;

namespace synthetic {

inline constexpr std::string_view marker_name = "synthetic.txt";

/// Names the content of a folder of synthetic faces. The version goes up whenever the pictures change.
inline std::string marker(std::uint64_t seed, int persons, int width, int height) {
  return message("nasion synthetic faces, version 1\nseed ", seed, "\npersons ", persons, "\nsize ", width, " x ",
                 height, "\n");
}

inline std::string read_marker(const std::filesystem::path& folder) {
  std::error_code error;  // of a pipe, reading would wait for ever
  if (!std::filesystem::is_regular_file(folder / marker_name, error)) return "";
  std::ifstream file(folder / marker_name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::ptrdiff_t files_in(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

/// A folder that is removed again unless it was renamed to what it is for.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter{0};
    std::error_code error;
    if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path(), error);
    do {  // a killed process of the same number may have left its folder behind
      path_ = target;
      path_ += message(".", ::getpid(), "-", counter++, ".tmp");
    } while (!std::filesystem::create_directory(path_, error) && !error);
    if (error) throw IoError(target, "cannot create a folder here (" + error.message() + ")");
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!renamed_) std::filesystem::remove_all(path_, ignored);
  }
  /// Where the files go until then.
  const std::filesystem::path& path() const { return path_; }

  /// Puts the folder in its place; an older one goes.
  void rename_to_target() {
    std::error_code error;
    std::filesystem::path old = path_;
    old += ".old";
    std::filesystem::rename(target_, old, error);
    const bool replaced = !error;
    std::filesystem::rename(path_, target_, error);
    if (error) throw IoError(target_, "cannot put the finished folder here (" + error.message() + ")");
    renamed_ = true;
    if (replaced) std::filesystem::remove_all(old, error);
  }

 private:
  std::filesystem::path target_, path_;
  bool renamed_ = false;
};

}  // namespace synthetic

/// Writes a folder in the layout of the IMM Face Database: `NN-Vm.jpg` or `NN-Vf.jpg` and `.asf` for each of the six
/// views of each person. The same seed gives the same bytes for any number of threads. The folder appears as a whole,
/// finished, or not at all; when it is there already, with the same content, nothing is done. Returns whether it was
/// written. ValueError for persons outside 1 ... 99, IoError when the folder holds something else or cannot be written.
inline bool write_synthetic_imm(const std::filesystem::path& folder, std::uint64_t seed, int persons = 40,
                                const SyntheticProgress& progress = {}, int width = 640, int height = 480) {
  check<ValueError>(persons >= 1 && persons <= 99, "[write_synthetic_imm] persons must be in 1 ... 99, got ", persons);
  synthetic::check_picture_size("write_synthetic_imm", width, height);
  const std::string content = synthetic::marker(seed, persons, width, height);
  const std::string present = synthetic::read_marker(folder);
  if (present == content && synthetic::files_in(folder) >= 12 * persons + 1) return false;
  std::error_code error;
  if (std::filesystem::exists(folder, error)) {
    if (!std::filesystem::is_directory(folder, error)) throw IoError(folder, "is there already and is not a folder");
    if (present.empty() && !std::filesystem::is_empty(folder, error))
      throw IoError(folder, "is there already and holds something other than synthetic faces");
  }

  synthetic::TemporaryFolder work(folder);
  const int total = 6 * persons;
  std::mutex progress_mutex;
  int done = 0;
  parallel_for(total, 1, [&](Index begin, Index) {
    const int person = static_cast<int>(begin) / 6 + 1, view = static_cast<int>(begin) % 6 + 1;
    const Rng rng = Rng(seed).split(static_cast<std::uint64_t>(person));
    const PersonParameters who = random_person(rng.split(0));
    const SyntheticFace face =
        render_face(imm_view(who, view, rng.split(static_cast<std::uint64_t>(view))), width, height);
    const std::string name = message(person < 10 ? "0" : "", person, "-", view, who.female ? "f" : "m");
    write_jpeg(work.path() / (name + ".jpg"), face.image);
    write_asf(work.path() / (name + ".asf"),
              {transform(Affine::scale(1.0 / width, 1.0 / height), face.points58), name + ".jpg"});
    const std::lock_guard lock(progress_mutex);
    if (progress) progress(++done, total);
  });
  io::write_atomically(work.path() / synthetic::marker_name, content);
  work.rename_to_target();
  return true;
}

}  // namespace nasion::vision
