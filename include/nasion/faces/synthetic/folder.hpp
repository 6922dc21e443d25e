#pragma once
// Folders of drawn people, as the IMM Face Database and 300-W have them.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>

#include "nasion/core/parallel.hpp"
#include "nasion/faces/asf.hpp"
#include "nasion/faces/pts.hpp"
#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/synthetic/checks.hpp"
#include "nasion/faces/synthetic/linkage.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/temporary_folder.hpp"

namespace nasion::faces::synthetic {

inline constexpr std::string_view marker_name = "synthetic.txt";

/// Names the content of a folder of synthetic faces. The version goes up whenever the pictures change.
inline std::string marker(std::uint64_t seed, std::string_view what, int count, int width, int height) {
  return message("nasion synthetic faces, version 2\nseed ", seed, "\n", what, " ", count, "\nsize ", width, " x ",
                 height, "\n");
}

inline std::string read_marker(const std::filesystem::path& folder) {
  std::error_code error;  // of a pipe, reading would wait for ever
  if (!std::filesystem::is_regular_file(folder / marker_name, error)) return "";
  std::ifstream file(folder / marker_name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::ptrdiff_t files_in(const std::filesystem::path& folder) {
  using Walk = std::filesystem::recursive_directory_iterator;
  return std::count_if(Walk(folder), Walk(), [](const auto& entry) { return !entry.is_directory(); });
}

/// Makes a folder of `total` photos, each with a file of points: write(path of the folder to be, index) writes the two.
/// Whole, once, and never over something else, see write_synthetic_imm().
template <class Write>
bool write_folder(const std::filesystem::path& folder, const std::string& content, int total,
                  const SyntheticProgress& progress, Write&& write) {
  const std::string present = read_marker(folder);
  if (present == content && files_in(folder) >= 2 * total + 1) return false;
  std::error_code error;
  if (std::filesystem::exists(folder, error)) {
    if (!std::filesystem::is_directory(folder, error)) throw IoError(folder, "is there already and is not a folder");
    if (present.empty() && !std::filesystem::is_empty(folder, error))
      throw IoError(folder, "is there already and holds something other than synthetic faces");
  }
  io::TemporaryFolder work(folder);
  std::mutex progress_mutex;
  int done = 0;
  parallel_for(total, 1, [&](Index begin, Index) {
    write(work.path(), static_cast<int>(begin));
    const std::lock_guard lock(progress_mutex);
    if (progress) progress(++done, total);
  });
  io::write_atomically(work.path() / marker_name, content);
  work.rename_to_target();
  return true;
}

}  // namespace nasion::faces::synthetic

#ifdef NASION_FACES_INLINE

namespace nasion::faces {

NASION_FACES_INLINE bool write_synthetic_imm(const std::filesystem::path& folder, std::uint64_t seed, int persons,
                                             const SyntheticProgress& progress, int width, int height) {
  check<ValueError>(persons >= 1 && persons <= 99, "[write_synthetic_imm] persons must be in 1 ... 99, got ", persons);
  synthetic::check_picture_size("write_synthetic_imm", width, height);
  const auto content = synthetic::marker(seed, "persons", persons, width, height);
  const auto write = [&](const std::filesystem::path& work, int index) {
    const int person = index / 6 + 1, view = index % 6 + 1;
    const Rng rng = Rng(seed).split(static_cast<std::uint64_t>(person));
    const PersonParameters who = random_person(rng.split(0));
    const SyntheticFace face =
        render_face(imm_view(who, view, rng.split(static_cast<std::uint64_t>(view))), width, height);
    const std::string name = message(person < 10 ? "0" : "", person, "-", view, who.female ? "f" : "m");
    vision::write_jpeg(work / (name + ".jpg"), face.image);
    write_asf(work / (name + ".asf"),
              {transform(vision::Affine::scale(1.0 / width, 1.0 / height), face.points58), name + ".jpg"});
  };
  return synthetic::write_folder(folder, content, 6 * persons, progress, write);
}

NASION_FACES_INLINE bool write_synthetic_w300(const std::filesystem::path& folder, std::uint64_t seed, int faces,
                                              const SyntheticProgress& progress, int width, int height) {
  check<ValueError>(faces >= 10 && faces <= 999'999, "[write_synthetic_w300] faces must be in 10 ... 999999, got ",
                    faces);
  synthetic::check_picture_size("write_synthetic_w300", width, height);
  const auto content = synthetic::marker(seed, "faces", faces, width, height);
  const auto write = [&](const std::filesystem::path& work, int index) {
    const auto set = work / (index % 10 == 9 ? "lfpw/testset" : "afw");
    std::filesystem::create_directories(set);
    const SyntheticFace face = random_face(Rng(seed).split(static_cast<std::uint64_t>(index))(), width, height);
    const std::string number = std::to_string(1'000'000 + index).substr(1), name = number + "_1";
    vision::write_jpeg(set / (name + ".jpg"), face.image);
    write_pts(set / (name + ".pts"), face.points68);
  };
  return synthetic::write_folder(folder, content, faces, progress, write);
}

}  // namespace nasion::faces

#endif
