#include "lab/face_report.hpp"

#include <algorithm>
#include <cmath>
#include <list>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "lab/src/safe_text.hpp"
#include "nasion/faces/pts.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/vision/draw.hpp"

namespace lab {

nasion::vision::Image draw_faces(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces) {
  namespace vision = nasion::vision;
  constexpr int readable = 900;  // pixels of the longer side
  const int zoom = std::clamp(readable / std::max(photo.width, photo.height), 1, 4);
  auto picture = vision::to_rgb(vision::resize(photo, zoom * photo.width, zoom * photo.height));
  for (std::size_t i = 0; i < faces.size(); ++i) {
    const auto points = vision::transform(vision::Affine::scale(zoom, zoom), faces[i].points);
    const auto box = vision::bounding_box(points);
    const double width = std::max(1.0, std::max(box.width, box.height) / 100), radius = 1.3 * width;
    const auto paths = nasion::faces::landmark_paths(points.size());
    // Dark below bright is seen on any skin.
    vision::draw_points(picture, points,
                        {.colour = vision::colours::black, .radius = 0, .paths = paths, .line_width = 2 * width});
    vision::draw_points(picture, points,
                        {.colour = vision::colours::green, .radius = 0, .paths = paths, .line_width = width});
    vision::draw_points(picture, points, {.colour = vision::colours::black, .radius = radius + 0.6 * width});
    vision::draw_points(picture, points, {.colour = vision::colours::yellow, .radius = radius});
    if (faces.size() == 1) continue;
    const int scale = std::clamp(static_cast<int>(std::lround(box.width / 60)), 1, 64);
    const auto number = std::to_string(i + 1);
    const int x = static_cast<int>(box.x), y = static_cast<int>(box.y) - (vision::text_height + 2) * scale;
    for (const auto& [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}})
      vision::draw_text(picture, x + dx * scale, y + dy * scale, number, vision::colours::black, scale);
    vision::draw_text(picture, x, y, number, vision::colours::yellow, scale);
  }
  return picture;
}

PredictionFiles::PredictionFiles(std::filesystem::path folder, std::filesystem::path photo)
    : folder_(std::move(folder)), photo_(std::move(photo)) {}

std::filesystem::path PredictionFiles::points(std::size_t face) const {
  return named((face == 0 ? "" : "_" + std::to_string(face + 1)) + ".pts");
}

std::filesystem::path PredictionFiles::picture() const {
  auto kind = photo_.extension().string();
  std::transform(kind.begin(), kind.end(), kind.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return named(kind == ".jpg" || kind == ".jpeg" ? ".jpg" : ".png");
}

void PredictionFiles::write(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces,
                            bool overwrite) const {
  namespace fs = std::filesystem;
  namespace vision = nasion::vision;
  const auto drawn = draw_faces(photo, faces);
  std::vector<std::pair<fs::path, std::string>> files{
      {json(), text(photo, faces)},
      {picture(), picture().extension() == ".jpg" ? vision::encode_jpeg(drawn) : vision::encode_png(drawn)}};
  for (std::size_t i = 0; i < faces.size(); ++i)
    files.emplace_back(points(i), nasion::faces::pts_text(faces[i].points));
  const auto earlier = earlier_files();
  std::error_code unreadable;
  for (const auto& [file, bytes] : files) {
    if (!fs::exists(file, unreadable)) continue;
    const bool ours = std::find(earlier.begin(), earlier.end(), file) != earlier.end();
    if (!ours) throw nasion::IoError(file, "is there already, and is no earlier prediction for this photo");
    if (!overwrite) throw nasion::IoError(file, "is there already: --overwrite replaces an earlier prediction");
  }
  fs::create_directories(folder_, unreadable);
  replace(files, earlier);
}

void PredictionFiles::replace(const std::vector<std::pair<std::filesystem::path, std::string>>& files,
                              const std::vector<std::filesystem::path>& earlier) const {
  namespace fs = std::filesystem;
  std::list<nasion::io::detail::TemporaryFile> written;  // a full disk is met here, before anything is replaced
  for (const auto& [file, bytes] : files) written.emplace_back(file).write(bytes);
  std::error_code ignored;
  for (const auto& file : earlier)  // the points of faces that are no longer found
    if (std::none_of(files.begin(), files.end(), [&](const auto& pair) { return pair.first == file; }))
      fs::remove(file, ignored);
  // The .json first: it says which files belong to this photo, so that a call that was killed can be repeated.
  std::size_t placed = 0;
  try {
    for (auto& file : written) file.rename_to_target(), ++placed;
  } catch (...) {
    if (earlier.empty())
      for (std::size_t i = placed; i-- > 0;) fs::remove(files[i].first, ignored);
    throw;
  }
  nasion::io::detail::flush_folder(folder_, json());
}

std::vector<std::filesystem::path> PredictionFiles::earlier_files() const {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(json(), unreadable)) return {};
  const auto said = nlohmann::json::parse(nasion::io::read_file(json(), 64 << 20), nullptr, false);
  if (!said.is_object() || !said.contains("photo") || !said["photo"].is_string() || !said.contains("faces") ||
      !said["faces"].is_array() || !is_this_photo(said["photo"].get<std::string>()))
    return {};
  std::vector<std::filesystem::path> files{json(), picture()};
  for (std::size_t i = 0; i < said["faces"].size(); ++i) files.push_back(points(i));
  return files;
}

bool PredictionFiles::is_this_photo(const std::string& said) const {
  std::error_code unreadable;
  return said == valid_utf8(photo_.string()) || std::filesystem::equivalent(said, photo_, unreadable);
}

std::string PredictionFiles::text(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces) const {
  using nlohmann::ordered_json;
  const auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < faces.size(); ++i) {
    const auto& [box, score, points_of] = faces[i];
    ordered_json coordinates = ordered_json::array();
    for (const auto& p : points_of) coordinates.push_back({rounded(p.x), rounded(p.y)});
    list.push_back({{"box", {rounded(box.x), rounded(box.y), rounded(box.width), rounded(box.height)}},
                    {"score", score ? ordered_json(rounded(*score)) : ordered_json(nullptr)},
                    {"pts", points(i).filename().string()},
                    {"points", std::move(coordinates)}});
  }
  const std::size_t count = faces.front().points.size();
  const ordered_json all{
      {"photo", valid_utf8(photo_.string())},
      {"width", photo.width},
      {"height", photo.height},
      {"landmarks", count == nasion::faces::ibug::point_count  ? "ibug 68"
                    : count == nasion::faces::imm::point_count ? "imm 58"
                                                               : "unknown"},
      {"coordinates", "pixels of the upright photo from its top-left corner: the first pixel covers 0 to 1"},
      {"faces", std::move(list)}};
  return all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace lab
