#pragma once
// Names for what is written before it takes its place: `NAME.MACHINE-PROCESS-N.tmp`, of which no two writers get the
// same.

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "nasion/io/system_file.hpp"

namespace nasion::io::detail {

/// Eight digits for the machine that this process runs on.
inline std::string this_machine() {
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x",
                static_cast<unsigned>(std::hash<std::string_view>{}(machine_name()) & 0xFFFFFFFF));
  return digits;
}

/// What the names of temporary files of `target` begin with. Some are as long as a name may be.
inline std::string temporary_stem(const std::filesystem::path& target) {
  return target.filename().string().substr(0, 200) + '.';
}

/// Another path next to `target` at each call. A killed process of the same number may have left something there.
inline std::filesystem::path temporary_path(const std::filesystem::path& target) {
  static std::atomic<unsigned> counter{0};
  return target.parent_path() / (temporary_stem(target) + this_machine() + '-' + std::to_string(process_number()) +
                                 '-' + std::to_string(counter++) + ".tmp");
}

/// Whether `name` is that of a temporary file of a target whose stem is `stem`, or of any when that is empty.
inline bool is_temporary_name(std::string_view name, std::string_view stem) {
  const auto take_last = [&](std::string_view digits, std::size_t least, char before) {
    const auto end = name.find_last_not_of(digits);
    if (end == name.npos || name[end] != before || name.size() - end - 1 < least) return false;
    name = name.substr(0, end);
    return true;
  };
  constexpr std::string_view decimal = "0123456789", hexadecimal = "0123456789abcdef", ending = ".tmp";
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  return take_last(decimal, 1, '-') && take_last(decimal, 1, '-') && take_last(hexadecimal, 8, '.') &&
         (stem.empty() || name == stem.substr(0, stem.size() - 1));
}

}  // namespace nasion::io::detail
