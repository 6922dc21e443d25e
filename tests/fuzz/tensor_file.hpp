#pragma once
// Changes to files of tensors that keep them readable: libFuzzer does not guess the length at their beginning.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

/// Of libFuzzer: changes the bytes in place; returns how many there are then.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace fuzz {

/// Changes the header or the numbers of a safetensors file, and sets the length of the header; sometimes the bytes as
/// they come.
inline std::size_t mutate_tensor_file(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  std::uint64_t length = 0;
  constexpr std::size_t begin = sizeof length;
  if (size >= begin) std::memcpy(&length, data, begin);
  if (seed % 8 == 0 || size < begin || most <= size + begin || length > size - begin)
    return LLVMFuzzerMutate(data, size, most);
  if (seed % 8 < 3) {
    const auto header_end = begin + static_cast<std::size_t>(length);
    return header_end + LLVMFuzzerMutate(data + header_end, size - header_end, most - header_end);
  }
  std::string header(data + begin, data + begin + length);
  const std::string numbers(data + begin + length, data + size);
  header.resize(most - begin - numbers.size());
  length =
      LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(header.data()), static_cast<std::size_t>(length), header.size());
  std::memcpy(data, &length, begin);
  const auto at = std::copy_n(header.begin(), length, data + begin);
  return static_cast<std::size_t>(std::copy(numbers.begin(), numbers.end(), at) - data);
}

}  // namespace fuzz
