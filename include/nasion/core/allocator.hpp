#pragma once
// Memory for tensors. Memory fresh from the system costs a page fault for every 4 KiB, which is more than many kernels
// take, so freed blocks are kept: small ones in lists by size, large ones as parts of segments, where free neighbours
// become one and serve a block of any size.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "nasion/core/fork.hpp"

namespace nasion {

/// Bytes held by tensors now and at most so far, bytes kept for reuse, and how many blocks took memory from the system
/// because what was kept did not serve.
struct MemoryStats {
  std::size_t in_use = 0, peak = 0, cached = 0, system_allocations = 0;
};

namespace detail {

/// AddressSanitizer sees a wrong access only when every block is the system's own, and of exactly the size asked for.
inline constexpr bool caches_memory =
#if defined(__SANITIZE_ADDRESS__)
    false;
#elif defined(__has_feature)
    !__has_feature(address_sanitizer);
#else
    true;
#endif

/// std::bad_alloc when the system refuses. (Sanitizers end the process where operator new would throw.)
inline std::byte* from_system(std::size_t size, std::align_val_t alignment) {
  void* const memory = ::operator new(size, alignment, std::nothrow);
  if (!memory) throw std::bad_alloc();
  return static_cast<std::byte*>(memory);
}

/// Address space from the system that blocks are cut from, each at the lowest place where it fits: so what is in use
/// stays together, and the far end, never written to, costs nothing.
class Segment {
 public:
  static constexpr std::size_t granule = std::size_t{64} << 10;  // of all sizes: whole pages on any system
  // A huge page of x86 and, where pages are 4 KiB, of Arm.
  static constexpr std::align_val_t alignment{std::size_t{2} << 20};

  /// std::bad_alloc when the system refuses.
  explicit Segment(std::size_t size)
      : memory_(from_system(size, alignment)), end_(memory_.get() + size), free_{{memory_.get(), memory_.get(), end_}} {
#ifdef MADV_HUGEPAGE
    // Fewer page faults, and address translation that is found. Only a wish: it may be refused.
    static_cast<void>(madvise(memory_.get(), size, MADV_HUGEPAGE));
#endif
  }

  bool contains(const std::byte* block) const { return memory_.get() <= block && block < end_; }
  bool empty() const { return blocks_ == 0; }
  /// Free bytes that were used before.
  std::size_t cached() const {
    std::size_t sum = 0;
    for (const auto& range : free_) sum += range.cached();
    return sum;
  }

  /// Null when no free range is large enough: its used part, or with `fresh` all of it.
  std::byte* allocate(std::size_t size, bool fresh) {
    free_.reserve(std::bit_ceil(blocks_ + 2));  // ranges between blocks: deallocate() will not need memory
    const auto range = std::find_if(free_.begin(), free_.end(), [&](const Range& r) {
      return static_cast<std::size_t>((fresh ? r.end : r.used) - r.begin) >= size;
    });
    if (range == free_.end()) return nullptr;
    std::byte* const block = range->begin;
    range->begin += size;
    range->used = std::max(range->used, range->begin);
    if (range->begin == range->end) free_.erase(range);
    ++blocks_;
    return block;
  }

  void deallocate(std::byte* block, std::size_t size) noexcept {
    --blocks_;
    Range range{block, block + size, block + size};
    auto next = std::partition_point(free_.begin(), free_.end(), [&](const Range& r) { return r.begin < block; });
    if (next != free_.end() && next->begin == range.end) {
      range.used = next->used;
      range.end = next->end;
      next = free_.erase(next);
    }
    if (next != free_.begin() && std::prev(next)->end == block) {
      std::prev(next)->used = range.used;
      std::prev(next)->end = range.end;
    } else {
      free_.insert(next, range);
    }
  }

  /// Gives about `bytes` of free memory back, where the system takes pages, and tells how many.
  std::size_t give_back([[maybe_unused]] std::size_t bytes) noexcept {
    const std::size_t before = cached();
#ifdef __linux__
    bytes = std::min(before, (bytes + granule - 1) / granule * granule);
    for (auto range = free_.rbegin(); range != free_.rend() && bytes > 0; ++range) {
      const std::size_t some = std::min(bytes, range->cached());
      if (some == 0 || madvise(range->used - some, some, MADV_DONTNEED) != 0) continue;
      range->used -= some;
      bytes -= some;
    }
#endif
    return before - cached();
  }

 private:
  struct Range {
    std::byte *begin, *used, *end;  // the system holds no pages from `used` on
    std::size_t cached() const { return static_cast<std::size_t>(used - begin); }
  };
  struct Delete {
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };

  std::unique_ptr<std::byte, Delete> memory_;
  std::byte* end_;
  std::vector<Range> free_;  // by address, with a block in use between any two
  std::size_t blocks_ = 0;   // in use
};

/// Thread-safe; keeps up to `limit` bytes of freed blocks.
class CachingAllocator {
 public:
  static constexpr std::align_val_t alignment{64};
  static constexpr std::uint64_t address_space = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t largest_small = std::size_t{256} << 10;
  static constexpr std::size_t segment_size = std::min(std::uint64_t{256} << 20, address_space / 64 + 1);

  /// One for the process. Never destroyed, so that tensors in static variables may outlive everything else.
  static CachingAllocator& instance() {
    static auto* allocator = new CachingAllocator;
    keep_over_fork<mutex_of_instance>();
    return *allocator;
  }

  /// `bytes` rounded up, by a quarter at most: to one of four steps per power of two, so that lists are few, or to
  /// granules of segments.
  static std::size_t block_size(std::size_t bytes) {
    if (!caches_memory) return bytes;
    if (bytes <= 256) return 256;
    const std::size_t step = bytes <= largest_small ? std::bit_floor(bytes - 1) / 4 : Segment::granule;
    return (bytes + step - 1) / step * step;
  }

  /// A block of a block_size(), 64-byte aligned.   std::bad_alloc when the system has no more.
  void* allocate(std::size_t size) {
    const std::lock_guard lock(mutex_);
    void* const block = is_small(size) ? allocate_small(size) : allocate_large(size);
    stats_.in_use += size;
    stats_.peak = std::max(stats_.peak, stats_.in_use);
    return block;
  }

  void deallocate(void* block, std::size_t size) noexcept {
    const std::lock_guard lock(mutex_);
    stats_.in_use -= size;
    if (is_small(size))
      deallocate_small(block, size);
    else
      deallocate_large(static_cast<std::byte*>(block), size);
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    shrink(0);
  }

  void set_limit(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    limit_ = bytes;
    shrink(limit_);
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
  static std::mutex& mutex_of_instance() { return instance().mutex_; }
  static bool is_small(std::size_t size) { return size <= largest_small || !caches_memory; }

  void* allocate_small(std::size_t size) {
    if (const auto list = lists_.find(size); list != lists_.end() && !list->second.empty()) {
      void* const block = list->second.back();
      list->second.pop_back();
      stats_.cached -= size;
      return block;
    }
    void* block = nullptr;
    try {
      block = from_system(size, alignment);
    } catch (const std::bad_alloc&) {
      shrink(0);
      block = from_system(size, alignment);
    }
    ++stats_.system_allocations;
    return block;
  }

  void deallocate_small(void* block, std::size_t size) noexcept {
    if (caches_memory && stats_.cached + size <= limit_) {
      try {
        lists_[size].push_back(block);
        stats_.cached += size;
        return;
      } catch (...) {  // no memory for the list: give the block back instead
      }
    }
    ::operator delete(block, alignment);
  }

  void* allocate_large(std::size_t size) {
    for (const bool fresh : {false, true})
      for (auto& segment : segments_)
        if (void* const block = allocate_from(segment, size, fresh)) return block;
    try {
      segments_.emplace_back(std::max(size, segment_size));
    } catch (const std::bad_alloc&) {
      shrink(0);
      segments_.emplace_back(size);
    }
    return allocate_from(segments_.back(), size, true);
  }

  void* allocate_from(Segment& segment, std::size_t size, bool fresh) {
    const std::size_t before = segment.cached();
    void* const block = segment.allocate(size, fresh);
    if (!block) return nullptr;
    stats_.cached -= before - segment.cached();
    stats_.system_allocations += fresh;
    return block;
  }

  void deallocate_large(std::byte* block, std::size_t size) noexcept {
    auto segment = segments_.begin();
    while (!segment->contains(block)) ++segment;
    stats_.cached -= segment->cached();
    segment->deallocate(block, size);
    stats_.cached += segment->cached();
    shrink(limit_);
  }

  /// Gives memory back until at most `limit` bytes are kept; where the system takes only whole segments, what lies
  /// between blocks in use stays.
  void shrink(std::size_t limit) noexcept {
    for (auto segment = segments_.end(); segment != segments_.begin() && stats_.cached > limit;) {
      --segment;
      stats_.cached -= segment->give_back(stats_.cached - limit);
      if (!segment->empty() || (segment->cached() > 0 && stats_.cached <= limit)) continue;
      stats_.cached -= segment->cached();
      segment = segments_.erase(segment);
    }
    if (stats_.cached <= limit) return;
    for (auto& [size, list] : lists_) {
      for (void* block : list) ::operator delete(block, alignment);
      stats_.cached -= size * list.size();
      list.clear();
    }
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> lists_;  // of small blocks, by size
  std::vector<Segment> segments_;                              // for large ones
  MemoryStats stats_;
  std::size_t limit_ = std::min(std::uint64_t{4} << 30, address_space / 4);
};

}  // namespace detail

/// What tensors hold and what is kept for reuse, in bytes.
inline MemoryStats memory_stats() { return detail::CachingAllocator::instance().stats(); }
/// Gives what is kept for reuse back to the system (all of it on Linux, elsewhere what no tensor lies in between).
inline void release_memory_cache() { detail::CachingAllocator::instance().clear(); }
/// Most bytes to keep for reuse (4 GiB unless set, 1 GiB on a 32-bit processor); 0 keeps none.
inline void set_memory_cache_limit(std::size_t bytes) { detail::CachingAllocator::instance().set_limit(bytes); }
/// Starts a new measurement of `MemoryStats::peak`.
inline void reset_peak_memory() { detail::CachingAllocator::instance().reset_peak(); }

}  // namespace nasion
