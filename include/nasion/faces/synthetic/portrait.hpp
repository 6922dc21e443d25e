#pragma once
// One photograph of one face: everything put in place, lit and drawn.

#include "nasion/faces/landmarks.hpp"
#include "nasion/faces/synthetic/accessories.hpp"
#include "nasion/faces/synthetic/camera_effects.hpp"
#include "nasion/faces/synthetic/face_parts.hpp"
#include "nasion/faces/synthetic/facial_hair.hpp"
#include "nasion/faces/synthetic/head_landmarks.hpp"
#include "nasion/faces/synthetic/pose.hpp"
#include "nasion/faces/synthetic/scalp_hair.hpp"
#include "nasion/faces/synthetic/scenery.hpp"
#include "nasion/faces/synthetic/shading.hpp"
#include "nasion/faces/synthetic/shadow_map.hpp"
#include "nasion/faces/synthetic/skin.hpp"

namespace nasion::faces::synthetic {

struct Part {
  Grid grid;
  Material material = Material::matte;
  bool has_openings = false;  // the head: eyes and mouth are cut out
};

/// The picture before development: linear RGB, `samples` x `samples` per pixel.
class Portrait {
 public:
  static constexpr int samples = 2;

  Portrait(const FaceParameters& face, int width, int height)
      : face_(face),
        pose_(face),
        width_(width),
        height_(height),
        key_(normalized(face.light_direction)),
        fill_(normalized(face.fill_direction)),
        full_detail_(samples * face.scale * static_cast<float>(height) > 24),
        shadows_(key_, full_detail_) {
    camera_.scale = face.scale * static_cast<float>(height);
    const Vec3 eyes = camera_(pose_({0, 0, camera_.near}));
    camera_.centre_x = face.centre_x * static_cast<float>(width) - eyes.x;
    camera_.centre_y = face.centre_y * static_cast<float>(height) - eyes.y;
    build_head();
    build_parts();
    cast_shadows();
  }

  Landmarks landmarks(const LandmarkModel& model) const {
    const Place down{-std::sin(face_.roll), std::cos(face_.roll)};
    return place_landmarks<vision::Point>(model, face_.person.shape, face_.expression, face_.eyes, down, [&](Vec3 p) {
      const Vec3 q = camera_(pose_(p));
      return Place{q.x, q.y};
    });
  }

  /// The backdrop of the photographer's studio, or the scenery.
  void draw_backdrop(Picture& picture) const {
    if (face_.scenery != 0) {
      draw_scenery(picture, Rng(face_.scenery));
      for (Vec3& p : picture.pixels) p = p * face_.backdrop;
      return;
    }
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x)
        picture.at(x, y) = backdrop(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
  }

  /// Draws the person over what is in the picture.
  void draw(Picture& picture) const {
    FragmentBuffer fragments(width_ * samples, height_ * samples);
    for (std::size_t k = 0; k < parts_.size(); ++k) draw_part(fragments, k);
    std::vector<Vec3> strand_colours;
    for (const Strands& s : facial_hair_) draw_strands(fragments, s, false, strand_colours);
    draw_strands(fragments, scalp_hair_, true, strand_colours);
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x) resolve(fragments, strand_colours, x, y, picture.at(x, y));
  }

 private:
  static constexpr std::int32_t strand_surface = 1000;

  /// The mean of a pixel's samples. Within one surface, one of them stands for all.
  void resolve(const FragmentBuffer& fragments, const std::vector<Vec3>& strand_colours, int x, int y,
               Vec3& pixel) const {
    std::array<const Fragment*, samples * samples> f{};
    bool one_surface = true;
    for (int k = 0; k < samples * samples; ++k) {
      f[static_cast<std::size_t>(k)] = &fragments.at(x * samples + k % samples, y * samples + k / samples);
      one_surface = one_surface && f[static_cast<std::size_t>(k)]->surface == f[0]->surface;
    }
    if (one_surface && f[0]->surface == Fragment::nothing) return;
    if (one_surface && f[0]->surface != strand_surface) {
      pixel = colour(*f[static_cast<std::size_t>((x ^ y) & 1 ? 1 : 2)]);
      return;
    }
    Vec3 sum;
    for (const Fragment* sample : f)
      sum += sample->surface == Fragment::nothing ? pixel
             : sample->surface == strand_surface  ? strand_colours[sample->element]
                                                  : colour(*sample);
    pixel = sum * (1.0f / (samples * samples));
  }

  void build_head() {
    const PersonParameters& person = face_.person;
    Grid head = head_mesh(person.shape, face_.expression, full_detail_);
    paint_skin(head, person, face_.eyes);
    // Strands are one sample thin whatever the size of the picture, so larger pictures need more of them.
    const float richness = std::clamp(samples * camera_.scale / 28, 0.15f, 3.0f);
    facial_hair_ = facial_hair(head, person, face_.eyes, richness);
    scalp_hair_ = scalp_hair(head, person, richness);
    for (Strands& s : facial_hair_) turn(s);
    turn(scalp_hair_);
    Grid worn = person.hat == PersonParameters::Hat::none ? Grid() : hat(person, head);
    pose_.turn(head, Pose::neck_share);
    parts_.push_back({std::move(head), Material::skin, true});
    if (worn.size() > 0) add(std::move(worn), Material::matte);
  }

  void add(Grid g, Material material, float on_body = 0) {
    pose_.turn(g, [&](Vec3) { return on_body; });
    parts_.push_back({std::move(g), material, false});
  }

  void build_parts() {
    const PersonParameters& person = face_.person;
    for (const float side : {-1.0f, 1.0f}) {
      add(eyeball(side, person.shape), Material::eye);
      add(ear(side, person.shape, person.skin, 1.0f, 0.5f), Material::skin);
    }
    const auto jaw = [&](Vec3 p) { return morphed(p, person.shape, face_.expression); };
    const auto skull = [&](Vec3 p) { return morphed(p, person.shape, {}); };
    add(teeth(true, skull), Material::matte);
    add(teeth(false, jaw), Material::matte);
    add(mouth_cavity(jaw), Material::matte);
    add(torso(person), Material::matte, 1);
    if (person.glasses) {
      for (Grid& g : glasses(person)) add(std::move(g), Material::matte);
      if (person.glasses_tint > 0)
        for (Grid& g : lenses(person, GlassesRim(person))) add(std::move(g), Material::matte);
    }
    if (person.mask)
      for (Grid& g : mask(person, face_.expression)) add(std::move(g), Material::matte);
    for (const ThingInFront& thing : face_.in_front) {
      const bool skin = thing.kind == ThingInFront::Kind::hand;
      for (Grid& g : thing_in_front(thing, face_.seed)) add(std::move(g), skin ? Material::skin : Material::matte);
    }
  }

  void turn(Strands& s) const {
    for (Vec3& p : s.points) p = pose_(p);
    for (Vec3& n : s.normal) n = pose_.direction(n);
  }

  void cast_shadows() {
    for (const Part& part : parts_) shadows_.add(part.grid);
    const auto length = static_cast<std::size_t>(scalp_hair_.points_per_strand);
    for (std::size_t k = 0; k < scalp_hair_.points.size(); ++k)
      if (k % length != 0 && (full_detail_ || k / length % 2 == 0))
        shadows_.add(scalp_hair_.points[k - 1], scalp_hair_.points[k]);
    const float blur = face_.spot ? 0.5f : 1.6f;
    for (Part& part : parts_)
      for (std::size_t i = 0; i < part.grid.size(); ++i)
        if (part.grid.normal[i].z > -0.4f && dot(part.grid.normal[i], key_) > -0.35f)  // seen, and lit at all
          part.grid.lit[i] *= shadows_.lit(part.grid.position[i], part.grid.normal[i], blur);
  }

  Vec3 project(Vec3 p) const {
    const Vec3 q = camera_(p);
    return {q.x * samples, q.y * samples, q.z};
  }

  void draw_part(FragmentBuffer& fragments, std::size_t k) const {
    const Grid& g = parts_[k].grid;
    std::vector<Vec3> corners(g.size());
    constexpr float nowhere = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t i = 0; i < g.size(); ++i)  // what faces away is hidden by what faces the camera
      corners[i] = g.normal[i].z < -0.35f ? Vec3{nowhere, nowhere, nowhere} : project(g.position[i]);
    rasterize(g, corners, fragments.width, fragments.height,
              [&](int x, int y, float depth, std::uint32_t element, float b, float c) {
                Fragment& f = fragments.at(x, y);
                if (depth >= f.depth) return;
                if (parts_[k].has_openings && is_opening(g, element, b, c)) return;
                f = {depth, static_cast<std::int32_t>(k), element, b, c};
              });
  }

  bool is_opening(const Grid& g, std::uint32_t element, float b, float c) const {
    const auto [ia, ib, ic] = triangle_corners(g, element);
    const Vec3 a = g.average[ia];
    if (a.z < 5 || a.y > 1.5f || a.y < -7.5f) return false;
    const Vec3 p = a * (1 - b - c) + g.average[ib] * b + g.average[ic] * c;
    return inside_eye(std::abs(p.x), p.y, face_.eyes) || inside_mouth(p.x, p.y);
  }

  /// Long hair may reach from shadow into light; short hair is lit as the skin that it grows from.
  void draw_strands(FragmentBuffer& fragments, const Strands& s, bool is_long, std::vector<Vec3>& colours) const {
    const auto points = static_cast<std::size_t>(s.points_per_strand);
    for (std::size_t k = 0; k < s.count(); ++k) {
      const Vec3* p = &s.points[k * points];
      const float root_lit = parts_[0].grid.lit[s.root[k]];
      const float tip_lit = is_long ? shadows_.lit(p[points - 1] + key_ * 0.8f, {}, 1.0f) : root_lit;
      Vec3 from = project(p[0]);
      for (std::size_t j = 0; j + 1 < points; ++j) {
        const Vec3 to = project(p[j + 1]);
        const float along = static_cast<float>(j) / static_cast<float>(points - 1);
        const float open = mix(s.root_open, 1.0f, along), lit = mix(root_lit, tip_lit, 0.5f + 0.5f * along);
        const auto element = static_cast<std::uint32_t>(colours.size());
        colours.push_back(
            shade_strand(normalized(p[j + 1] - p[j]), s.normal[k], s.colour[k], open * lit, open, face_, key_, fill_));
        rasterize_line(from, to, fragments.width, fragments.height, [&](int x, int y, float depth) {
          Fragment& f = fragments.at(x, y);
          // A little in favour of strands: the skin that they grow from is only as exact as its triangles.
          if (depth < f.depth + 0.03f) f = {depth, strand_surface, element, 0, 0};
        });
        from = to;
      }
    }
  }

  Vec3 colour(const Fragment& f) const {
    const Part& part = parts_[static_cast<std::size_t>(f.surface)];
    const Grid& g = part.grid;
    const auto corners = triangle_corners(g, f.element);
    const float a = 1 - f.b - f.c;
    const auto at = [&](const auto& values) {
      return values[corners[0]] * a + values[corners[1]] * f.b + values[corners[2]] * f.c;
    };
    SurfacePoint p{normalized(at(g.normal)), at(g.average), at(g.colour), at(g.open), at(g.lit), at(g.gloss)};
    if (part.material == Material::eye) look(p, face_);
    return shade(p, part.material, face_, key_, fill_);
  }

  Vec3 backdrop(float x, float y) const {
    const float u = x / static_cast<float>(width_), v = y / static_cast<float>(height_);
    const auto seed = static_cast<std::uint32_t>(face_.seed);
    const float glow = bell(u - face_.backdrop_light_x, v - face_.backdrop_light_y, 0.45f, 0.55f);
    const float stain = value_noise(4 * u, 3 * v, seed) + 0.5f * value_noise(11 * u, 2 * v, seed + 1) - 0.75f;
    float light = 0.55f + face_.backdrop_light * glow + 0.12f * stain;
    if (face_.spot) {  // the head's shadow, thrown to the left
      const float shadow = bell((u - face_.centre_x + 0.17f) / 0.1f, (v - face_.centre_y + 0.02f) / 0.21f, 1, 1);
      const float beam = smoothstep(0.15f, 1.1f, u + 0.15f * (0.5f - v)) * (4.5f + 1.5f * stain);
      light = (light + beam) * (1 - 0.62f * smoothstep(0.25f, 0.75f, shadow));
    }
    return face_.backdrop * light;
  }

  FaceParameters face_;
  Pose pose_;
  int width_, height_;
  Vec3 key_, fill_;
  Camera camera_;
  std::vector<Part> parts_;
  std::vector<Strands> facial_hair_;
  Strands scalp_hair_;
  bool full_detail_;  // of a large picture
  ShadowMap shadows_;
};

}  // namespace nasion::faces::synthetic
