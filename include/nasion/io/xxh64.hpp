#pragma once
// XXH64 with seed 0, a checksum that takes about as long as copying the bytes.
// Specification: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace nasion::io::detail {

static_assert(std::endian::native == std::endian::little, "words are taken as they lie in memory");

class Xxh64 {
 public:
  /// The next bytes. How they are cut into calls makes no difference.
  void update(std::string_view bytes) {
    total_ += bytes.size();
    if (pending_ > 0 || bytes.size() < sizeof stripe_) {
      const auto n = std::min(bytes.size(), sizeof stripe_ - pending_);
      if (n > 0) std::memcpy(stripe_ + pending_, bytes.data(), n);
      pending_ += n;
      bytes.remove_prefix(n);
      if (pending_ < sizeof stripe_) return;
      take_stripes({stripe_, sizeof stripe_});
      pending_ = 0;
    }
    const auto whole = bytes.size() / sizeof stripe_ * sizeof stripe_;
    take_stripes(bytes.substr(0, whole));
    pending_ = bytes.size() - whole;
    if (pending_ > 0) std::memcpy(stripe_, bytes.data() + whole, pending_);
  }

  std::uint64_t digest() const {
    std::uint64_t hash = prime5;
    if (total_ >= sizeof stripe_) {
      hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
      for (const auto lane : lanes_) hash = (hash ^ round(0, lane)) * prime1 + prime4;
    }
    hash += total_;
    std::string_view rest(stripe_, pending_);
    for (; rest.size() >= 8; rest.remove_prefix(8))
      hash = std::rotl(hash ^ round(0, word<std::uint64_t>(rest.data())), 27) * prime1 + prime4;
    if (rest.size() >= 4) {
      hash = std::rotl(hash ^ word<std::uint32_t>(rest.data()) * prime1, 23) * prime2 + prime3;
      rest.remove_prefix(4);
    }
    for (const char c : rest) hash = std::rotl(hash ^ static_cast<unsigned char>(c) * prime5, 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
  }

  /// The digest as 16 hexadecimal digits, the highest first.
  std::string text() const {
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[digest() >> shift & 15];
    return digits;
  }

 private:
  static constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F, prime3 = 0x165667B19E3779F9,
                                 prime4 = 0x85EBCA77C2B2AE63, prime5 = 0x27D4EB2F165667C5;

  template <class Word>
  static std::uint64_t word(const char* bytes) {
    Word value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  static std::uint64_t round(std::uint64_t lane, std::uint64_t input) {
    return std::rotl(lane + input * prime2, 31) * prime1;
  }
  void take_stripes(std::string_view bytes) {
    auto [a, b, c, d] = lanes_;
    const char* const end = bytes.data() + bytes.size();
    for (const char* at = bytes.data(); at != end; at += sizeof stripe_) {
      a = round(a, word<std::uint64_t>(at));
      b = round(b, word<std::uint64_t>(at + 8));
      c = round(c, word<std::uint64_t>(at + 16));
      d = round(d, word<std::uint64_t>(at + 24));
    }
    lanes_ = {a, b, c, d};
  }

  std::array<std::uint64_t, 4> lanes_{prime1 + prime2, prime2, 0, 0 - prime1};
  std::uint64_t total_ = 0;
  char stripe_[32] = {};  // bytes that are not yet a whole stripe
  std::size_t pending_ = 0;
};

}  // namespace nasion::io::detail
