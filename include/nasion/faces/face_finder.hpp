#pragma once
// Finds the faces of a photo: a small convolutional network that looks for faces of one size in smaller and smaller
// copies of the photo (Vaillant, Monrocq, Le Cun, "Original approach for the localisation of objects in images", IEE
// Proceedings 141(4), 1994).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "nasion/core/error.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/models/conv_block.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::faces {

/// Grey images [N, 1, H, W] in [-0.5, 0.5] -> [N, 4, H / 8, W / 8], rounded up. Each cell says of a face of about
/// `face_size` pixels that is centred near its place: how likely it is there (as a logit), and its box, see face_of().
template <Real T>
struct FaceFinder {
  static constexpr int stride = 8;      ///< pixels from cell to cell
  static constexpr int face_size = 32;  ///< pixels: the longer side of the box around a face's landmarks

  std::vector<models::ConvBlock<T>> blocks;  // each cell sees 57 x 57 pixels
  nn::Conv2d<T> head;

  explicit FaceFinder(Rng& rng) : head({.in = 64, .out = 4, .kernel = 1}, rng) {
    blocks.emplace_back(1, 16, rng, 5, 1, 2);
    blocks.emplace_back(16, 32, rng, 3, 1, 2);
    blocks.emplace_back(32, 32, rng);
    blocks.emplace_back(32, 64, rng, 3, 1, 2);
    blocks.emplace_back(64, 64, rng);
    blocks.emplace_back(64, 64, rng);
    head.weight.detach().fill(0);  // it begins with "hardly anywhere" for every place
    head.bias.detach().fill(0);
    head.bias.detach().set({0}, T{-4});
  }

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = images;
    for (const auto& block : blocks) x = block(x);
    return head(x);
  }
  static void visit(auto& self, auto&& f) {
    f("blocks", self.blocks);
    f("head", self.head);
  }

  /// The place in the image, in pixels, that cell i of a row or column looks at.
  static double place(Index i) { return static_cast<double>(stride * i) + 0.5; }

  /// What a cell at (x, y) should say of a square face: offset of its centre, and the logarithm of its side, in units
  /// of face_size.
  static std::array<double, 3> code_of(const vision::Box& face, double x, double y) {
    return {(face.x + face.width / 2 - x) / face_size, (face.y + face.height / 2 - y) / face_size,
            std::log(face.width / face_size)};
  }

  /// The square face, in pixels, that is meant by it.
  static vision::Box face_of(const std::array<double, 3>& code, double x, double y) {
    const double furthest = 2;  // a network that was badly trained must not lead to infinite boxes
    const auto within = [furthest](double v) { return std::clamp(v, -furthest, furthest); };
    const double side = face_size * std::exp(within(code[2]));
    return {x + within(code[0]) * face_size - side / 2, y + within(code[1]) * face_size - side / 2, side, side};
  }
};

/// A face on a photo: a square around its landmarks, in pixels of the photo, and how sure it is, in (0, 1).
struct FoundFace {
  vision::Box box;
  double score = 0;
};

/// Keeps the best face of each place: of two boxes of which one covers more than `overlap` of the other, the one with
/// the higher score. Best first; equal scores in their order before.
template <class Face>
std::vector<Face> non_maximum_suppression(std::vector<Face> faces, double overlap = 0.4) {
  std::stable_sort(faces.begin(), faces.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  const auto covers = [overlap](const vision::Box& a, const vision::Box& b) {
    const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
    const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
    return width > 0 && height > 0 && width * height > overlap * std::min(a.width * a.height, b.width * b.height);
  };
  std::vector<Face> kept;
  for (Face& face : faces)
    if (std::none_of(kept.begin(), kept.end(), [&](const Face& better) { return covers(better.box, face.box); }))
      kept.push_back(std::move(face));
  return kept;
}

/// Which faces are looked for.
struct FindFacesOptions {
  double threshold = 0.5;       ///< least score
  double smallest = 24;         ///< side of the smallest box that is looked for, in pixels ...
  double smallest_part = 0.02;  ///< ... and as a part of the photo's longer side; the larger of the two counts
};

/// The faces of a photo, best first. `network` is a FaceFinder in eval mode; nn::fold_batch_norm makes it faster.
/// ValueError for a photo without pixels, or options that are not positive.
template <Real T>
std::vector<FoundFace> find_faces(const FaceFinder<T>& network, const vision::Image& photo,
                                  const FindFacesOptions& options = {}) {
  check<ValueError>(options.threshold > 0 && options.smallest > 0 && options.smallest_part > 0,
                    "[find_faces] threshold ", options.threshold, ", smallest ", options.smallest,
                    " and smallest_part ", options.smallest_part, " must be positive");
  using Finder = FaceFinder<T>;
  const NoGrad no_grad;
  const auto grey = vision::to_grey(photo);
  const double longer = std::max(photo.width, photo.height);
  // Grey around the photo lets faces that it cuts off be in the middle of what a cell sees.
  constexpr int around = Finder::face_size;
  std::vector<FoundFace> faces;
  const double smallest = std::max(options.smallest, options.smallest_part * longer);
  for (double side = smallest; side < longer * std::sqrt(2); side *= std::sqrt(2)) {
    const double scale = Finder::face_size / side;
    const auto level_size = [&](int size) { return static_cast<int>(std::ceil(scale * size)) + 2 * around; };
    const auto to_level = vision::Affine::scale(scale, scale).then(vision::Affine::translate(around, around));
    const auto level = vision::warp(grey, to_level, level_size(photo.width), level_size(photo.height),
                                    {.border = vision::WarpOptions::Border::constant, .fill = 128});
    const auto cells = contiguous(network(reshape(to_tensor<T>(level), {1, 1, level.height, level.width})));
    const Index rows = cells.dim(2), columns = cells.dim(3), size = rows * columns;
    const T* logits = cells.data();
    for (Index i = 0; i < size; ++i) {
      const double score = 1 / (1 + std::exp(-static_cast<double>(logits[i])));
      if (!(score >= options.threshold)) continue;
      const auto code = [&](Index k) { return static_cast<double>(logits[k * size + i]); };
      const auto box =
          Finder::face_of({code(1), code(2), code(3)}, Finder::place(i % columns), Finder::place(i / columns));
      const auto corner = to_level.inverse()({box.x, box.y});
      const vision::Box found{corner.x, corner.y, box.width / scale, box.height / scale};
      const double x = found.x + found.width / 2, y = found.y + found.height / 2;
      if (x >= 0 && y >= 0 && x < photo.width && y < photo.height) faces.push_back({found, score});
    }
  }
  return non_maximum_suppression(std::move(faces));
}

}  // namespace nasion::faces
