#pragma once
// Hair is drawn as thousands of single strands. Here: what a strand is and where strands grow.

#include "nasion/faces/synthetic/face_parameters.hpp"
#include "nasion/faces/synthetic/hair_maps.hpp"
#include "nasion/faces/synthetic/noise.hpp"

namespace nasion::faces::synthetic {

/// All strands of a head, each a chain of `points_per_strand` points, in the frame of the head.
struct Strands {
  int points_per_strand = 2;
  std::vector<Vec3> points, normal, colour;  // points; outward direction and colour of each strand
  std::vector<std::size_t> root;             // point of the head mesh it grows from
  float root_open = 1;                       // light that reaches the roots; tips get all

  std::size_t count() const { return root.size(); }
};

/// Chooses points of a mesh at random, more where `density` and the area of the mesh's cells are larger.
class RootSampler {
 public:
  template <class Density>
  RootSampler(const Grid& g, Density&& density) : sums_(g.size()) {
    double sum = 0;
    for (int r = 0; r < g.rows; ++r)
      for (int c = 0; c < g.columns; ++c) {
        const std::size_t i = g.index(r, c);
        if (r + 1 < g.rows && c + 1 < g.columns) {
          const float d = density(g.average[i]);
          if (d > 0) {
            const Vec3 across = g.position[i + 1] - g.position[i], down = g.position[g.index(r + 1, c)] - g.position[i];
            sum += static_cast<double>(d * length(cross(across, down)));
          }
        }
        sums_[i] = sum;
      }
  }
  bool empty() const { return sums_.empty() || sums_.back() <= 0; }
  double area() const { return empty() ? 0 : sums_.back(); }  // cm^2 times density
  std::size_t operator()(Rng& rng) const {
    const auto at = std::upper_bound(sums_.begin(), sums_.end(), rng.uniform() * sums_.back());
    return static_cast<std::size_t>(std::min(at, sums_.end() - 1) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

namespace detail {

inline float uniform(Rng& rng, float low, float high) { return static_cast<float>(rng.uniform(low, high)); }
inline Vec3 random_vector(Rng& rng, float size) {
  return {uniform(rng, -size, size), uniform(rng, -size, size), uniform(rng, -size, size)};
}

inline Vec3 along_surface(Vec3 direction, Vec3 normal) { return direction - normal * dot(direction, normal); }

/// A random place in the cell behind a point of the mesh.
inline Vec3 jittered(const Grid& g, std::size_t i, Rng& rng) {
  const Vec3 across = g.position[i + 1] - g.position[i],
             down = g.position[i + static_cast<std::size_t>(g.columns)] - g.position[i];
  const float u = uniform(rng, 0, 1), v = uniform(rng, 0, 1);
  return g.position[i] + across * u + down * v;
}

inline Vec3 varied(Vec3 colour, Rng& rng, float lock) {
  return colour * (0.55f + 0.5f * uniform(rng, 0, 1) + 0.5f * lock);
}

}  // namespace detail

}  // namespace nasion::faces::synthetic
