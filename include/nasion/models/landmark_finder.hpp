#pragma once
// From a photo to the landmarks of the faces on it: a network that finds faces, and one that finds the points of a face.

#include <concepts>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "nasion/io/safetensors.hpp"
#include "nasion/models/resnet.hpp"
#include "nasion/vision/face_view.hpp"
#include "nasion/vision/keypoint_dataset.hpp"
#include "nasion/vision/landmarks.hpp"
#include "nasion/vision/mirror.hpp"

namespace nasion::models {

struct LandmarkFinderConfig {
  int points = vision::ibug::point_count;  ///< of a face
  int input_size = 128;                    ///< side of the square that the network sees a face in, pixels
  double face_margin = 1.3;                ///< of that square around the face's box, see vision::face_view
};

/// The texts by which a model file says how to use it.
inline io::Metadata metadata_of(const LandmarkFinderConfig& config) {
  return {{"architecture", "resnet18"},
          {"points", std::to_string(config.points)},
          {"input_size", std::to_string(config.input_size)},
          {"face_margin", message(config.face_margin)},
          {"normalisation", "grey / 255 - 0.5"}};
}

/// Reads them back. IoError naming the text that is missing or makes no sense.
inline LandmarkFinderConfig landmark_finder_config(const io::Metadata& metadata, const std::filesystem::path& path) {
  const auto text = [&](const std::string& key) -> const std::string& {
    const auto found = metadata.find(key);
    if (found == metadata.end())
      throw IoError(path, "is not a model that finds landmarks: it does not say its " + key +
                              " (part3_resnet18 makes such models)");
    return found->second;
  };
  const auto number = [&]<class Number>(const std::string& key, Number low, Number high) {
    const auto value = vision::detail::parse_number<Number>(text(key));
    if (!value || *value < low || *value > high)
      throw IoError(path, message(key, " is ", vision::detail::excerpt(text(key)), ", not a number from ", low, " to ",
                                  high));
    return *value;
  };
  for (const auto& [key, expected] : {std::pair{"architecture", "resnet18"}, {"normalisation", "grey / 255 - 0.5"}})
    if (text(key) != expected)
      throw IoError(path, message(key, " is ", vision::detail::excerpt(text(key)), ", only '", expected, "' is known"));
  return {.points = number("points", 1, 10'000),
          .input_size = number("input_size", 32, 2048),
          .face_margin = number("face_margin", 0.1, 10.0)};
}

/// The network for the points: grey faces [N, 1, input_size, input_size] -> [N, 2 points], parts of the view's side.
template <std::floating_point T>
ResNet<BasicBlock<T>> landmark_resnet18(const LandmarkFinderConfig& config, Rng& rng) {
  return resnet18<T>({.in_channels = 1, .outputs = 2 * config.points}, rng);
}

/// The points of a face of the photo, in its pixels; `face` is the box around them, roughly. The answer for the mirrored
/// face counts as much, where it is known which points change places.
template <class Network>
vision::Landmarks locate_landmarks(const Network& network, const LandmarkFinderConfig& config,
                                   const vision::Image& photo, const vision::Box& face) {
  using T = nn::ScalarOf<Network>;
  const NoGrad no_grad;
  const vision::Box view = vision::face_view(face, config.face_margin);
  const int size = config.input_size;
  const auto seen = vision::warp(vision::to_grey(photo), vision::Affine::fit(view, size, size), size, size);
  const auto input = reshape(vision::to_tensor<T>(seen), {1, 1, size, size});
  const auto mirrored = vision::find_mirrored_landmarks(static_cast<std::size_t>(config.points));
  const auto answer = mirrored ? vision::mirror_average(network, input, *mirrored) : network(input);
  return vision::to_points(std::span<const T>(answer.values()), view);
}

}  // namespace nasion::models
