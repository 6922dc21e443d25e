// NumPy's arrays, as float, double and integers: the same bits when written and read again.
#include "nasion/io/npy.hpp"
#include "support.hpp"

namespace io = nasion::io;

namespace {

template <class T>
void numbers(std::string_view input) {
  const auto x = fuzz::read(input, "array.npy", io::read_npy<T>);
  if (!x) return;
  const auto file = fuzz::written([&](const auto& to) { io::write_npy(to, *x); });
  const auto again = fuzz::read(*file, io::read_npy<T>);
  fuzz::require(again && again->shape() == x->shape() && fuzz::same_bits(*again, *x),
                "another array when written and read again");
}

}  // namespace

void fuzz::run(std::string_view input) {
  numbers<float>(input);
  numbers<double>(input);
  const auto integers = read(input, "array.npy", io::read_npy_integers);
  if (!integers) return;
  const auto file = written([&](const auto& to) { io::write_npy(to, *integers); });
  require(read(*file, io::read_npy_integers) == integers, "other integers when written and read again");
}
