#pragma once
// Text from outside, such as file names, made safe for where it goes: a JSON file, a shell. For a terminal there is
// nasion::printable.

#include <string>
#include <string_view>

namespace lab {

/// The text with U+FFFD for each byte that is no UTF-8: JSON has no other characters.
std::string valid_utf8(std::string_view text);

/// The text as one word of a command, quoted for a shell where it needs to be.
std::string shell_word(std::string_view text);

}  // namespace lab
