#pragma once
// The lines of a text file of points, for its readers: fields, and errors that name the line.

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/io/io_error.hpp"
#include "nasion/io/text.hpp"

namespace nasion::faces {
namespace detail {

/// The largest coordinate of an .asf file, in widths or heights of the image.
inline constexpr double max_relative = 1e6;

using io::excerpt;
using io::parse_number;

inline std::vector<std::string_view> split_fields(std::string_view line) {
  constexpr std::string_view blanks = " \t\r\f\v";
  std::vector<std::string_view> fields;
  for (;;) {
    const auto begin = line.find_first_not_of(blanks);
    if (begin == line.npos) return fields;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(blanks), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

/// The lines of a shape file that say something, and errors that name the line they are about. Lines end in LF, CRLF or
/// CR.
class ShapeLines {
 public:
  ShapeLines(std::filesystem::path path, std::string_view text)
      : path_(std::move(path)), rest_(io::without_marks(text)) {}

  /// Moves to the next line that is neither blank nor a comment; false at the end of the file.
  bool next() {
    while (!rest_.empty()) {
      line_ = rest_.substr(0, rest_.find_first_of("\r\n"));
      rest_.remove_prefix(line_.size());
      rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : rest_.empty() ? 0 : 1);
      ++number_;
      fields_ = split_fields(line_);
      if (!fields_.empty() && fields_[0][0] != '#') return true;
    }
    return false;
  }

  const std::vector<std::string_view>& fields() const { return fields_; }
  std::string_view line() const { return line_; }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw IoError(path_.string() + ":" + std::to_string(number_), message(parts...));
  }

 private:
  std::filesystem::path path_;
  std::string_view rest_, line_;
  std::vector<std::string_view> fields_;
  int number_ = 0;
};

inline std::string_view trimmed(std::string_view line) {
  constexpr std::string_view blanks = " \t\r\f\v";
  const auto begin = std::min(line.find_first_not_of(blanks), line.size());
  return line.substr(begin, line.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace detail

}  // namespace nasion::faces
