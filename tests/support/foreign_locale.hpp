#pragma once
// What a program of a German user has set: digits in groups and a decimal comma.

#include <clocale>
#include <locale>
#include <string>

namespace test {

/// While alive, C++ streams write 1.234,5, and so do C's functions where such a locale is installed.
class ForeignLocale {
 public:
  ForeignLocale() : cpp_(std::locale::global(std::locale(std::locale::classic(), new Numbers))), c_(current()) {
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
      if (std::setlocale(LC_ALL, name)) break;
  }
  ForeignLocale(const ForeignLocale&) = delete;
  ForeignLocale& operator=(const ForeignLocale&) = delete;
  ~ForeignLocale() {
    std::locale::global(cpp_);
    std::setlocale(LC_ALL, c_.c_str());
  }

 private:
  struct Numbers : std::numpunct<char> {
    std::string do_grouping() const override { return "\1"; }  // so that numbers of two digits show it
    char do_thousands_sep() const override { return '.'; }
    char do_decimal_point() const override { return ','; }
    std::string do_truename() const override { return "wahr"; }
  };
  static std::string current() { return std::setlocale(LC_ALL, nullptr); }

  std::locale cpp_;
  std::string c_;
};

/// What `write()` returns must not depend on the locale.
template <class Write>
auto in_foreign_locale(Write&& write) {
  const ForeignLocale foreign;
  return write();
}

}  // namespace test
