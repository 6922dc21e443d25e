#pragma once
// The memory behind tensors.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "nasion/core/allocator.hpp"

namespace nasion {

/// An uninitialised block, 64-byte aligned, or somebody else's memory. It counts its modifications: autograd refuses to
/// use a changed value. What can be written without that count, because others own it or hold a pointer to it, is
/// shared.
class Buffer {
 public:
  /// Uninitialised. std::bad_alloc when the system has no more.
  explicit Buffer(std::size_t bytes)
      : size_(detail::CachingAllocator::block_size(bytes)),
        data_(detail::CachingAllocator::instance().allocate(size_)) {}
  /// Memory that others own; `release` is called at the end.
  Buffer(void* data, std::function<void()> release)
      : size_(0), data_(data), release_(std::move(release)), shared_(true) {}
  ~Buffer() {
    if (release_)
      release_();
    else
      detail::CachingAllocator::instance().deallocate(data_, size_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  /// The first byte.
  void* data() const { return data_; }
  /// How often it was modified.
  std::uint64_t version() const { return version_; }
  /// To be called by whoever writes: counts a modification, and forgets what was derived from the old numbers.
  void modified() {
    ++version_;
    if (derived_.empty()) return;
    const std::lock_guard lock(derived_mutex());
    derived_.clear();
  }
  /// Whether somebody may write here without modified().
  bool shared() const { return shared_; }
  /// From now on somebody may write here at any time. Thread-safe.
  void share() {
    if (shared_) return;
    const std::lock_guard lock(derived_mutex());
    shared_ = true;
    derived_.clear();
  }

  /// What a derived value is, and all that it depends on besides the numbers here.
  using Key = std::array<std::int64_t, 9>;
  /// What `make` computes from the numbers here (a shared_ptr), kept under `key` until they change; not kept where a
  /// change would not be seen. Thread-safe.
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
    if (!shared_) derived_.emplace_back(key, made);
    return made;
  }

 private:
  static std::mutex& derived_mutex() {  // one for all: it is held for a look at a short list
    static std::mutex mutex;
    detail::CachingAllocator::instance();  // its lock is taken while this one is held
    detail::keep_over_fork<derived_mutex>();
    return mutex;
  }

  std::size_t size_;
  void* data_;
  std::function<void()> release_;  // empty for the allocator's own memory
  std::uint64_t version_ = 0;
  std::atomic<bool> shared_ = false;
  std::vector<std::pair<Key, std::shared_ptr<const void>>> derived_;
};

}  // namespace nasion
