#pragma once
// One photograph of one face: everything put in place, lit, drawn and developed.

#include <memory>

#include "nasion/vision/image.hpp"
#include "nasion/vision/landmarks.hpp"
#include "nasion/vision/synthetic/face_parts.hpp"
#include "nasion/vision/synthetic/facial_hair.hpp"
#include "nasion/vision/synthetic/head_landmarks.hpp"
#include "nasion/vision/synthetic/rasterizer.hpp"
#include "nasion/vision/synthetic/scalp_hair.hpp"
#include "nasion/vision/synthetic/shading.hpp"
#include "nasion/vision/synthetic/skin.hpp"

namespace nasion::vision::synthetic {

/// How head and body are turned. Both turn about the neck; the skin of the neck follows smoothly.
class Pose {
 public:
  explicit Pose(const FaceParameters& face)
      : head_(rotation(face.yaw, face.pitch, face.roll)), body_(rotation(0.35f * face.yaw, 0, 0.2f * face.roll)) {}

  Vec3 operator()(Vec3 p) const { return pivot + head_(p - pivot); }
  Vec3 body(Vec3 p) const { return pivot + body_(p - pivot); }
  Vec3 direction(Vec3 d) const { return head_(d); }

  /// Turns a grid; on_body(average) is 0 on the head, 1 on the body.
  template <class Share>
  void turn(Grid& g, Share&& on_body) const {
    for (std::size_t i = 0; i < g.size(); ++i) {
      const float w = on_body(g.average[i]);
      g.position[i] = mix((*this)(g.position[i]), body(g.position[i]), w);
      g.normal[i] = normalized(mix(head_(g.normal[i]), body_(g.normal[i]), w));
    }
  }
  static float neck_share(Vec3 average) { return smoothstep(-12.2f, -16.5f, average.y); }

 private:
  static constexpr Vec3 pivot{0, -8, -1};
  Rotation head_, body_;
};

struct Part {
  Grid grid;
  Material material = Material::matte;
  bool has_openings = false;  // the head: eyes and mouth are cut out
};

/// Depths seen from the main light, to find what is in shadow.
class ShadowMap {
 public:
  explicit ShadowMap(Vec3 light) : depth_(size * size, 1e9f), z_(light) {
    x_ = normalized(cross({0, 1, 0}, light)), y_ = cross(light, x_);
  }
  void add(const Grid& g) {
    std::vector<Vec3> corners(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) corners[i] = (*this)(g.position[i]);
    rasterize(g, corners, size, size, [&](int x, int y, float d, std::uint32_t, float, float) { put(x, y, d); });
  }
  void add(Vec3 from, Vec3 to) {
    rasterize_line((*this)(from), (*this)(to), size, size, [&](int x, int y, float d) { put(x, y, d); });
  }
  /// Share of the light that reaches p, softened over about `blur` centimetres.
  float lit(Vec3 p, Vec3 normal, float blur) const {
    const Vec3 at = (*this)(p + normal * 0.3f);
    const float step = 0.4f * blur * scale;
    int seen = 0;
    for (int j = -2; j <= 2; ++j)
      for (int i = -2; i <= 2; ++i) {
        const int x = static_cast<int>(at.x + step * static_cast<float>(i)),
                  y = static_cast<int>(at.y + step * static_cast<float>(j));
        const bool inside = x >= 0 && y >= 0 && x < size && y < size;
        seen += !inside || at.z < depth_[static_cast<std::size_t>(y * size + x)] + 0.25f;
      }
    return static_cast<float>(seen) / 25;
  }

 private:
  static constexpr int size = 384;
  static constexpr float scale = 8;  // cells per centimetre
  Vec3 operator()(Vec3 p) const {
    return {size / 2 + scale * dot(p, x_), size / 2 - scale * (dot(p, y_) + 1), -dot(p, z_)};
  }
  void put(int x, int y, float d) {
    float& cell = depth_[static_cast<std::size_t>(y * size + x)];
    cell = std::min(cell, d);
  }
  std::vector<float> depth_;
  Vec3 x_, y_, z_;
};

}  // namespace nasion::vision::synthetic

namespace nasion::vision {

struct SyntheticFace {
  Image image;  ///< RGB, or grey for people with grey photos
  Landmarks points58, points68;
};

namespace synthetic {

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
        fill_(normalized(face.fill_direction)) {
    camera_.scale = face.scale * static_cast<float>(height);
    const Vec3 eyes = camera_(pose_({0, 0, camera_.near}));
    camera_.centre_x = face.centre_x * static_cast<float>(width) - eyes.x;
    camera_.centre_y = face.centre_y * static_cast<float>(height) - eyes.y;
    build();
  }

  Landmarks landmarks(const LandmarkModel& model, std::size_t first_eye, const std::vector<Vec3>& eyes) const {
    return place_landmarks<Point>(
        model, first_eye, eyes, [&](Vec3 p) { return pose_(morphed(p, face_.person.shape, face_.expression)); },
        [&](Vec3 p) { return camera_(p); });
  }

  std::vector<Vec3> draw() const {
    const int w = width_ * samples, h = height_ * samples;
    FragmentBuffer fragments(w, h);
    for (std::size_t k = 0; k < parts_.size(); ++k) draw_part(fragments, k);
    std::vector<Vec3> strand_colours;
    for (const Strands& s : strands_) draw_strands(fragments, s, strand_colours);

    std::vector<Vec3> picture(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_));
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x) {
        Vec3 sum;
        int empty = 0;
        for (int j = 0; j < samples; ++j)
          for (int i = 0; i < samples; ++i) {
            const Fragment& f = fragments.at(x * samples + i, y * samples + j);
            if (f.surface == Fragment::nothing)
              ++empty;
            else
              sum += f.surface == strand_surface ? strand_colours[f.element] : colour(f);
          }
        if (empty > 0)
          sum += backdrop(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f) * static_cast<float>(empty);
        picture[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)] =
            sum * (1.0f / (samples * samples));
      }
    return picture;
  }

 private:
  static constexpr std::int32_t strand_surface = 1000;

  void build() {
    const PersonParameters& person = face_.person;
    Grid head = head_mesh(person.shape, face_.expression);
    paint_skin(head, person, face_.eyes);
    const float richness = std::clamp(samples * camera_.scale / 28, 0.15f, 3.0f);
    strands_ = facial_hair(head, person, face_.eyes, richness);
    strands_.push_back(scalp_hair(head, person, richness));
    pose_.turn(head, Pose::neck_share);
    const auto on_head = [](Vec3) { return 0.0f; };
    const auto add = [&](Grid g, Material m, auto&& share) {
      pose_.turn(g, share);
      parts_.push_back({std::move(g), m, false});
    };
    parts_.push_back({std::move(head), Material::skin, true});
    for (const float side : {-1.0f, 1.0f}) {
      add(eyeball(side, person.shape), Material::eye, on_head);
      add(ear(side, person.shape, person.skin, 1.0f, 0.5f), Material::skin, on_head);
    }
    const auto deform = [&](Vec3 p) { return morphed(p, person.shape, face_.expression); };
    const auto skull = [&](Vec3 p) { return morphed(p, person.shape, {}); };
    add(teeth(true, skull), Material::matte, on_head);
    add(teeth(false, deform), Material::matte, on_head);
    add(mouth_cavity(deform), Material::matte, on_head);
    add(torso(person), Material::matte, [](Vec3) { return 1.0f; });
    if (person.glasses)
      for (Grid& g : glasses(person)) add(std::move(g), Material::matte, on_head);
    for (Strands& s : strands_) {
      for (Vec3& p : s.points) p = pose_(p);
      for (Vec3& n : s.normal) n = pose_.direction(n);
    }

    ShadowMap shadows(key_);
    for (const Part& part : parts_) shadows.add(part.grid);
    const Strands& hair = strands_.back();
    const auto step = static_cast<std::size_t>(hair.points_per_strand);
    for (std::size_t k = 0; k < hair.count(); ++k)
      for (std::size_t j = 0; j + 1 < step; ++j) shadows.add(hair.points[k * step + j], hair.points[k * step + j + 1]);
    const float blur = face_.spot ? 0.5f : 1.6f;
    for (Part& part : parts_)
      for (std::size_t i = 0; i < part.grid.size(); ++i)
        if (dot(part.grid.normal[i], key_) > -0.35f)
          part.grid.lit[i] *= shadows.lit(part.grid.position[i], part.grid.normal[i], blur);
    shadows_ = std::make_unique<ShadowMap>(std::move(shadows));
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

  void draw_strands(FragmentBuffer& fragments, const Strands& s, std::vector<Vec3>& colours) const {
    const auto step = static_cast<std::size_t>(s.points_per_strand);
    const bool scalp = &s == &strands_.back();
    for (std::size_t k = 0; k < s.count(); ++k) {
      const float root_lit = parts_[0].grid.lit[s.root[k]];
      const float tip_lit = scalp ? shadows_->lit(s.points[k * step + step - 1] + key_ * 0.8f, {}, 1.0f) : root_lit;
      Vec3 from = project(s.points[k * step]);
      for (std::size_t j = 0; j + 1 < step; ++j) {
        const Vec3 a = s.points[k * step + j], b = s.points[k * step + j + 1];
        const Vec3 to = project(b);
        const float along = static_cast<float>(j) / static_cast<float>(step - 1);
        const float open = mix(s.root_open, 1.0f, along);
        const Vec3 colour =
            shade_strand(normalized(b - a), s.normal[k], s.colour[k],
                         open * mix(root_lit, tip_lit, scalp ? 0.5f + 0.5f * along : 0.0f), open, face_, key_, fill_);
        const auto element = static_cast<std::uint32_t>(colours.size());
        colours.push_back(colour);
        rasterize_line(from, to, fragments.width, fragments.height, [&](int x, int y, float depth) {
          Fragment& f = fragments.at(x, y);
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
    if (part.material == Material::eye) {
      // The lids and lashes shade the upper part of the ball.
      const float below_lid = 0.62f * face_.eyes.upper - eye_radius * p.average.y;
      const float corner = 1 - 0.45f * smoothstep(0.45f, 0.95f, std::abs(p.average.x));
      p.open = mix(0.25f, 1.0f, smoothstep(-0.1f, 0.7f, below_lid)) * corner;
      const Rotation gaze = rotation(-face_.gaze_x, 0, 0);
      const Vec3 d = rotation(0, -face_.gaze_y, 0)(gaze(p.average));
      p.colour = eye_colour(normalized(d), face_.person) * (0.3f + 0.7f * p.open);
    }
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
      light = (light + 0.9f * smoothstep(0.25f, 1.1f, u)) * (1 - 0.62f * smoothstep(0.25f, 0.75f, shadow));
    }
    return face_.backdrop * light;
  }

  FaceParameters face_;
  Pose pose_;
  int width_, height_;
  Vec3 key_, fill_;
  Camera camera_;
  std::vector<Part> parts_;
  std::vector<Strands> strands_;
  std::unique_ptr<ShadowMap> shadows_;
};

/// From linear light to an 8-bit picture: lens blur, exposure, sensor noise, gamma.
inline Image develop(const std::vector<Vec3>& picture, int width, int height, const FaceParameters& face) {
  const auto at = [&](int x, int y) {
    return picture[static_cast<std::size_t>(std::clamp(y, 0, height - 1)) * static_cast<std::size_t>(width) +
                   static_cast<std::size_t>(std::clamp(x, 0, width - 1))];
  };
  std::array<std::uint8_t, 4097> gamma{};
  for (std::size_t i = 0; i < gamma.size(); ++i) {
    const float v = static_cast<float>(i) / 4096;
    gamma[i] = static_cast<std::uint8_t>(
        255 * (v <= 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f) + 0.5f);
  }
  const auto grain_seed = static_cast<std::uint32_t>(face.seed ^ (face.seed >> 32));
  const bool grey = face.person.grey_photos;
  Image image(width, height, grey ? 1 : 3);
  const float side = 0.25f * face.blur, middle = 1 - 2 * side;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      Vec3 sum;
      for (int j = -1; j <= 1; ++j) {
        const float wy = j == 0 ? middle : side;
        sum += (at(x - 1, y + j) * side + at(x, y + j) * middle + at(x + 1, y + j) * side) * wy;
      }
      sum = sum * face.exposure;
      const auto tone = [&](float v, int channel) {
        if (!(v > 0)) return gamma[0];
        v = v < 0.7f ? v : 0.7f + 0.3f * (1 - std::exp(-(v - 0.7f) / 0.3f));  // highlights roll off
        const float grain = hash01(x * 3 + channel, y, grain_seed) + hash01(x * 3 + channel, y, grain_seed + 9) - 1;
        v += face.noise * grain * std::sqrt(std::max(v, 0.0f) + 0.01f) * 2;
        return gamma[static_cast<std::size_t>(clamp01(v) * 4096)];
      };
      std::uint8_t* out = image.at(x, y);
      if (grey) {
        out[0] = tone(0.30f * sum.x + 0.59f * sum.y + 0.11f * sum.z, 0);
      } else {
        out[0] = tone(sum.x, 0), out[1] = tone(sum.y, 1), out[2] = tone(sum.z, 2);
      }
    }
  return image;
}

}  // namespace synthetic
}  // namespace nasion::vision
