#include "lab/faces.hpp"

#include "nasion/vision/draw.hpp"
#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

KeypointDataset dark_faces(std::optional<Augmentation> augmentation) {
  KeypointDataset dataset({.width = 40, .height = 30, .points = {0, 1}, .augmentation = std::move(augmentation)});
  for (int i = 0; i < 5; ++i) {
    Landmarks points(imm::point_count, {40, 60});
    points[1] = {120, 30};
    dataset.add(Image(160, 120, 3, 20), points);
  }
  return dataset;
}

bool green(const std::uint8_t* pixel) { return pixel[1] > 100 && pixel[0] < 100; }

}  // namespace

TEST_CASE("augmented_sheet shows examples with a green dot on each point") {
  const Image sheet = lab::augmented_sheet(dark_faces({}), 8, 1);
  const SheetOptions layout;
  CHECK(sheet.width == layout.padding + 6 * (120 + layout.padding));
  CHECK(sheet.height == layout.padding + 2 * (90 + layout.padding));
  for (const int row : {0, 1})
    for (const int column : {0, 1}) {
      const int left = layout.padding + column * (120 + layout.padding),
                top = layout.padding + row * (90 + layout.padding);
      CHECK(green(sheet.at(left + 30, top + 45)));
      CHECK(green(sheet.at(left + 90, top + 22)));
      CHECK_FALSE(green(sheet.at(left + 60, top + 30)));
    }
}

TEST_CASE("augmented_sheet depends on the seed alone") {
  const auto dataset = dark_faces(Augmentation{.shift = 0.1, .noise = 0.1});
  const Image sheet = lab::augmented_sheet(dataset, 3, 1, 2);
  CHECK(sheet == lab::augmented_sheet(dataset, 3, 1, 2));
  CHECK_FALSE(sheet == lab::augmented_sheet(dataset, 3, 2, 2));
  CHECK_THROWS_AS(lab::augmented_sheet(dataset, 0, 1), ValueError);
  CHECK_THROWS_AS(lab::augmented_sheet(KeypointDataset({}), 4, 1), ValueError);
}

TEST_CASE("augmentation_kinds_sheet shows each kind of change in a column of three") {
  const KeypointOptions options{.width = 40, .height = 30, .points = {0, 1}};
  const Landmarks points(imm::point_count, {40, 60});
  const Image sheet = lab::augmentation_kinds_sheet(Image(160, 120, 3, 20), points, options, 1);
  const SheetOptions layout;
  CHECK(sheet.width == layout.padding + 9 * (40 + layout.padding));
  CHECK(sheet.height == layout.padding + 3 * (30 + text_height + 2 + layout.padding));
  const int noise = layout.padding + 7 * (40 + layout.padding);  // neighbouring pixels differ
  CHECK(*sheet.at(noise + 20, layout.padding + 3) != *sheet.at(noise + 21, layout.padding + 3));
}
