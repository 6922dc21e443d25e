#pragma once
// Drawn faces as examples for a network, without end and without files: each epoch has its own.

#include <algorithm>
#include <cstdint>
#include <utility>

#include "nasion/core/error.hpp"
#include "nasion/data/loader.hpp"
#include "nasion/faces/face_view.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/faces/synthetic.hpp"

namespace nasion::faces {

/// What a SyntheticFaces dataset draws.
struct SyntheticFacesOptions {
  int width = 128, height = 128;     ///< of the network's input
  int points = 68;                   ///< or 58
  Index count = 10'000;              ///< faces of an epoch
  double margin = 1.4;               ///< side of the view, as a multiple of the longer side of the points' box
  double shift = 0.08, zoom = 0.12;  ///< how far the view is moved, in its sides, and enlarged or shrunk, either way
  bool endless = true;  ///< other faces in each epoch; else those of the first `count` seeds, their views drawn anew
  std::uint64_t seed = 0;
};

/// A data::Dataset of photos from anywhere that are drawn when they are asked for, see random_face(): image
/// [1, height, width] in [-0.5, 0.5], target [2 K] = x / width, y / height of each point. The same face and view for
/// the same generator, whichever thread asks.
class SyntheticFaces {
 public:
  /// ValueError unless the input is 16 to 512 pixels each way, points are 68 or 58, and the view's margin is in 0.5 to
  /// 10, its shift in 0 to 1 and its zoom in 0 to 0.9.
  explicit SyntheticFaces(SyntheticFacesOptions options) : options_(options) {
    const auto& o = options_;
    check<ValueError>(std::min(o.width, o.height) >= 16 && std::max(o.width, o.height) <= 512,
                      "[SyntheticFaces] input size ", o.width, " x ", o.height, " must be in 16 ... 512");
    check<ValueError>(o.points == 68 || o.points == 58, "[SyntheticFaces] points must be 68 or 58, got ", o.points);
    check<ValueError>(o.count > 0, "[SyntheticFaces] count must be positive, got ", o.count);
    check<ValueError>(o.margin >= 0.5 && o.margin <= 10, "[SyntheticFaces] margin must be in 0.5 ... 10, got ",
                      o.margin);
    check<ValueError>(o.shift >= 0 && o.shift <= 1, "[SyntheticFaces] shift must be in 0 ... 1, got ", o.shift);
    check<ValueError>(o.zoom >= 0 && o.zoom <= 0.9, "[SyntheticFaces] zoom must be in 0 ... 0.9, got ", o.zoom);
  }

  Index size() const { return options_.count; }
  /// As given to the constructor.
  const SyntheticFacesOptions& options() const { return options_; }

  /// The i-th face. ValueError unless 0 <= i < size().
  data::Example<float> get(Index i, Rng& rng) const {
    check<ValueError>(i >= 0 && i < size(), "[SyntheticFaces] face ", i, " is not one of ", size());
    const auto& o = options_;
    const std::uint64_t epoch = o.endless ? rng() : 0;
    const std::uint64_t seed = Rng(o.seed).split(static_cast<std::uint64_t>(i)).split(epoch)();
    // Twice the input where the face fills half of the picture: then warping stays sharp.
    const int side = std::clamp(2 * std::max(o.width, o.height), 64, 1024);
    const SyntheticFace face = random_face(seed, side, side);
    vision::Box view = face_view(face.box, o.margin);
    const double zoom = 1 + rng.uniform(-o.zoom, o.zoom), width = view.width * zoom, height = view.height * zoom;
    view.x += (view.width - width) / 2 + o.shift * width * rng.uniform(-1, 1);
    view.y += (view.height - height) / 2 + o.shift * height * rng.uniform(-1, 1);
    view.width = width, view.height = height;

    const auto fit = vision::Affine::fit(view, o.width, o.height);
    const auto input = to_tensor(vision::warp(vision::to_grey(face.image), fit, o.width, o.height));
    const auto target = Tensor<float>::empty({2 * static_cast<Index>(o.points)});
    float* to = target.mutable_data();
    for (const vision::Point& p : transform(fit, o.points == 68 ? face.points68 : face.points58)) {
      *to++ = static_cast<float>(p.x / o.width);
      *to++ = static_cast<float>(p.y / o.height);
    }
    return {input, target};
  }

 private:
  SyntheticFacesOptions options_;
};

}  // namespace nasion::faces
