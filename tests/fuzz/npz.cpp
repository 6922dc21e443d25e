// NumPy's archives of arrays, as numbers and as integers: the same bits when written and read again.
#include "nasion/io/npz.hpp"
#include "sums.hpp"
#include "support.hpp"

namespace io = nasion::io;

void fuzz::run(std::string_view input) {
  constexpr std::uint64_t most = 1 << 20;  // bytes of arrays that an archive may unpack to here
  const auto read_one = [](const std::filesystem::path& path) { return io::read_npz<float>(path, most); };
  const auto arrays = read(input, "arrays.npz", read_one, 10 * most);
  read(
      input, "arrays.npz",
      [](const std::filesystem::path& path) {
        const io::NpzFile file(path, most);
        nasion::IntegerArray last;
        for (const auto& name : file.names()) last = file.integers(name);
        return last;
      },
      10 * most);
  if (!arrays) return;
  const auto file = folder() / "written";
  try {
    io::write_npz(file, *arrays);
  } catch (const nasion::IoError& error) {  // names that cannot be written
    return check_refusal(error.what(), file);
  }
  const auto again = read(
      file, [](const auto& path) { return io::read_npz<float>(path); }, 10 * most);
  require(again && again->size() == arrays->size(), "other arrays when written and read again");
  for (const auto& [name, x] : *arrays)
    require(again->contains(name) && again->at(name).shape() == x.shape() && same_bits(again->at(name), x),
            "another array when written and read again");
}

/// libFuzzer changes the bytes; then the checksums of the members fit again, mostly.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (seed % 8 != 0) fuzz::mend_zip_sums({data, size});
  return size;
}
