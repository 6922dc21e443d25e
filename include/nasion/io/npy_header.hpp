#pragma once
// The header of a .npy file: what numbers follow, and in which shape. Everything in it is checked before it is
// believed. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nasion/core/shape.hpp"
#include "nasion/io/io_error.hpp"

namespace nasion::io::detail {

/// Text from a file as part of an error message: on one line, not too long.
inline std::string printable(std::string_view text) {
  constexpr std::size_t most = 100;
  std::string line(text.substr(0, most));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return '"' + line + (text.size() > most ? "\"..." : "\"");
}

struct NpyHeader {
  static constexpr std::string_view magic = "\x93NUMPY";
  static constexpr std::size_t max_size = 65536;  // bytes of its text

  char kind = 0;  // f, i, u or b (bool)
  std::uint64_t item_size = 0;
  bool fortran_order = false;  // the first index is the fastest
  Shape shape;
};

/// The error of an array that holds no numbers: texts, objects, dates or records.
struct NotNumeric : IoError {
  using IoError::IoError;
};

/// Reads the text of a header, a Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
class NpyHeaderParser {
 public:
  NpyHeaderParser(const std::filesystem::path& path, std::string_view text) : path_(path), rest_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    std::set<std::string, std::less<>> keys;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      if (!keys.emplace(key).second) fail("names " + printable(key) + " twice");
      expect(':');
      if (key == "descr")
        type(header);
      else if (key == "fortran_order")
        header.fortran_order = boolean();
      else if (key == "shape")
        header.shape = shape();
      else
        fail("has an unknown key " + printable(key));
      if (take('}')) break;
      expect(',');
    }
    skip_spaces();
    if (!rest_.empty()) fail("goes on after its end with " + printable(rest_));
    if (keys.size() != 3) fail("does not have descr, fortran_order and shape");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw IoError(path_, "the header " + what); }

  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  bool take(char c) {
    skip_spaces();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("lacks '" + std::string(1, c) + "' before " + printable(rest_));
  }
  std::string_view quoted() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const auto end = rest_.find(quote);
    if (end == std::string_view::npos) fail("has a text without an end");
    const auto text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    skip_spaces();
    const bool value = rest_.starts_with("True");
    if (!value && !rest_.starts_with("False")) fail("needs True or False before " + printable(rest_));
    rest_.remove_prefix(value ? 4 : 5);
    return value;
  }
  void type(NpyHeader& header) {
    if (take('[')) throw NotNumeric(path_, "the header describes records, which are not supported");
    const auto descr = quoted();
    static constexpr std::array<std::string_view, 12> known{"f2", "f4", "f8", "i1", "i2", "i4",
                                                            "i8", "u1", "u2", "u4", "u8", "b1"};
    const auto name = descr.substr(std::min<std::size_t>(1, descr.size()));
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string what =
          "has the dtype " + printable(descr) + ", which is not supported: f2, f4, f8, i1 to i8, u1 to u8 and bool are";
      if (name.empty() || std::string_view("USaOVMm").find(name[0]) == std::string_view::npos) fail(what);
      throw NotNumeric(path_, "the header " + what);
    }
    if (descr[0] == '>')
      fail("has the big-endian dtype " + printable(descr) + "; write the file with " +
           printable("<" + std::string(name)));
    header.kind = name[0];
    header.item_size = static_cast<std::uint64_t>(name[1] - '0');
    if (descr[0] != '<' && !(descr[0] == '|' && header.item_size == 1))
      fail("has the dtype " + printable(descr) + " without a byte order");
  }
  Shape shape() {
    expect('(');
    std::vector<Index> sizes;
    bool comma = true;
    while (!take(')')) {
      if (!comma) fail("lacks ',' in its shape before " + printable(rest_));
      skip_spaces();
      Index n = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), n);
      if (error != std::errc() || n < 0) fail("needs a size in its shape before " + printable(rest_));
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      if (sizes.size() == max_rank) fail(message("has a shape of more than ", max_rank, " dimensions"));
      sizes.push_back(n);
      comma = take(',');
    }
    if (sizes.size() == 1 && !comma) fail("has a number as its shape");  // (3) is not (3,)
    try {
      return Shape(std::span<const Index>(sizes));
    } catch (const ShapeError& error) {
      fail(message("has an impossible shape: ", error.what()));
    }
  }

  const std::filesystem::path& path_;
  std::string_view rest_;
};

/// Takes the header off the beginning of a file's bytes, and checks that the numbers it promises are what is left.
inline NpyHeader take_npy_header(const std::filesystem::path& path, std::string_view& bytes) {
  constexpr std::size_t magic_size = NpyHeader::magic.size();
  if (!bytes.starts_with(NpyHeader::magic) || bytes.size() < magic_size + 4) throw IoError(path, "is not a .npy file");
  const int major = bytes[magic_size], minor = bytes[magic_size + 1];
  if (major < 1 || major > 3 || minor != 0)
    throw IoError(path, message("has version ", major, ".", minor, " of the .npy format, not 1.0, 2.0 or 3.0"));
  const std::size_t width = major == 1 ? 2 : 4, begin = magic_size + 2 + width;
  std::uint32_t size = 0;
  if (bytes.size() >= begin) std::memcpy(&size, bytes.data() + begin - width, width);
  if (bytes.size() < begin || size > bytes.size() - begin) throw IoError(path, "ends within its header");
  if (size > NpyHeader::max_size)
    throw IoError(path, message("has a header of ", size, " bytes, the limit is ", NpyHeader::max_size));
  const auto header = NpyHeaderParser(path, bytes.substr(begin, size)).parse();
  bytes.remove_prefix(begin + size);
  const auto promised = static_cast<std::uint64_t>(header.shape.size()) * header.item_size;
  if (bytes.size() != promised)
    throw IoError(path, message("holds ", bytes.size(), " bytes of numbers, but ", header.shape, " of ", header.kind,
                                header.item_size, " are ", promised));
  return header;
}

/// What comes before the numbers in version 1.0, padded so that they begin at a multiple of 64. NumPy leaves room for
/// the first size to grow, and so does this: the same array gives the same bytes.
inline std::string npy_header_text(std::string_view descr, const Shape& shape) {
  constexpr std::size_t widest = 21;
  std::string sizes;
  for (const Index n : shape) (sizes += sizes.empty() ? "" : ", ") += std::to_string(n);
  if (shape.rank() == 1) sizes += ',';
  std::string text = message("{'descr': '", descr, "', 'fortran_order': False, 'shape': (", sizes, "), }");
  if (shape.rank() > 0) text.append(widest - std::to_string(shape[0]).size(), ' ');
  text.append((64 - (NpyHeader::magic.size() + 5 + text.size()) % 64) % 64, ' ');
  text += '\n';
  const char head[] = {1, 0, static_cast<char>(text.size() & 0xFF), static_cast<char>(text.size() >> 8)};
  return std::string(NpyHeader::magic) + std::string(head, sizeof head) + text;
}

}  // namespace nasion::io::detail
