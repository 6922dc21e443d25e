#pragma once
// From a photo to the landmarks of the faces on it: a network that finds faces, and one that finds the points of a
// face.

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/faces/face_finder.hpp"
#include "nasion/faces/face_view.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/faces/metrics.hpp"
#include "nasion/faces/mirror.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/safetensors.hpp"
#include "nasion/models/resnet.hpp"

namespace nasion::faces {

/// What the network for the points was trained for.
struct LandmarkFinderConfig {
  int points = ibug::point_count;  ///< of a face
  int input_size = 128;            ///< side of the square that the network sees a face in, pixels
  double face_margin = 1.3;        ///< of that square around the face's box, see face_view
};

/// The texts by which a model file says how to use it.
inline io::Metadata metadata_of(const LandmarkFinderConfig& config) {
  return {{"architecture", "resnet18"},
          {"points", std::to_string(config.points)},
          {"input_size", std::to_string(config.input_size)},
          {"face_margin", message(config.face_margin)},
          {"normalisation", "grey / 255 - 0.5"}};
}

/// Reads them back from the model file `path`. IoError naming the text that is missing or makes no sense.
inline LandmarkFinderConfig landmark_finder_config(const io::Metadata& metadata, const std::filesystem::path& path) {
  const auto text = [&](const std::string& key) -> const std::string& {
    const auto found = metadata.find(key);
    if (found == metadata.end())
      throw IoError(path, "is not a model that finds landmarks: it does not say its " + key +
                              " (part3_resnet18 makes such models)");
    return found->second;
  };
  const auto number = [&]<class Number>(const std::string& key, Number low, Number high) {
    const auto value = io::parse_number<Number>(text(key));
    if (!value || *value < low || *value > high)
      throw IoError(path, message(key, " is ", io::excerpt(text(key)), ", not a number from ", low, " to ", high));
    return *value;
  };
  for (const auto& [key, expected] : {std::pair{"architecture", "resnet18"}, {"normalisation", "grey / 255 - 0.5"}})
    if (text(key) != expected)
      throw IoError(path, message(key, " is ", io::excerpt(text(key)), ", only '", expected, "' is known"));
  return {.points = number("points", 1, 10'000),
          .input_size = number("input_size", 32, 2048),
          .face_margin = number("face_margin", 0.1, 10.0)};
}

/// The network for the points: grey faces [N, 1, input_size, input_size] -> [N, 2 points], parts of the view's side.
template <Real T>
models::ResNet<models::BasicBlock<T>> landmark_resnet18(const LandmarkFinderConfig& config, Rng& rng) {
  return models::resnet18<T>({.in_channels = 1, .outputs = 2 * config.points}, rng);
}

/// Both networks, and how to use them. In its file, the network for the points has torchvision's names, those of the
/// other begin with `face_finder.`.
template <Real T>
struct LandmarkFinder {
  using Scalar = T;

  LandmarkFinderConfig config;
  models::ResNet<models::BasicBlock<T>> network;
  FaceFinder<T> face_finder;

  static void visit(auto& self, auto&& f) {
    models::ResNet<models::BasicBlock<T>>::visit(self.network, f);
    f("face_finder", self.face_finder);
  }
};

/// Reads a model file, ready for use. IoError when it is something else, such as a model of another program.
template <Real T>
LandmarkFinder<T> load_landmark_finder(const std::filesystem::path& path) {
  const auto config = landmark_finder_config(io::read_metadata(path), path);
  Rng rng(0);  // for weights that the file replaces
  LandmarkFinder<T> finder{config, landmark_resnet18<T>(config, rng), FaceFinder<T>(rng)};
  io::load(path, finder);
  nn::eval(finder);
  return finder;
}

/// The points of a face of a photo, in its pixels, and how far apart the network sees them in the face and in its
/// mirror image: the mean distance, as a part of the face's longer side. Where there is no face, it hardly agrees with
/// itself.
struct LocatedPoints {
  Landmarks points;
  double disagreement = 0;
};

/// `face` is the box around the points, roughly. A better box is the one around the points that are found:
/// `refinements` times the network looks again. The answer for the mirrored face counts as much, where it is known
/// which points change places. ValueError for a box without area.
template <class Network>
LocatedPoints locate_points(const Network& network, const LandmarkFinderConfig& config, const vision::Image& photo,
                            vision::Box face, int refinements) {
  using T = nn::ScalarOf<Network>;
  const NoGrad no_grad;
  const int size = config.input_size;
  const auto mirrored = find_mirrored_landmarks(static_cast<std::size_t>(config.points));
  const auto look = [&] {
    const vision::Box view = face_view(face, config.face_margin);
    const auto seen = vision::to_grey(vision::warp(photo, vision::Affine::fit(view, size, size), size, size));
    const auto input = reshape(to_tensor<T>(seen), {1, 1, size, size});
    const auto points = [&](const Tensor<T>& answer) { return to_points(std::span<const T>(answer.values()), view); };
    const auto plain = network(input);
    if (!mirrored) return LocatedPoints{points(plain)};
    const auto other = mirror_coordinates(network(mirror_images(input)), *mirrored);
    return LocatedPoints{points((plain + other) * T(0.5)),
                         mean_distance(points(plain), points(other)) * config.face_margin / view.width};
  };
  auto located = look();
  for (int i = 0; i < refinements; ++i) {
    face = vision::bounding_box(located.points);
    if (!(face.width > 0 && face.height > 0)) break;  // of a single point, for instance
    located = look();
  }
  return located;
}

/// The same, only the points.
template <class Network>
Landmarks locate_landmarks(const Network& network, const LandmarkFinderConfig& config, const vision::Image& photo,
                           const vision::Box& face, int refinements = 2) {
  return locate_points(network, config, photo, face, refinements).points;
}

/// A face of a photo, in its pixels: the box around its landmarks, and how sure it is that there is one, in (0, 1).
struct LocatedFace {
  vision::Box box;
  double score;
  Landmarks points;
};

/// All faces of a photo with their landmarks, the surest first. `finder` is in eval mode; nn::fold_batch_norm makes it
/// faster. A face's score is the one it was found with, less for points on which the network disagrees with itself: by
/// 20 times the disagreement, as logits, which leaves out three of four false faces.
template <Real T>
std::vector<LocatedFace> find_landmarks(const LandmarkFinder<T>& finder, const vision::Image& photo,
                                        const FindFacesOptions& options = {}) {
  std::vector<LocatedFace> faces;
  for (const FoundFace& found : find_faces(finder.face_finder, photo, options)) {
    auto located = locate_points(finder.network, finder.config, photo, found.box, 1);
    const double against = (1 - found.score) / found.score * std::exp(20 * located.disagreement);
    const double score = 1 / (1 + against);
    if (!(score >= options.threshold)) continue;
    const auto box = vision::bounding_box(located.points);
    faces.push_back({box, score, std::move(located.points)});
  }
  return non_maximum_suppression(std::move(faces));  // two that were found may turn out to be one
}

}  // namespace nasion::faces
