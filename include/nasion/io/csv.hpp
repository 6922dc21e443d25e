#pragma once
// Comma-separated values (RFC 4180): lines written so that they read back as the same values, files read strictly.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/io/text.hpp"

namespace nasion::io {

/// The shortest text that reads back as exactly this number; `nan`, `inf` and `-inf` in words.
template <class T>
requires(std::integral<T> || std::floating_point<T>) && (!std::same_as<T, bool>)std::string csv_field(T value) {
  if constexpr (std::floating_point<T>)
    if (std::isnan(value)) return "nan";
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// The text as it is, in quotes where a comma, a quote or a line end asks for them (RFC 4180), or a mark that would be
/// passed over.
inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos && without_marks(text) == text) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

/// One line, its end included: `csv_line("33-1m", 0.25, 7)` is "33-1m,0.25,7\n".
template <class First, class... Rest>
std::string csv_line(const First& first, const Rest&... rest) {
  return (csv_field(first) + ... + ("," + csv_field(rest))) + "\n";
}

/// A file with a header, record by record. Fields may be quoted; lines end in LF or CRLF, the last one perhaps not at
/// all; blank lines, a byte order mark at the beginning and Ctrl-Z at the end are passed over. Memory: the file's size,
/// and 32 bytes for each column.
class CsvReader {
 public:
  static constexpr std::size_t max_columns = 100'000;

  /// Reads the header. IoError when the file cannot be read, is larger than `max_bytes`, or has no header.
  CsvReader(std::filesystem::path path, std::uintmax_t max_bytes)
      : path_(std::move(path)), text_(read_file(path_, max_bytes)) {
    const auto body = without_marks(text_);
    at_ = static_cast<std::size_t>(body.data() - text_.data());
    text_.resize(at_ + body.size());
    if (!read_record()) fail("the file is empty");
    header_ = fields_;
  }
  CsvReader(const CsvReader&) = delete;  // the fields lie in its text
  CsvReader& operator=(const CsvReader&) = delete;

  /// Names of the columns, as the first line has them. The texts live as long as the reader.
  const std::vector<std::string_view>& header() const { return header_; }

  /// IoError unless the header is this one.
  void expect_header(const std::vector<std::string_view>& expected) const {
    if (header_ == expected) return;
    std::string text;
    for (const auto name : expected) text += (text.empty() ? "" : ",") + csv_field(name);
    fail("expected the header ", text);
  }

  /// Moves to the next record; false at the end. IoError naming file and line for text that is no CSV, and for more or
  /// fewer fields than the header has.
  bool next() {
    if (!read_record()) return false;
    if (fields_.size() != header_.size())
      fail("expected ", header_.size(), " fields as in the header, got ", fields_.size());
    return true;
  }

  /// Of the record, as many as the header has. The texts live as long as the reader.
  const std::vector<std::string_view>& fields() const { return fields_; }

  /// A field of the record as a number. IoError naming file, line and column when it is none, or not finite.
  template <class Number>
  Number number(std::size_t column) const {
    const auto value = parse_number<Number>(fields_.at(column));
    if (!value) fail(column_name(column), " is ", excerpt(fields_[column]), ", not a number");
    return *value;
  }

  /// The same; IoError also unless it is within [low, high].
  template <class Number>
  Number number_within(std::size_t column, Number low, Number high) const {
    const auto value = number<Number>(column);
    if (value < low || value > high)
      fail(column_name(column), " is ", excerpt(fields_[column]), ", but must be within ", low, " and ", high);
    return value;
  }

  /// Throws an IoError that names file and line of the record, with these parts as its words.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw IoError(path_.string() + ":" + std::to_string(line_), message(parts...));
  }

 private:
  bool read_record() {
    do {
      line_ = next_line_;
      if (at_ == text_.size()) return false;
      fields_.clear();
      do {
        if (fields_.size() == max_columns) fail("more than ", max_columns, " columns");
        fields_.push_back(read_field());
      } while (take(","));
      if (at_ < text_.size() && !take("\n") && !take("\r\n"))
        fail("expected a comma or the end of the line before ", excerpt(std::string_view(text_).substr(at_)));
      ++next_line_;
    } while (fields_.size() == 1 && fields_[0].empty());
    return true;
  }

  std::string_view read_field() {
    const bool quoted = take("\"");
    const std::size_t begin = at_;
    if (!quoted) {
      at_ = std::min(text_.find_first_of(",\"\r\n", at_), text_.size());
      return std::string_view(text_).substr(begin, at_ - begin);
    }
    std::size_t to = begin;  // where the next piece goes: pairs of quotes become one in place
    for (;;) {
      const auto end = text_.find('"', at_);
      if (end == text_.npos) fail("the quotes around ", excerpt(std::string_view(text_).substr(begin)), " do not end");
      std::char_traits<char>::move(text_.data() + to, text_.data() + at_, end - at_);
      to += end - at_;
      at_ = end + 1;
      if (!take("\"")) break;
      text_[to++] = '"';
    }
    const auto field = std::string_view(text_).substr(begin, to - begin);
    next_line_ += std::count(field.begin(), field.end(), '\n');
    return field;
  }

  /// For messages: as it is, but not too long, and on one line.
  std::string column_name(std::size_t column) const {
    const auto quoted = excerpt(header_[column]);
    return quoted.substr(1, quoted.size() - 2);
  }

  bool take(std::string_view token) {
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }

  std::filesystem::path path_;
  std::string text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1, next_line_ = 1;
  std::vector<std::string_view> header_, fields_;
};

}  // namespace nasion::io
