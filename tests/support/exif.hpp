#pragma once
// JPEG files that say how they are to be turned.

#include <string>

namespace test {

/// A JPEG file with EXIF data of this orientation, from 1 to 8.
inline std::string with_orientation(std::string jpeg, char orientation) {
  using namespace std::string_literals;
  std::string entry = "\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"s;  // one value of 16 bits
  entry[9] = orientation;
  const std::string app1 = "Exif\0\0MM\0*\0\0\0\x08\0\x01"s + entry + "\0\0\0\0"s;
  return jpeg.insert(2, "\xFF\xE1\0"s + static_cast<char>(app1.size() + 2) + app1);
}

}  // namespace test
