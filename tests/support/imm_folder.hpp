#pragma once
// A small folder in the format of the IMM Face Database.

#include <filesystem>
#include <string>

#include "nasion/core/random.hpp"
#include "nasion/faces/asf.hpp"
#include "nasion/faces/imm.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/vision/draw.hpp"

namespace test {

/// An IMM folder of ten persons (25 to 34): 48 photos to learn from, 12 to validate. A disc marks each nose.
inline void write_faces(const std::filesystem::path& folder) {
  using namespace nasion;
  std::filesystem::create_directories(folder);
  Rng rng(5);
  for (int person = 25; person <= 34; ++person)
    for (int view = 1; view <= 6; ++view) {
      const std::string name = message(person, "-", view, "m");
      const vision::Point nose{rng.uniform(50, 110), rng.uniform(40, 80)};
      vision::Image photo(160, 120, 3, 90);
      vision::draw_point(photo, nose, vision::colours::white, 8);
      vision::write_jpeg(folder / (name + ".jpg"), photo);
      faces::Landmarks relative;
      for (int i = 0; i < faces::imm::point_count; ++i)
        relative.push_back({(nose.x + i - faces::imm::nose_tip) / 160, nose.y / 120});
      faces::write_asf(folder / (name + ".asf"), {relative, name + ".jpg"});
    }
}

}  // namespace test
