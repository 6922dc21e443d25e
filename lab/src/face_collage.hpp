#pragma once
// What a network that finds faces learns from: pieces of photos with labelled faces, put together at random.

#include <vector>

#include "nasion/data/loader.hpp"
#include "nasion/faces/face_finder.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/vision/image.hpp"

namespace lab {

/// A photo, grey and small, with one labelled face. There may be other faces, which nobody labelled, and things that a
/// network takes for faces.
struct FacePhoto {
  nasion::vision::Image image;
  nasion::faces::Landmarks points;                ///< of the labelled face, in pixels of this image
  std::vector<nasion::vision::Box> unlabelled{};  ///< squares that must be faces: nothing is learned from these
  std::vector<nasion::vision::Box> lookalikes{};  ///< squares that are none, and worth a closer look

  /// Shrunk until the face is as large as collages need it.
  FacePhoto(const nasion::vision::Image& photo, const nasion::faces::Landmarks& labels);
};

/// Examples: a collage [1, side, side], and what FaceFinder's cells should say of it, [5, cells, cells]: whether there
/// is a face, 1 or 0; whether that counts, 1 or 0; and the code of the face, where there is one.
///
/// Pieces of photos lie over each other in every size, so that faces appear whole, hidden in part, cut off, too large
/// and too small, and between them hair, clothes and rooms that are no faces.
class FaceCollages {
 public:
  using Finder = nasion::faces::FaceFinder<float>;
  static constexpr int side = 128, cells = side / Finder::stride;  ///< of a collage

  /// `count` collages of these photos, which must outlive the dataset. ValueError for no photos.
  FaceCollages(const std::vector<FacePhoto>& photos, nasion::Index count);

  nasion::Index size() const { return count_; }

  nasion::data::Example<float> get(nasion::Index, nasion::Rng& rng) const;

 private:
  struct Square {
    nasion::vision::Box box;
    int piece;
    bool labelled;
  };
  struct Canvas {
    std::vector<float> pixels = std::vector<float>(side * side, 0.0f);
    std::vector<int> piece_at = std::vector<int>(side * side, -1);
    std::vector<Square> squares;
    int pieces = 0;
  };

  void add_piece(Canvas& canvas, bool background, nasion::Rng& rng) const;

  /// The part of a face that its own piece shows on the canvas.
  static double visible_part(const Canvas& canvas, const Square& square);

  static nasion::Tensor<float> target_of(const Canvas& canvas);

  const std::vector<FacePhoto>* photos_;
  nasion::Index count_;
};

}  // namespace lab
