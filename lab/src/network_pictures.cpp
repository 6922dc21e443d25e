#include <algorithm>
#include <span>

#include "lab/face_report.hpp"
#include "nasion/faces/imm.hpp"
#include "nasion/nasion.hpp"
#include "nasion/vision/draw.hpp"
#include "nasion/vision/maps.hpp"

namespace lab {

using namespace nasion;

std::vector<Figure> filter_figures(const std::vector<nasion::nn::NamedTensor<float>>& parameters) {
  std::vector<Figure> figures;
  for (const auto& [name, weight] : parameters)
    if (weight.rank() == 4) {
      const std::string layer = name.substr(0, name.rfind('.'));
      figures.push_back({.name = "filters_" + layer,
                         .picture = nasion::vision::filter_sheet(weight),
                         .caption = nasion::message(layer, ": ", weight.dim(0), " output channels from ", weight.dim(1),
                                                    ", filters of ", weight.dim(2), " x ", weight.dim(3), "."),
                         .pixelated = true});
    }
  return figures;
}

std::vector<Maps> maps_of(const std::function<nasion::Tensorf(const nasion::Tensorf&)>& network,
                          const nasion::faces::KeypointDataset& dataset, const std::vector<Prediction>& predictions,
                          const std::vector<const Prediction*>& chosen) {
  const NoGrad no_grad;
  std::vector<Maps> maps;
  for (const auto* p : chosen) {
    Rng unused(0);
    const auto image = dataset.get(p - predictions.data(), unused).input;
    const Tensorf logits = network(reshape(image, {1, 1, image.dim(1), image.dim(2)}));
    maps.push_back({p, reshape(contiguous(spatial_softmax(logits)), {logits.dim(1), logits.dim(2), logits.dim(3)})});
  }
  return maps;
}

namespace {

std::span<const float> map_of(const Tensorf& maps, int point) {
  const auto size = static_cast<std::size_t>(maps.dim(1) * maps.dim(2));
  return maps.values().subspan(static_cast<std::size_t>(point) * size, size);
}

/// All 58 maps close to the face, each as bright as its largest value.
vision::Image map_grid(const Maps& maps) {
  const int width = static_cast<int>(maps.probabilities.dim(2)), height = static_cast<int>(maps.probabilities.dim(1));
  constexpr int tile_width = 112, tile_height = 84;
  const auto& p = *maps.prediction;
  const auto fit = vision::Affine::scale(1.0 * p.face->photo.width / width, 1.0 * p.face->photo.height / height)
                       .then(close_up(p.truth, tile_width, tile_height));
  std::vector<vision::Image> tiles;
  std::vector<std::string> captions;
  for (int k = 0; k < faces::imm::point_count; ++k) {
    const auto map = vision::heatmap_image(map_of(maps.probabilities, k), width, height);
    tiles.push_back(vision::warp(map, fit, tile_width, tile_height));
    captions.push_back(std::to_string(k));
  }
  return vision::contact_sheet(tiles, {.columns = 10, .padding = 4}, captions);
}

/// The face, all maps as a glow over it, and the points read from them beside the labelled ones.
vision::Image map_overlays(const Maps& maps) {
  const int width = static_cast<int>(maps.probabilities.dim(2)), height = static_cast<int>(maps.probabilities.dim(1));
  constexpr int shown_width = 400, shown_height = 300;
  const auto& p = *maps.prediction;
  const auto fit = close_up(p.truth, shown_width, shown_height);
  std::vector<float> all(map_of(maps.probabilities, 0).size(), 0);
  for (int k = 0; k < faces::imm::point_count; ++k) {
    const auto map = map_of(maps.probabilities, k);
    const float largest = *std::max_element(map.begin(), map.end());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::max(all[i], map[i] / largest);
  }
  const auto face = vision::to_rgb(vision::warp(p.face->photo, fit, shown_width, shown_height));
  const auto glow = vision::warp(vision::heatmap_overlay(vision::to_grey(p.face->photo), all, width, height), fit,
                                 shown_width, shown_height);
  auto points = face;
  vision::draw_errors(points, vision::transform(fit, p.truth), vision::transform(fit, p.predicted),
                      vision::colours::green, vision::colours::red, 1.5);
  return vision::contact_sheet(std::vector{face, glow, points}, {.columns = 3});
}

}  // namespace

void add_maps(Report& report, const std::vector<Maps>& faces) {
  if (faces.empty()) return;
  report.heading("What the network sees");
  report.paragraph(
      "For each photo: the face, all maps as a glow over it, and the points read from them (red) beside the labelled "
      "ones (green); then its 58 maps one by one, each as bright as its largest value.");
  for (const auto& maps : faces) {
    const auto name = maps.prediction->face->entry.name;
    report.figure({"overlay_" + name, map_overlays(maps),
                   message(name, ", ", faces::imm_view_name(maps.prediction->face->entry.view), ": ",
                           fixed(maps.prediction->error_px, 1), " px.")});
    report.figure({"maps_" + name, map_grid(maps), "The 58 maps of " + name + "."});
  }
}

}  // namespace lab
