#include "lab/src/face_collage.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "nasion/faces/face_view.hpp"
#include "nasion/vision/augment.hpp"

namespace lab {

FacePhoto::FacePhoto(const nasion::vision::Image& photo, const nasion::faces::Landmarks& labels) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  constexpr double largest = 2 * nasion::faces::FaceFinder<float>::face_size;
  const double scale = std::min(1.0, largest / faces::face_view(vision::bounding_box(labels), 1).width);
  const auto size = [scale](int length) { return std::max(1, static_cast<int>(std::lround(scale * length))); };
  image = vision::resize(vision::to_grey(photo), size(photo.width), size(photo.height));
  points = vision::transform(vision::Affine::scale(1.0 * image.width / photo.width, 1.0 * image.height / photo.height),
                             labels);
}

FaceCollages::FaceCollages(const std::vector<FacePhoto>& photos, nasion::Index count)
    : photos_(&photos), count_(count) {
  nasion::check<nasion::ValueError>(!photos.empty(), "[FaceCollages] no photos");
}

nasion::data::Example<float> FaceCollages::get(nasion::Index, nasion::Rng& rng) const {
  Canvas canvas;
  const auto pieces = 6 + rng.below(6);
  for (std::int64_t i = 0; i < pieces; ++i) add_piece(canvas, i == 0, rng);
  return {nasion::Tensor<float>::from({1, side, side}, canvas.pixels), target_of(canvas)};
}

void FaceCollages::add_piece(Canvas& canvas, bool background, nasion::Rng& rng) const {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  const FacePhoto& photo = (*photos_)[static_cast<std::size_t>(rng.below(std::ssize(*photos_)))];
  const auto own = faces::face_view(vision::bounding_box(photo.points), 1);
  // Half of the pieces have something in them that has the size that is looked for.
  const bool aimed = !background && rng.chance(0.5);
  const auto lookalikes = std::ssize(photo.lookalikes);
  const auto& aim = aimed && lookalikes > 0 && rng.chance(0.5)
                        ? photo.lookalikes[static_cast<std::size_t>(rng.below(lookalikes))]
                        : own;
  const double octaves = background ? rng.uniform(0.5, 3) : aimed ? rng.uniform(-0.4, 0.4) : rng.uniform(-1.6, 1.8);
  const double scale = Finder::face_size * std::exp2(octaves) / aim.width;
  const auto piece_size = [&](int length) {
    return std::clamp(static_cast<int>(scale * rng.uniform(0.7, 1) * length), 4, background ? side : 3 * side / 4);
  };
  const int width = piece_size(photo.image.width), height = piece_size(photo.image.height);
  // Where the part of the photo begins that fills the piece: anywhere, or so that the middle of the aim is on it.
  const auto begin = [&](double middle, double part, int length) {
    const double last = std::max(0.0, length - part);
    return aimed ? rng.uniform(std::clamp(middle - part, 0.0, last), std::clamp(middle, 0.0, last))
                 : rng.uniform(0, last);
  };
  const double x = begin(aim.x + aim.width / 2, width / scale, photo.image.width);
  const double y = begin(aim.y + aim.height / 2, height / scale, photo.image.height);
  const auto fit = vision::Affine::translate(-x, -y).then(vision::Affine::scale(scale, scale));
  const auto draw = vision::draw_augmentation({.shift = 0.0,
                                               .rotation = rng.chance(0.5) ? 30.0 : 0.0,
                                               .flip = 0.5,
                                               .brightness = 0.2,
                                               .contrast = 0.6,
                                               .blur = 1,
                                               .occlusion = 0.1},
                                              width, height, rng);
  const auto to_piece = fit.then(draw.affine);
  const auto seen = faces::to_tensor(vision::warp(photo.image, to_piece, width, height));
  vision::change_pixels(draw, {seen.mutable_data(), static_cast<std::size_t>(seen.size())}, width, height);
  const int left = static_cast<int>(rng.below(side + width / 2)) - width / 2;
  const int top = static_cast<int>(rng.below(side + height / 2)) - height / 2;
  const int x0 = background ? 0 : left, y0 = background ? 0 : top;
  for (int v = std::max(0, -y0); v < std::min(height, side - y0); ++v)
    for (int u = std::max(0, -x0); u < std::min(width, side - x0); ++u) {
      const auto at = static_cast<std::size_t>((y0 + v) * side + x0 + u);
      canvas.pixels[at] = seen.data()[v * width + u];
      canvas.piece_at[at] = canvas.pieces;
    }
  const auto to_canvas = to_piece.then(vision::Affine::translate(x0, y0));
  const auto add = [&](const faces::Landmarks& points, bool labelled) {
    canvas.squares.push_back(
        {faces::face_view(vision::bounding_box(vision::transform(to_canvas, points)), 1), canvas.pieces, labelled});
  };
  add(photo.points, true);
  for (const auto& b : photo.unlabelled)
    add({{b.x, b.y}, {b.x + b.width, b.y}, {b.x, b.y + b.height}, {b.x + b.width, b.y + b.height}}, false);
  ++canvas.pieces;
}

double FaceCollages::visible_part(const Canvas& canvas, const Square& square) {
  const auto& b = square.box;
  const auto edge = [](double v) { return static_cast<int>(std::lround(v)); };
  const int x0 = edge(b.x), x1 = std::max(x0 + 1, edge(b.x + b.width)), y0 = edge(b.y),
            y1 = std::max(y0 + 1, edge(b.y + b.height));
  int seen = 0;
  for (int y = std::max(0, y0); y < std::min(side, y1); ++y)
    for (int x = std::max(0, x0); x < std::min(side, x1); ++x)
      seen += canvas.piece_at[static_cast<std::size_t>(y * side + x)] == square.piece;
  return seen / (1.0 * (x1 - x0) * (y1 - y0));
}

nasion::Tensor<float> FaceCollages::target_of(const Canvas& canvas) {
  const auto target = nasion::Tensor<float>::zeros({5, cells, cells});
  float* to = target.mutable_data();
  constexpr int area = cells * cells;
  std::fill_n(to + area, area, 1.0f);
  for (const Square& square : canvas.squares) {
    const double face = square.box.width, octaves = std::abs(std::log2(face / Finder::face_size));
    if (octaves > 0.7) continue;
    const double visible = visible_part(canvas, square);
    if (visible < 0.3) continue;
    const bool positive = square.labelled && visible > 0.6 && octaves <= 0.35;
    for (int i = 0; i < area; ++i) {
      const double x = Finder::place(i % cells), y = Finder::place(i / cells);
      const auto code = Finder::code_of(square.box, x, y);
      const double distance = std::max(std::abs(code[0]), std::abs(code[1])) * Finder::face_size / face;
      if (positive && distance <= 0.16) {
        to[i] = to[area + i] = 1;
        for (int k = 0; k < 3; ++k) to[(2 + k) * area + i] = static_cast<float>(code[static_cast<std::size_t>(k)]);
      } else if (distance <= 0.45 && to[i] == 0) {
        to[area + i] = 0;
      }
    }
  }
  return target;
}

}  // namespace lab
