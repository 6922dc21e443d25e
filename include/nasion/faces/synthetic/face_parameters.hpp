#pragma once
// Everything that makes one picture of one face, as plain numbers.

#include <array>
#include <cstdint>
#include <numbers>

#include "nasion/core/random.hpp"
#include "nasion/faces/synthetic/head_mesh.hpp"

namespace nasion::faces {

/// Who: the same for all pictures of a person. Colours are linear RGB in 0 ... 1.
struct PersonParameters {
  synthetic::IdentityWeights shape{};  ///< in standard deviations, see head_morphs.hpp
  bool female = false;

  synthetic::Vec3 skin{0.6f, 0.36f, 0.26f}, lips{0.5f, 0.2f, 0.18f}, iris{0.1f, 0.12f, 0.15f};
  float blush = 1, freckles = 0, shine = 1, wrinkles = 0;

  /// On the head, and its colour wherever else there is any.
  struct Hair {
    /// From none to shoulder-length.
    enum class Style { bald, cropped, brushed_up, parted, fringe, swept_back, long_open, curly };
    Style style = Style::cropped;
    synthetic::Vec3 colour{0.08f, 0.05f, 0.03f};
    float length = 3;      ///< cm
    float parting = 0.3f;  ///< side of the parting, -1 ... 1
    float recession = 0;   ///< how far the hairline has moved back, 0 ... 1
    float thickness = 1;   ///< of the brows too
    float over_face = 0;   ///< how far it hangs over brows, cheeks and jaw, 0 ... 1
  };
  Hair hair;
  float stubble = 0, moustache = 0, chin_beard = 0, cheek_beard = 0;  ///< density, 0 ... 1
  bool glasses = false;
  synthetic::Vec3 glasses_colour{0.02f, 0.02f, 0.02f};
  float glasses_size = 1;
  float glasses_tint = 0;  ///< how dark the lenses are, 0 ... 1

  /// Without a brim, with one in front, with one all round.
  enum class Hat { none, beanie, cap, brimmed };
  Hat hat = Hat::none;
  float hat_height = 4.2f;  ///< of its edge above the eyes, cm
  bool mask = false;        ///< over nose and mouth
  synthetic::Vec3 hat_colour{0.05f, 0.05f, 0.07f}, mask_colour{0.5f, 0.6f, 0.65f};

  synthetic::Vec3 clothes{0.05f, 0.05f, 0.07f}, collar{0.05f, 0.05f, 0.07f};
  /// A jacket is open over the collar's colour.
  enum class Cloth { plain, striped, speckled, jacket };
  Cloth cloth = Cloth::plain;
  float collar_height = 0;  ///< 0 T-shirt ... 1 turtleneck
  synthetic::Vec3 backdrop{0.02f, 0.09f, 0.075f};
  bool grey_photos = false;

  std::uint64_t seed = 0;  ///< of the person's texture and hair
};

/// What the camera does to the picture. Lengths are parts of the picture's height.
struct CameraEffects {
  float defocus = 0;                   ///< radius of a point out of focus
  float motion = 0, motion_angle = 0;  ///< half the way that it moves, and where to, in radians
  synthetic::Vec3 cast{1, 1, 1};       ///< colour of everything
  float resolution = 1;                ///< taken with this share of the pixels of a side, then enlarged
  int jpeg_quality = 0;                ///< 1 ... 100; 0: not compressed
  float cut_left = 0, cut_right = 0, cut_top = 0, cut_bottom = 0, cut_grey = 0;  ///< a frame where it was cut off
};

/// Something between face and camera, in centimetres of the head.
struct ThingInFront {
  /// Boxes are as large as a telephone, rods as a microphone.
  enum class Kind { none, hand, box, rod, ball };
  Kind kind = Kind::none;
  synthetic::Vec3 at{0, -6, 12}, colour{0.05f, 0.05f, 0.05f};
  float turn = 0;  ///< clockwise in the picture, radians; fingers point up at 0
  float size = 1;
};

/// How: what changes from picture to picture.
struct FaceParameters {
  PersonParameters person;
  synthetic::ExpressionWeights expression{};
  synthetic::EyeOpening eyes;
  float gaze_x = 0, gaze_y = 0;            ///< radians, relative to the head
  float yaw = 0, pitch = 0, roll = 0;      ///< radians; yaw > 0 turns the face to the right of the picture
  float centre_x = 0.5f, centre_y = 0.5f;  ///< where the point between the eyes is, relative to the picture
  float scale = 14.0f / 480;               ///< of one centimetre at the eyes, relative to the height of the picture

  synthetic::Vec3 light_direction{-0.2f, 0.6f, 0.8f}, light{1.6f, 1.5f, 1.4f};
  synthetic::Vec3 fill_direction{0.6f, 0.2f, 0.7f}, fill{0.3f, 0.3f, 0.32f}, ambient{0.35f, 0.35f, 0.35f};
  synthetic::Vec3 backdrop{0.02f, 0.09f, 0.075f};
  float backdrop_light_x = 0.5f, backdrop_light_y = 0.4f, backdrop_light = 0.5f;
  bool spot = false;  ///< one strong light from the right that throws a shadow on the backdrop
  float blur = 0.5f, noise = 0.012f, exposure = 1;
  CameraEffects camera;
  std::array<ThingInFront, 2> in_front{};
  std::uint64_t scenery = 0;  ///< seed of what is behind; 0: a photographer's backdrop, as above
  std::uint64_t seed = 0;     ///< of noise
};

}  // namespace nasion::faces
