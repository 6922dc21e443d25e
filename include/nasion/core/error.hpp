#pragma once
// Errors and the check that raises them. Messages name the operation, the roles and both shapes.

#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

namespace nasion {

/// Sizes that do not fit together: `[conv2d] input [2, 3, 8, 8] has 3 channels but weight ...`.
struct ShapeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// A value outside its allowed range, or a call out of order.
struct ValueError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// The parts streamed one after another into a string, numbers as in the C locale whatever the program has set: files
/// are written with it, too.
template <class... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

namespace detail {
// Apart from check(), so that the passing path holds one test and one never-taken call.
template <class Error, class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(message(parts...));
}
}  // namespace detail

/// Throws `Error` with the parts as message unless `ok`. Always on, also in Release; the message is built only on
/// failure.
template <class Error = ShapeError, class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    detail::fail<Error>(parts...);
}

/// Checks in the name of an operation or a module, with which its messages begin: `[Conv2d] in 0 must be positive`.
class Checker {
 public:
  /// `name` must outlive the checker.
  explicit Checker(const char* name) : name_(name) {}
  /// As given.
  const char* name() const { return name_; }
  /// As nasion::check, with "[name] " before the message.
  template <class Error = ShapeError, class... Parts>
  void check(bool ok, const Parts&... parts) const {
    if (!ok) [[unlikely]]
      detail::fail<Error>("[", name_, "] ", parts...);
  }

 private:
  const char* name_;
};

}  // namespace nasion
