#pragma once
// Faces as examples for a network: a grey image and the coordinates of chosen points.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "nasion/core/tensor.hpp"
#include "nasion/data/loader.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/augment.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::faces {

/// A grey image as the network sees it: [1, H, W], values in [-0.5, 0.5]. ValueError unless it is grey.
template <Real T = float>
Tensor<T> to_tensor(const vision::Image& image) {
  check<ValueError>(image.channels == 1, "[to_tensor] the image must be grey, but has ", image.channels, " channels");
  auto x = Tensor<T>::empty({1, image.height, image.width});
  std::transform(image.pixels.begin(), image.pixels.end(), x.mutable_data(),
                 [](std::uint8_t v) { return static_cast<T>(v) / 255 - T{0.5}; });
  return x;
}

/// The grey picture that to_tensor() made [1, H, W] of; values beyond [-0.5, 0.5] become black or white, NaN black.
/// ShapeError for other shapes.
template <Real T>
vision::Image to_image(const Tensor<T>& x) {
  check<ShapeError>(x.rank() == 3 && x.dim(0) == 1, "[to_image] needs [1, H, W], got ", x.shape());
  vision::Image image(static_cast<int>(x.dim(2)), static_cast<int>(x.dim(1)), 1);
  const auto values = x.values();
  std::transform(values.begin(), values.end(), image.pixels.begin(), [](T v) {
    const T grey = (v + T{0.5}) * 255 + T{0.5};
    return static_cast<std::uint8_t>(grey > 0 ? std::min(grey, T{255}) : T{0});
  });
  return image;
}

/// Network coordinates of one image, x and y of each point as parts of width and height -> points in pixels of the
/// photo, of which the network saw `view`.
template <Real T>
Landmarks to_points(std::span<const T> coordinates, const vision::Box& view) {
  Landmarks points;
  for (std::size_t i = 0; i + 1 < coordinates.size(); i += 2)
    points.push_back({view.x + static_cast<double>(coordinates[i]) * view.width,
                      view.y + static_cast<double>(coordinates[i + 1]) * view.height});
  return points;
}

/// The same for an image of this size that was seen whole.
template <Real T>
Landmarks to_points(std::span<const T> coordinates, double width, double height) {
  return to_points(coordinates, vision::Box{0, 0, width, height});
}

/// What a dataset makes of its faces.
struct KeypointOptions {
  int width = 80, height = 60;                         ///< of the network's input
  std::vector<int> points;                             ///< landmarks to learn, in this order
  std::optional<vision::Augmentation> augmentation{};  ///< of the training faces
};

/// Examples: image [1, height, width] in [-0.5, 0.5], target [2 K] = x / width, y / height of each point.
///
/// The network sees a view: a part of a photo, or all of it. Photos are kept grey, the view at no more than twice the
/// input size with what augmentation may bring in around it: compact, and warping stays sharp.
class KeypointDataset {
 public:
  /// No faces yet. ValueError for an input without pixels.
  explicit KeypointDataset(KeypointOptions options) : options_(std::move(options)) {
    check<ValueError>(options_.width > 0 && options_.height > 0, "[KeypointDataset] input size ", options_.width, "x",
                      options_.height, " must be positive");
  }

  /// Adds a photo that is seen whole, whatever its proportions; its points are in its pixels. ValueError when a chosen
  /// point is missing, when one is not finite or beyond vision::max_coordinate, or when faces are to be mirrored and
  /// nobody knows how these points change places.
  void add(const vision::Image& photo, const Landmarks& points) {
    check_points(points);
    const vision::Affine fit =
        vision::Affine::scale(2.0 * options_.width / photo.width, 2.0 * options_.height / photo.height);
    const vision::Box whole{0, 0, static_cast<double>(photo.width), static_cast<double>(photo.height)};
    faces_.push_back(
        {vision::warp(vision::to_grey(photo), fit, 2 * options_.width, 2 * options_.height), fit, points, whole});
  }

  /// Adds the part of a photo that lies within `view`, which may leave the photo. ValueError also for a view without
  /// area or larger than any face can be, or one that does not touch the photo.
  void add(const vision::Image& photo, const Landmarks& points, const vision::Box& view) {
    check_points(points);
    check<ValueError>(view.width > 0 && view.height > 0, "[KeypointDataset] view of ", view.width, " x ", view.height,
                      " has no area");
    check<ValueError>(std::max(view.width, view.height) <= 10 * vision::max_coordinate, "[KeypointDataset] view of ",
                      view.width, " x ", view.height, " is too large");
    // A view that is turned by 45 degrees or moved and enlarged as usual stays within this part of the photo.
    constexpr double around = 0.25;
    const auto clip = [](double low, double high, int size) {
      return std::pair{std::clamp(std::floor(low), 0.0, static_cast<double>(size)),
                       std::clamp(std::ceil(high), 0.0, static_cast<double>(size))};
    };
    const auto [left, right] = clip(view.x - around * view.width, view.x + (1 + around) * view.width, photo.width);
    const auto [top, bottom] = clip(view.y - around * view.height, view.y + (1 + around) * view.height, photo.height);
    check<ValueError>(right > left && bottom > top, "[KeypointDataset] the view at ", view.x, ", ", view.y,
                      " does not touch its photo of ", photo.width, " x ", photo.height);
    const double scale = std::min({1.0, 2 * options_.width / view.width, 2 * options_.height / view.height});
    const auto size = [scale](double length) { return std::max(1, static_cast<int>(std::lround(scale * length))); };
    const int width = size(right - left), height = size(bottom - top);
    const vision::Affine fit = vision::Affine::fit({left, top, right - left, bottom - top}, width, height);
    faces_.push_back({vision::warp(vision::to_grey(photo), fit, width, height), fit, points, view});
  }

  Index size() const { return static_cast<Index>(faces_.size()); }
  /// As given to the constructor.
  const KeypointOptions& options() const { return options_; }

  /// The part of the i-th photo that the network sees, in pixels of the photo.
  const vision::Box& view(Index i) const { return faces_.at(static_cast<std::size_t>(i)).view; }

  /// The i-th example as the network will see it; augmented with numbers from `rng` if that was asked for.
  data::Example<float> get(Index i, Rng& rng) const {
    const Face& face = faces_.at(static_cast<std::size_t>(i));
    const vision::AugmentationDraw draw =
        options_.augmentation ? draw_augmentation(*options_.augmentation, options_.width, options_.height, rng)
                              : vision::AugmentationDraw{};
    const vision::Affine affine =
        vision::Affine::fit(face.view, options_.width, options_.height).then(draw.affine);  // from the photo
    const auto input =
        to_tensor(vision::warp(face.image, face.fit.inverse().then(affine), options_.width, options_.height));
    if (options_.augmentation)
      change_pixels(draw, {input.mutable_data(), static_cast<std::size_t>(input.size())}, options_.width,
                    options_.height);
    return {input, target_of(face, affine, draw.mirrored)};
  }

  /// The mean of all targets, without augmentation: [2 K]. ValueError for no faces.
  Tensor<float> mean_target() const {
    check<ValueError>(!faces_.empty(), "[KeypointDataset] no faces, whose mean is asked for");
    std::vector<double> sums(2 * options_.points.size());
    for (const Face& face : faces_) {
      const auto target = target_of(face, vision::Affine::fit(face.view, options_.width, options_.height), false);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(target.data()[i]);
    }
    const auto mean = Tensor<float>::empty({std::ssize(sums)});
    std::transform(sums.begin(), sums.end(), mean.mutable_data(),
                   [&](double sum) { return static_cast<float>(sum / static_cast<double>(faces_.size())); });
    return mean;
  }

 private:
  struct Face {
    vision::Image image;
    vision::Affine fit;  // from the photo to this image
    Landmarks points;    // in pixels of the photo
    vision::Box view;    // in pixels of the photo
  };

  /// The chosen points under an affine map from the photo to the network's input.
  Tensor<float> target_of(const Face& face, const vision::Affine& affine, bool mirrored) const {
    const auto target = Tensor<float>::empty({static_cast<Index>(2 * options_.points.size())});
    float* to = target.mutable_data();
    for (const int chosen : options_.points) {
      const auto at = static_cast<std::size_t>(chosen);
      const vision::Point p =
          affine(face.points[mirrored ? static_cast<std::size_t>(mirrored_landmarks(face.points.size())[at]) : at]);
      *to++ = static_cast<float>(p.x / options_.width);
      *to++ = static_cast<float>(p.y / options_.height);
    }
    return target;
  }

  void check_points(const Landmarks& points) const {
    for (const int i : options_.points)
      check<ValueError>(i >= 0 && static_cast<std::size_t>(i) < points.size(), "[KeypointDataset] point ", i,
                        " is not among the ", points.size(), " of this face");
    for (const vision::Point& p : points)
      check<ValueError>(std::abs(p.x) <= vision::max_coordinate && std::abs(p.y) <= vision::max_coordinate,
                        "[KeypointDataset] point (", p.x, ", ", p.y, ") is not finite or too far away");
    if (options_.augmentation && options_.augmentation->flip > 0) mirrored_landmarks(points.size());
  }

  KeypointOptions options_;
  std::vector<Face> faces_;
};

}  // namespace nasion::faces
