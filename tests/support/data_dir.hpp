#pragma once
// Where the real faces are, if they are there: the folder named by the environment variable NASION_DATA_DIR, with
// imm_face_db/, 300w/, dlib_xml/ and photos/ in it. Tests that need it carry the tag [data].

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace test {

inline std::optional<std::filesystem::path> data_dir() {
  const char* name = std::getenv("NASION_DATA_DIR");
  if (name == nullptr || !std::filesystem::is_directory(name)) return std::nullopt;
  return name;
}

}  // namespace test
