#pragma once
// A folder of drawn people, as the IMM Face Database has it.

#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>

#include "nasion/core/parallel.hpp"
#include "nasion/faces/asf.hpp"
#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/synthetic/checks.hpp"
#include "nasion/faces/synthetic/linkage.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/temporary_folder.hpp"

namespace nasion::faces::synthetic {

inline constexpr std::string_view marker_name = "synthetic.txt";

/// Names the content of a folder of synthetic faces. The version goes up whenever the pictures change.
inline std::string marker(std::uint64_t seed, int persons, int width, int height) {
  return message("nasion synthetic faces, version 2\nseed ", seed, "\npersons ", persons, "\nsize ", width, " x ",
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

}  // namespace nasion::faces::synthetic

#ifdef NASION_FACES_INLINE

namespace nasion::faces {

NASION_FACES_INLINE bool write_synthetic_imm(const std::filesystem::path& folder, std::uint64_t seed, int persons,
                                             const SyntheticProgress& progress, int width, int height) {
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

  io::TemporaryFolder work(folder);
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
    vision::write_jpeg(work.path() / (name + ".jpg"), face.image);
    write_asf(work.path() / (name + ".asf"),
              {transform(vision::Affine::scale(1.0 / width, 1.0 / height), face.points58), name + ".jpg"});
    const std::lock_guard lock(progress_mutex);
    if (progress) progress(++done, total);
  });
  io::write_atomically(work.path() / synthetic::marker_name, content);
  work.rename_to_target();
  return true;
}

}  // namespace nasion::faces

#endif
