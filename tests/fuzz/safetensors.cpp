// Files of tensors, as float and double: the same bits when written and read again; and their texts alone.
#include "nasion/io/safetensors.hpp"
#include "support.hpp"
#include "tensor_file.hpp"

namespace io = nasion::io;

namespace {

template <class T>
void tensors(std::string_view input) {
  const auto read_one = [](const std::filesystem::path& path) { return io::read_safetensors<T>(path); };
  const auto read_texts = [](const std::filesystem::path& path) { return io::read_metadata(path); };
  auto file = fuzz::read(input, "model.safetensors", read_one);
  const auto metadata = fuzz::read(fuzz::folder() / "model.safetensors", read_texts);
  if (!file) return;
  fuzz::require(metadata == file->metadata, "other texts when read alone");
  file->unread.clear();  // cannot be written
  const auto copy = fuzz::folder() / "written";
  io::write_safetensors(copy, *file);
  const auto again = fuzz::read(copy, read_one);
  fuzz::require(again && again->metadata == file->metadata && again->integers == file->integers &&
                    again->state.tensors.size() == file->state.tensors.size() &&
                    again->state.counters.size() == file->state.counters.size(),
                "other content when written and read again");
  for (const auto& [name, x] : file->state.tensors)
    fuzz::require(again->tensor(name).shape() == x.shape() && fuzz::same_bits(again->tensor(name), x),
                  "another tensor when written and read again: ", name);
}

}  // namespace

void fuzz::run(std::string_view input) {
  tensors<float>(input);
  tensors<double>(input);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate_tensor_file(data, size, most, seed);
}
