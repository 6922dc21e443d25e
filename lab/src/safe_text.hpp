#pragma once
// Text from outside, such as file names, made safe for where it goes: a terminal, a JSON file, a shell.

#include <cstddef>
#include <string>
#include <string_view>

namespace lab {

/// Bytes of the UTF-8 character that a text, which is not empty, begins with; 0 when it begins with none.
std::size_t utf8_length(std::string_view text);

/// The text with U+FFFD for each byte that is no UTF-8: JSON has no other characters.
std::string valid_utf8(std::string_view text);

/// For a terminal: line ends and other control characters, also those that turn the direction of writing, as spaces,
/// runs of them as one; bytes that are no UTF-8 as U+FFFD. What is beyond some thousand bytes is left out.
std::string one_line(std::string_view text);

/// The text as one word of a command, quoted for a shell where it needs to be.
std::string shell_word(std::string_view text);

}  // namespace lab
