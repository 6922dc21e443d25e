// Files of tensors, as float and double: the same bits when written and read again; and their texts alone. A file that
// was written is refused when one bit of it has changed.
#include "nasion/io/safetensors.hpp"
#include "support.hpp"
#include "tensor_file.hpp"

namespace io = nasion::io;

namespace {

/// Changes a bit of the file that depends on its content.
void flip_bit(const std::filesystem::path& file) {
  std::string bytes = fuzz::file_text(file);
  const std::size_t bit = std::hash<std::string>()(bytes) % (8 * bytes.size());
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  fuzz::write_file(file, bytes);
}

template <class T>
void tensors(std::string_view input) {
  const auto read_any = [](const auto& path) { return io::read_safetensors<T>(path, {.verify = false}); };
  const auto read_verified = [](const auto& path) { return io::read_safetensors<T>(path); };
  auto file = fuzz::read(input, "model.safetensors", read_any);
  const auto metadata = fuzz::read(fuzz::folder() / "model.safetensors",
                                   [](const auto& path) { return io::read_metadata(path, {.verify = false}); });
  fuzz::read(fuzz::folder() / "model.safetensors", read_verified);
  if (!file) return;
  fuzz::require(metadata == file->metadata, "other texts when read alone");
  file->unread.clear();  // cannot be written
  const auto copy = fuzz::folder() / "written";
  io::write_safetensors(copy, *file);
  const auto again = fuzz::read(copy, read_verified);
  fuzz::require(again && again->metadata == file->metadata && again->integers == file->integers &&
                    again->state.tensors.size() == file->state.tensors.size() &&
                    again->state.counters.size() == file->state.counters.size(),
                "other content when written and read again");
  for (const auto& [name, x] : file->state.tensors)
    fuzz::require(again->tensor(name).shape() == x.shape() && fuzz::same_bits(again->tensor(name), x),
                  "another tensor when written and read again: ", name);
  flip_bit(copy);
  fuzz::require(!fuzz::read(copy, read_verified), "a changed bit went unnoticed");
}

}  // namespace

void fuzz::run(std::string_view input) {
  tensors<float>(input);
  tensors<double>(input);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate_tensor_file(data, size, most, seed);
}
