#pragma once
// Memory for tensors: 64-byte aligned blocks from a caching allocator, because a fresh large block from the system
// costs a page fault for every 4 KiB, which is more than many kernels take.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nasion {

/// Bytes held by tensors now and at most so far, bytes kept for reuse, and how many blocks the system was asked for.
struct MemoryStats {
  std::size_t in_use = 0, peak = 0, cached = 0, system_allocations = 0;
};

namespace detail {

/// Thread-safe; freed blocks wait in lists by size, up to `limit` bytes in all.
class CachingAllocator {
 public:
  static constexpr std::align_val_t alignment{64};

  /// One for the process. Never destroyed, so that tensors in static variables may outlive everything else.
  static CachingAllocator& instance() {
    static auto* allocator = new CachingAllocator;
    return *allocator;
  }

  /// `bytes` rounded up to one of four steps per power of two: few list lengths, at most a quarter wasted.
  static std::size_t block_size(std::size_t bytes) {
    if (bytes <= 256) return 256;
    const std::size_t step = std::bit_floor(bytes - 1) / 4;
    return (bytes + step - 1) / step * step;
  }

  /// std::bad_alloc when the system has no more.
  void* allocate(std::size_t size) {
    const std::lock_guard lock(mutex_);
    auto& list = free_[size];
    void* block = nullptr;
    if (!list.empty()) {
      block = list.back();
      list.pop_back();
      stats_.cached -= size;
    } else {
      block = ::operator new(size, alignment, std::nothrow);
      if (!block) {
        release();
        block = ::operator new(size, alignment, std::nothrow);
      }
      if (!block) throw std::bad_alloc();
      ++stats_.system_allocations;
    }
    stats_.in_use += size;
    stats_.peak = std::max(stats_.peak, stats_.in_use);
    return block;
  }

  void deallocate(void* block, std::size_t size) noexcept {
    const std::lock_guard lock(mutex_);
    stats_.in_use -= size;
    if (stats_.cached + size <= limit_) {
      try {
        free_[size].push_back(block);
        stats_.cached += size;
        return;
      } catch (...) {  // no memory for the list: give the block back instead
      }
    }
    ::operator delete(block, alignment);
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    release();
  }

  void set_limit(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    limit_ = bytes;
    if (stats_.cached > limit_) release();
  }

  MemoryStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.in_use;
  }

 private:
  void release() {
    for (auto& [size, list] : free_) {
      for (void* block : list) ::operator delete(block, alignment);
      list.clear();
    }
    stats_.cached = 0;
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;
  MemoryStats stats_;
  std::size_t limit_ = std::size_t{4} << 30;
};

}  // namespace detail

/// What tensors hold and what is kept for reuse, in bytes.
inline MemoryStats memory_stats() { return detail::CachingAllocator::instance().stats(); }
/// Gives all blocks kept for reuse back to the system.
inline void release_memory_cache() { detail::CachingAllocator::instance().clear(); }
/// Most bytes to keep for reuse (4 GiB unless set); 0 keeps none.
inline void set_memory_cache_limit(std::size_t bytes) { detail::CachingAllocator::instance().set_limit(bytes); }
/// Starts a new measurement of `MemoryStats::peak`.
inline void reset_peak_memory() { detail::CachingAllocator::instance().reset_peak(); }

/// An uninitialised block, 64-byte aligned, that counts its modifications: autograd refuses to use a changed value.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes)
      : size_(detail::CachingAllocator::block_size(bytes)),
        data_(detail::CachingAllocator::instance().allocate(size_)) {}
  ~Buffer() { detail::CachingAllocator::instance().deallocate(data_, size_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() const { return data_; }
  std::uint64_t version() const { return version_; }
  void modified() {
    ++version_;
    if (derived_.empty()) return;
    const std::lock_guard lock(derived_mutex());
    derived_.clear();
  }

  /// What `make` computes from the numbers here (a shared_ptr), kept under `key` until they change. Thread-safe.
  using Key = std::array<std::int64_t, 8>;
  template <class V, class Make>
  std::shared_ptr<const V> derived(const Key& key, Make&& make) {
    const auto find = [&]() -> std::shared_ptr<const V> {
      for (const auto& [k, value] : derived_)
        if (k == key) return std::static_pointer_cast<const V>(value);
      return nullptr;
    };
    {
      const std::lock_guard lock(derived_mutex());
      if (auto found = find()) return found;
    }
    std::shared_ptr<const V> made = make();
    const std::lock_guard lock(derived_mutex());
    if (auto found = find()) return found;  // of another thread
    derived_.emplace_back(key, made);
    return made;
  }

 private:
  static std::mutex& derived_mutex() {  // one for all: it is held for a look at a short list
    static std::mutex mutex;
    return mutex;
  }

  std::size_t size_;
  void* data_;
  std::uint64_t version_ = 0;
  std::vector<std::pair<Key, std::shared_ptr<const void>>> derived_;
};

}  // namespace nasion
