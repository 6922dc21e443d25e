#include "nasion/core/allocator.hpp"

#include <cstdint>
#include <thread>
#include <utility>

#include "nasion/core/random.hpp"
#include "support/catch.hpp"

using namespace nasion;
using detail::caches_memory;
using detail::CachingAllocator;
using detail::Segment;

namespace {
constexpr std::size_t kib = std::size_t{1} << 10, mib = std::size_t{1} << 20;

struct RestoreLimit {
  ~RestoreLimit() { set_memory_cache_limit(std::size_t{4} << 30); }
};

class Block {
 public:
  explicit Block(std::size_t bytes)
      : size_(CachingAllocator::block_size(bytes)),
        data_(static_cast<unsigned char*>(CachingAllocator::instance().allocate(size_))) {}
  ~Block() {
    if (data_) CachingAllocator::instance().deallocate(data_, size_);
  }
  Block(Block&& other) noexcept : size_(other.size_), data_(std::exchange(other.data_, nullptr)) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(data_, other.data_);
    return *this;
  }

  std::size_t size() const { return size_; }
  unsigned char* data() const { return data_; }

 private:
  std::size_t size_;
  unsigned char* data_;
};
}  // namespace

TEST_CASE("Block sizes hold the request and waste at most a quarter") {
  if (!caches_memory) return;
  CHECK(CachingAllocator::block_size(0) == 256);
  CHECK(CachingAllocator::block_size(256) == 256);
  CHECK(CachingAllocator::block_size(257) == 320);
  CHECK(CachingAllocator::block_size(512) == 512);
  CHECK(CachingAllocator::block_size(256 * kib) == 256 * kib);
  CHECK(CachingAllocator::block_size(256 * kib + 1) == 320 * kib);
  CHECK(CachingAllocator::block_size(49 * mib) == 49 * mib);
  CHECK(CachingAllocator::block_size(49 * mib + 1) == 49 * mib + 64 * kib);
  for (std::size_t bytes = 257; bytes < 3 * mib; bytes += bytes / 97 + 13) {
    const std::size_t size = CachingAllocator::block_size(bytes);
    REQUIRE(size >= bytes);
    REQUIRE(size - bytes < bytes / 4 + 1);
    REQUIRE(size % 64 == 0);
    REQUIRE(CachingAllocator::block_size(size) == size);
  }
}

TEST_CASE("A segment is cut at the lowest place, and free neighbours become one") {
  constexpr std::size_t g = Segment::granule;
  Segment segment(10 * g);
  const auto fresh = [&](std::size_t granules) { return segment.allocate(granules * g, true); };
  const auto used = [&](std::size_t granules) { return segment.allocate(granules * g, false); };
  CHECK(used(1) == nullptr);  // nothing was used yet
  std::byte* const a = fresh(2);
  std::byte* const b = fresh(3);
  std::byte* const c = fresh(1);
  CHECK(reinterpret_cast<std::uintptr_t>(a) % g == 0);
  CHECK(b == a + 2 * g);
  CHECK(c == b + 3 * g);
  CHECK(fresh(5) == nullptr);  // 4 are left
  CHECK(segment.contains(a + 10 * g - 1));
  CHECK(!segment.contains(a + 10 * g));
  CHECK(segment.cached() == 0);

  segment.deallocate(a, 2 * g);
  CHECK(segment.cached() == 2 * g);
  CHECK(used(3) == nullptr);
  CHECK(used(1) == a);  // split
  CHECK(used(1) == a + g);
  CHECK(segment.cached() == 0);

  segment.deallocate(a, g);
  segment.deallocate(b, 3 * g);
  CHECK(used(4) == nullptr);  // apart
  segment.deallocate(a + g, g);
  CHECK(segment.cached() == 5 * g);
  CHECK(used(5) == a);  // one, from all three
  segment.deallocate(a, 5 * g);
  segment.deallocate(c, g);
  CHECK(segment.empty());
  CHECK(used(7) == nullptr);
  CHECK(fresh(7) == a);  // 6 used before, 1 fresh
  CHECK(segment.cached() == 0);
  CHECK(fresh(3) == a + 7 * g);
  CHECK(fresh(1) == nullptr);
}

TEST_CASE("A segment gives free pages back, from the far end") {
  constexpr std::size_t g = Segment::granule;
  Segment segment(10 * g);
  std::byte* const a = segment.allocate(4 * g, true);
  std::byte* const b = segment.allocate(g, true);
  std::fill_n(a, 5 * g, std::byte{1});
  segment.deallocate(a, 4 * g);
  const std::size_t given = segment.give_back(g + 1);
  CHECK(segment.cached() == 4 * g - given);
#ifdef __linux__
  CHECK(given == 2 * g);
  CHECK(segment.give_back(10 * g) == 2 * g);
  CHECK(segment.give_back(10 * g) == 0);
  CHECK(segment.allocate(g, false) == nullptr);
  CHECK(segment.allocate(4 * g, true) == a);
  CHECK(std::all_of(a, a + 4 * g, [](std::byte x) { return x == std::byte{0}; }));  // new pages
#endif
  CHECK(std::all_of(b, b + g, [](std::byte x) { return x == std::byte{1}; }));
}

TEST_CASE("A freed block is used again") {
  if (!caches_memory) return;
  const std::size_t size = GENERATE(3 * kib, 3 * mib);
  release_memory_cache();
  const auto before = memory_stats();
  void* first = nullptr;
  {
    const Block a(size);
    first = a.data();
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
    CHECK(memory_stats().in_use == before.in_use + size);
  }
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().cached == size);
  {
    const Block b(size - 5);  // another request of the same block size
    CHECK(b.data() == first);
    CHECK(memory_stats().cached == 0);
    CHECK(memory_stats().system_allocations == before.system_allocations + 1);
  }
  release_memory_cache();
  CHECK(memory_stats().cached == 0);
}

TEST_CASE("Several freed blocks serve one of their size together") {
  if (!caches_memory) return;
  release_memory_cache();
  {
    std::vector<Block> parts;
    for (int i = 0; i < 8; ++i) parts.emplace_back(6 * mib);
  }
  const auto before = memory_stats();
  const Block whole(48 * mib);
  CHECK(memory_stats().cached + 48 * mib == before.cached);
  CHECK(memory_stats().system_allocations == before.system_allocations);
}

TEST_CASE("A block larger than a segment has one of its own") {
  release_memory_cache();
  const auto before = memory_stats();
  const std::size_t size = CachingAllocator::segment_size + mib;
  { const Block a(size); }
  if (caches_memory) CHECK(memory_stats().cached == size);
  release_memory_cache();
  CHECK(memory_stats().cached == 0);
  CHECK(memory_stats().system_allocations == before.system_allocations + 1);
}

TEST_CASE("The cache keeps its limit") {
  const RestoreLimit restore;
  const std::size_t size = GENERATE(64 * kib, mib);
  release_memory_cache();
  set_memory_cache_limit(2 * size);
  { const Block a(size), b(size), c(size); }
  CHECK(memory_stats().cached <= 2 * size);
#ifdef __linux__
  if (caches_memory) CHECK(memory_stats().cached == 2 * size);
#endif
  set_memory_cache_limit(size);
  CHECK(memory_stats().cached <= size);
  set_memory_cache_limit(0);
  { const Block a(size); }
  CHECK(memory_stats().cached == 0);
}

#ifdef __linux__
TEST_CASE("What lies between blocks in use is given back") {
  std::vector<Block> kept;
  for (int i = 0; i < 8; ++i) {
    const Block gone(2 * mib);
    kept.emplace_back(mib);
  }
  release_memory_cache();
  CHECK(memory_stats().cached == 0);
}
#endif

TEST_CASE("Statistics: the peak stays until it is reset") {
  release_memory_cache();
  reset_peak_memory();
  const auto before = memory_stats();
  CHECK(before.peak == before.in_use);
  { const Block a(4 * mib), b(mib); }
  CHECK(memory_stats().peak == before.in_use + 5 * mib);
  CHECK(memory_stats().in_use == before.in_use);
  reset_peak_memory();
  CHECK(memory_stats().peak == before.in_use);
}

TEST_CASE("A request that the system refuses throws and changes nothing") {
  const auto before = memory_stats();
  CHECK_THROWS_AS(Block(std::size_t{1} << 60), std::bad_alloc);
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().system_allocations == before.system_allocations);
}

TEST_CASE("Threads may allocate and free at once, and no two blocks overlap") {
  const RestoreLimit restore;
  set_memory_cache_limit(16 * mib);
  const auto before = memory_stats().in_use;
  {
    constexpr std::size_t threads = 4;
    std::vector<int> wrong(threads, 0);
    std::vector<std::jthread> running;
    for (std::size_t t = 0; t < threads; ++t)
      running.emplace_back([t, &wrong] {
        Rng rng(t);
        std::vector<std::pair<Block, unsigned char>> held;  // every block is full of its own number
        const auto check = [&](const auto& entry) {
          const auto& [block, number] = entry;
          for (std::size_t i = 0; i < block.size(); i += 4096) wrong[t] += block.data()[i] != number;
        };
        for (std::size_t i = 0; i < 3000; ++i) {
          const std::size_t bytes = std::size_t{1} << (8 + rng() % 13);  // 256 bytes to 1 MiB
          const auto number = static_cast<unsigned char>(t * 64 + i % 64);
          Block block(bytes + bytes / 256 * (rng() % 256));
          for (std::size_t at = 0; at < block.size(); at += 4096) block.data()[at] = number;
          if (held.size() < 20) {
            held.emplace_back(std::move(block), number);
            continue;
          }
          auto& old = held[rng() % held.size()];
          check(old);
          old = {std::move(block), number};
        }
        for (const auto& entry : held) check(entry);
      });
    running.clear();
    CHECK(wrong == std::vector<int>(threads, 0));
  }
  CHECK(memory_stats().in_use == before);
#ifdef __linux__
  CHECK(memory_stats().cached <= 16 * mib);
#endif
  release_memory_cache();
  CHECK(memory_stats().cached == 0);
}
