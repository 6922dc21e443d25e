#pragma once
// Text made safe for a page, and the one style sheet of the reports.

#include <string>
#include <string_view>

namespace lab {

/// The text for use between tags and in attributes. Bytes that are no UTF-8 become U+FFFD, control characters spaces.
std::string escape_html(std::string_view text);

extern const std::string_view style_sheet;

}  // namespace lab
