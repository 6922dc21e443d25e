#include "nasion/core/buffer.hpp"

#include <optional>
#include <thread>

#include "support/catch.hpp"

using namespace nasion;

namespace {
constexpr std::size_t mib = std::size_t{1} << 20;

struct RestoreLimit {
  ~RestoreLimit() { set_memory_cache_limit(std::size_t{4} << 30); }
};
}  // namespace

TEST_CASE("Block sizes hold the request and waste at most a quarter") {
  using detail::CachingAllocator;
  CHECK(CachingAllocator::block_size(0) == 256);
  CHECK(CachingAllocator::block_size(256) == 256);
  CHECK(CachingAllocator::block_size(257) == 320);
  CHECK(CachingAllocator::block_size(512) == 512);
  CHECK(CachingAllocator::block_size(mib) == mib);
  for (std::size_t bytes = 257; bytes < 100000; bytes += 13) {
    const std::size_t size = CachingAllocator::block_size(bytes);
    REQUIRE(size >= bytes);
    REQUIRE(size - bytes < bytes / 4 + 1);
    REQUIRE(size % 64 == 0);
    REQUIRE(CachingAllocator::block_size(size) == size);
  }
}

TEST_CASE("A freed block is used again") {
  release_memory_cache();
  const auto before = memory_stats();
  void* first = nullptr;
  {
    const Buffer a(3 * mib);
    first = a.data();
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
    CHECK(memory_stats().in_use == before.in_use + 3 * mib);
  }
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().cached == 3 * mib);
  {
    const Buffer b(3 * mib - 5);  // another request of the same block size
    CHECK(b.data() == first);
    CHECK(memory_stats().cached == 0);
    CHECK(memory_stats().system_allocations == before.system_allocations + 1);
  }
  release_memory_cache();
  CHECK(memory_stats().cached == 0);
}

TEST_CASE("The cache keeps its limit") {
  const RestoreLimit restore;
  release_memory_cache();
  set_memory_cache_limit(2 * mib);
  { const Buffer a(mib), b(mib), c(mib); }
  CHECK(memory_stats().cached == 2 * mib);
  set_memory_cache_limit(mib);
  CHECK(memory_stats().cached <= mib);
  set_memory_cache_limit(0);
  { const Buffer a(mib); }
  CHECK(memory_stats().cached == 0);
}

TEST_CASE("Statistics: the peak stays until it is reset") {
  release_memory_cache();
  reset_peak_memory();
  const auto before = memory_stats();
  CHECK(before.peak == before.in_use);
  { const Buffer a(4 * mib), b(mib); }
  CHECK(memory_stats().peak == before.in_use + 5 * mib);
  CHECK(memory_stats().in_use == before.in_use);
  reset_peak_memory();
  CHECK(memory_stats().peak == before.in_use);
}

TEST_CASE("A request that the system refuses throws and changes nothing") {
  const auto before = memory_stats();
  CHECK_THROWS_AS(Buffer(std::size_t{1} << 60), std::bad_alloc);
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().system_allocations == before.system_allocations);
}

TEST_CASE("Versions count modifications") {
  Buffer a(8);
  CHECK(a.version() == 0);
  a.modified();
  a.modified();
  CHECK(a.version() == 2);
}

TEST_CASE("Threads may allocate and free at once") {
  const RestoreLimit restore;
  set_memory_cache_limit(8 * mib);
  const auto before = memory_stats().in_use;
  {
    std::vector<std::jthread> threads;
    std::vector<int> wrong(4, 0);
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([t, &wrong] {
        for (std::size_t i = 0; i < 2000; ++i) {
          const std::size_t bytes = 256 * (1 + (i * 7 + t) % 50);
          Buffer a(bytes), b(bytes / 2);
          auto* p = static_cast<unsigned char*>(a.data());
          std::fill_n(p, bytes, static_cast<unsigned char>(t));
          std::fill_n(static_cast<unsigned char*>(b.data()), bytes / 2, static_cast<unsigned char>(100 + t));
          wrong[t] += std::any_of(p, p + bytes, [t](unsigned char c) { return c != t; });
        }
      });
    threads.clear();
    CHECK(wrong == std::vector<int>(4, 0));
  }
  CHECK(memory_stats().in_use == before);
  CHECK(memory_stats().cached <= 8 * mib);
}
