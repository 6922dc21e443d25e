#pragma once
// What the fuzzers share. A fuzzer defines fuzz::run(), which libFuzzer calls with one input after another: a file that
// a reader takes or refuses. Refusing means an IoError, ValueError or ShapeError of one line, not too long, that begins
// with the file's path. Another exception, a finding of a sanitizer, or memory out of proportion ends the fuzzer, and
// libFuzzer keeps the input.

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "nasion/core/error.hpp"
#include "nasion/io/io_error.hpp"

namespace fuzz {

/// What a fuzzer does with one input.
void run(std::string_view input);

template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (ok) return;
  ((std::cerr << "fuzz: ") << ... << parts) << std::endl;
  std::abort();
}

/// A folder of this process, in memory where the system has a place for that.
inline const std::filesystem::path& folder() {
  static const struct Folder {
    std::filesystem::path path;
    Folder() {
      const std::filesystem::path memory = "/dev/shm";
      std::error_code error;
      const bool has_memory = std::filesystem::is_directory(memory, error);
      std::string name = ((has_memory ? memory : std::filesystem::temp_directory_path()) / "fuzz-XXXXXX").string();
      require(::mkdtemp(name.data()) != nullptr, "cannot make the folder ", name);
      path = name;
    }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  } made;
  return made.path;
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  require(bool(file.flush()), "cannot write ", path);
}

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Counts the bytes of memory that are in use, and fills fresh memory with `fill` when that is not negative.
struct Memory {
  static inline std::ptrdiff_t live = 0, peak = 0;
  static inline int fill = -1;

  static void allocated(const volatile void* block, std::size_t size) {
    live += static_cast<std::ptrdiff_t>(size);
    peak = std::max(peak, live);
    // Larger blocks may be calloc()'s, which relies on the system's zeros; AddressSanitizer clears small ones later.
    constexpr std::size_t largest = 64 << 10;
    if (fill >= 0 && size <= largest) std::memset(const_cast<void*>(block), fill, size);
  }
  static void freed(const volatile void* block) {
    if (block) live -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(block));
  }
};

/// What the last call of read() refused with; empty when it read.
inline std::string& last_refusal() {
  static std::string message;
  return message;
}

inline void check_refusal(std::string_view message, const std::filesystem::path& file) {
  last_refusal() = message;
  constexpr std::size_t longest = 4096;
  require(message.size() < longest, "an error message of ", message.size(), " bytes: ", message.substr(0, 200));
  require(std::all_of(message.begin(), message.end(), [](unsigned char c) { return c >= ' ' && c != 0x7F; }),
          "an error message with control characters: ", message);
  require(message.starts_with(file.string()), "an error message that does not begin with the file: ", message);
}

/// Calls `read` for the file; nothing when it refuses. It may take 1 MB, 100 bytes for each of the file, and `extra`.
template <class Read>
auto read(const std::filesystem::path& file, Read&& reader, std::uint64_t extra = 0)
    -> std::optional<std::invoke_result_t<Read, const std::filesystem::path&>> {
  std::optional<std::invoke_result_t<Read, const std::filesystem::path&>> result;
  last_refusal().clear();
  const auto before = Memory::peak = Memory::live;
  try {
    result = std::invoke(reader, file);
  } catch (const nasion::IoError& error) {
    check_refusal(error.what(), file);
  } catch (const nasion::ValueError& error) {
    check_refusal(error.what(), file);
  } catch (const nasion::ShapeError& error) {
    check_refusal(error.what(), file);
  }
  const auto used = static_cast<std::uint64_t>(Memory::peak - before), size = std::filesystem::file_size(file);
  require(used <= (1 << 20) + 100 * size + extra, used, " bytes of memory for a file of ", size);
  return result;
}

/// The same for an input that becomes the file `name`.
template <class Read>
auto read(std::string_view input, const char* name, Read&& reader, std::uint64_t extra = 0) {
  const auto file = folder() / name;
  write_file(file, input);
  return read(file, reader, extra);
}

/// The file that `write` makes at the path it is given; nothing when the format cannot hold what is to be written.
template <std::invocable<const std::filesystem::path&> Write>
std::optional<std::filesystem::path> written(Write&& write) {
  auto file = folder() / "written";
  try {
    write(file);
  } catch (const nasion::ValueError&) {
    return std::nullopt;
  }
  return file;
}

/// Whether two tensors or vectors hold the same bits.
template <class Values>
bool same_bits(const Values& a, const Values& b) {
  const auto size = static_cast<std::size_t>(a.size());
  return a.size() == b.size() && (size == 0 || std::memcmp(a.data(), b.data(), size * sizeof *a.data()) == 0);
}

}  // namespace fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  return __sanitizer_install_malloc_and_free_hooks(fuzz::Memory::allocated, fuzz::Memory::freed) == 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
