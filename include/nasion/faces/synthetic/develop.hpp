#pragma once
// The camera behind the lens: from light to the pixels of a picture.

#include <span>
#include <string>

#include "nasion/faces/synthetic/camera_effects.hpp"
#include "nasion/faces/synthetic/face_parameters.hpp"
#include "nasion/faces/synthetic/noise.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::faces::synthetic {

/// What is left of the image after it was written as JPEG of this quality and read again.
inline vision::Image compressed(const vision::Image& image, int quality) {
  const std::string file = vision::encode_jpeg(image, quality);
  vision::ReadOptions options;
  options.channels = image.channels;
  return vision::decode_image(std::as_bytes(std::span(file)), "a drawn face", options);
}

/// From linear light to an 8-bit picture: lens blur, exposure, sensor noise, gamma.
inline vision::Image develop(const Picture& picture, const FaceParameters& face) {
  const int width = picture.width, height = picture.height;
  const auto at = [&](int x, int y) { return picture.nearest(x, y); };
  std::array<std::uint8_t, 4097> gamma{};
  for (std::size_t i = 0; i < gamma.size(); ++i) {
    const float v = static_cast<float>(i) / 4096;
    gamma[i] = static_cast<std::uint8_t>(
        255 * (v <= 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f) + 0.5f);
  }
  const auto grain_seed = static_cast<std::uint32_t>(face.seed ^ (face.seed >> 32));
  const bool grey = face.person.grey_photos;
  vision::Image image(width, height, grey ? 1 : 3);
  const float side = 0.25f * face.blur, middle = 1 - 2 * side;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      Vec3 sum;
      for (int j = -1; j <= 1; ++j) {
        const float wy = j == 0 ? middle : side;
        sum += (at(x - 1, y + j) * side + at(x, y + j) * middle + at(x + 1, y + j) * side) * wy;
      }
      sum = sum * face.exposure;
      const auto tone = [&](float v, int channel) {
        if (!(v > 0)) return gamma[0];
        v = v < 0.7f ? v : 0.7f + 0.3f * (1 - std::exp(-(v - 0.7f) / 0.3f));  // highlights roll off
        const float grain = hash01(x * 3 + channel, y, grain_seed) + hash01(x * 3 + channel, y, grain_seed + 9) - 1;
        v += face.noise * grain * std::sqrt(std::max(v, 0.0f) + 0.01f) * 2;
        return gamma[static_cast<std::size_t>(clamp01(v) * 4096)];
      };
      std::uint8_t* out = image.at(x, y);
      if (grey) {
        out[0] = tone(0.30f * sum.x + 0.59f * sum.y + 0.11f * sum.z, 0);
      } else {
        out[0] = tone(sum.x, 0), out[1] = tone(sum.y, 1), out[2] = tone(sum.z, 2);
      }
    }
  return image;
}

}  // namespace nasion::faces::synthetic
