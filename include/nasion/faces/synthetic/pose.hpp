#pragma once
// How a head is held.

#include "nasion/faces/synthetic/face_parameters.hpp"
#include "nasion/faces/synthetic/grid.hpp"

namespace nasion::faces::synthetic {

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

}  // namespace nasion::faces::synthetic
