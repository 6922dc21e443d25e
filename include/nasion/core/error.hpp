#pragma once
// Errors and the check that raises them. Messages name the operation, the roles and both shapes.

#include <cstddef>
#include <initializer_list>
#include <locale>
#include <ostream>
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

namespace detail {

/// A part of a message without its type, so that what builds the message is compiled once, not once for each list of
/// types. It points to the part, which must outlive it.
struct Part {
  const void* value;
  void (*stream)(std::ostream&, const void*);

  template <class T>
  explicit Part(const T& part)
      : value(&part), stream([](std::ostream& out, const void* v) { out << *static_cast<const T*>(v); }) {}
  explicit Part(const char* text)
      : value(text), stream([](std::ostream& out, const void* v) { out << static_cast<const char*>(v); }) {}
  template <std::size_t N>
  explicit Part(const char (&text)[N]) : Part(static_cast<const char*>(text)) {}
  using Manipulator = std::ios_base&(std::ios_base&);  // such as std::fixed
  explicit Part(Manipulator& f)
      : value(reinterpret_cast<const void*>(&f)),
        stream([](std::ostream& out, const void* v) { out << *reinterpret_cast<Manipulator*>(const_cast<void*>(v)); }) {
  }
};

[[gnu::noinline]] inline std::string message_of(std::initializer_list<Part> parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  for (const Part& part : parts) part.stream(out, part.value);
  return out.str();
}

template <class Error>
[[noreturn, gnu::cold, gnu::noinline]] void fail_with(std::initializer_list<Part> parts) {
  throw Error(message_of(parts));
}

// Apart from check(), so that the passing path holds one test and one never-taken call.
template <class Error, class... Parts>
[[noreturn, gnu::cold]] void fail(const Parts&... parts) {
  fail_with<Error>({Part(parts)...});
}

}  // namespace detail

/// The parts streamed one after another into a string, numbers as in the C locale whatever the program has set: files
/// are written with it, too.
template <class... Parts>
std::string message(const Parts&... parts) {
  return detail::message_of({detail::Part(parts)...});
}

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
