#pragma once
// What can be drawn at all.

#include "nasion/core/error.hpp"
#include "nasion/faces/synthetic/face_parameters.hpp"

namespace nasion::faces::synthetic {

/// ValueError unless both sizes are in 16 ... 8192.
inline void check_picture_size(const char* op, int width, int height) {
  check<ValueError>(width >= 16 && height >= 16 && width <= 8192 && height <= 8192, "[", op,
                    "] width and height must be in 16 ... 8192, got ", width, " x ", height);
}

/// ValueError when a number is not finite or so far off that there is no head to see.
inline void check_face(const FaceParameters& face) {
  const auto within = [](const char* what, float value, float low, float high) {
    check<ValueError>(value >= low && value <= high, "[render_face] ", what, " must be in ", low, " ... ", high,
                      ", got ", value);
  };
  for (const float weight : face.person.shape) within("person.shape", weight, -6, 6);
  for (const float weight : face.expression) within("expression", weight, -2, 2);
  within("eyes.upper", face.eyes.upper, -0.5f, 1.6f), within("eyes.lower", face.eyes.lower, -0.5f, 1.6f);
  within("gaze_x", face.gaze_x, -1, 1), within("gaze_y", face.gaze_y, -1, 1);
  within("yaw", face.yaw, -1.6f, 1.6f), within("pitch", face.pitch, -1, 1), within("roll", face.roll, -1, 1);
  within("centre_x", face.centre_x, -1, 2), within("centre_y", face.centre_y, -1, 2);
  within("scale", face.scale, 1e-3f, 0.2f);
  const auto& hair = face.person.hair;
  within("hair.length", hair.length, 0, 60), within("hair.thickness", hair.thickness, 0, 4);
  within("hair.parting", hair.parting, -2, 2), within("hair.recession", hair.recession, 0, 1);
  within("glasses_size", face.person.glasses_size, 0.2f, 3);
  within("collar_height", face.person.collar_height, -1, 2);
  for (const float density :
       {face.person.stubble, face.person.moustache, face.person.chin_beard, face.person.cheek_beard})
    within("beard", density, 0, 1);
  within("blur", face.blur, 0, 1), within("noise", face.noise, 0, 1), within("exposure", face.exposure, 0, 100);
  within("hair.over_face", hair.over_face, 0, 1), within("hat_height", face.person.hat_height, 1, 9);
  within("glasses_tint", face.person.glasses_tint, 0, 1);
  for (const ThingInFront& thing : face.in_front) {
    within("in_front.size", thing.size, 0.05f, 5), within("in_front.turn", thing.turn, -10, 10);
    for (const float at : {thing.at.x, thing.at.y, thing.at.z}) within("in_front.at", at, -60, 60);
  }
  const CameraEffects& camera = face.camera;
  within("camera.defocus", camera.defocus, 0, 0.2f), within("camera.motion", camera.motion, 0, 0.2f);
  within("camera.motion_angle", camera.motion_angle, -10, 10);
  within("camera.resolution", camera.resolution, 0.01f, 1);
  within("camera.jpeg_quality", static_cast<float>(camera.jpeg_quality), 0, 100);
  for (const float cut : {camera.cut_left, camera.cut_right, camera.cut_top, camera.cut_bottom})
    within("camera.cut", cut, 0, 1);
  check<ValueError>(length(face.light_direction) > 0 && length(face.fill_direction) > 0,
                    "[render_face] the directions of the lights must not be zero");
}

}  // namespace nasion::faces::synthetic
