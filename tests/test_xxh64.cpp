#include "nasion/io/xxh64.hpp"

#include "support/catch.hpp"

using nasion::io::detail::Xxh64;

namespace {
std::string hash(std::string_view bytes) {
  Xxh64 sum;
  sum.update(bytes);
  return sum.text();
}
}  // namespace

TEST_CASE("XXH64 of known texts") {
  CHECK(hash("") == "ef46db3751d8e999");
  CHECK(hash("a") == "d24ec4f1a98c6e5b");
  CHECK(hash("abc") == "44bc2cf5ad770999");
  CHECK(hash("Nobody inspects the spammish repetition") == "fbcea83c8a378bf1");
}

TEST_CASE("XXH64 does not depend on how the bytes are cut") {
  std::string bytes;
  for (int i = 0; i < 301; ++i) bytes += static_cast<char>(i * i % 251);
  const auto whole = hash(bytes);
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    Xxh64 sum;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      sum.update(std::string_view(bytes).substr(at, step));
      sum.update("");
    }
    if (sum.text() != whole) FAIL("steps of " << step);
  }
}

TEST_CASE("XXH64 sees every flipped bit") {
  for (const std::size_t size : {1u, 4u, 8u, 31u, 32u, 45u, 100u}) {
    std::string bytes(size, 'x');
    const auto before = hash(bytes);
    for (std::size_t bit = 0; bit < 8 * size; ++bit) {
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
      if (hash(bytes) == before) FAIL("bit " << bit << " of " << size << " bytes");
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    }
  }
}
