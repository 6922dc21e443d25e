// Finds the faces on anyone's photos, and the landmarks of each, with a model that part3_resnet18 has trained.

#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

#include "lab/face_report.hpp"
#include "lab/program.hpp"
#include "nasion/faces/landmark_finder.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/nn/fold_batch_norm.hpp"

using namespace nasion;
namespace fs = std::filesystem;

namespace {

struct Flags {
  fs::path model, out = "predictions";
  std::vector<fs::path> photos;
  std::vector<vision::Box> boxes;
  faces::FindFacesOptions find;
  int threads = 0;
  bool overwrite = false;
};

std::vector<lab::PredictedFace> faces_of(const faces::LandmarkFinder<float>& finder, const vision::Image& photo,
                                         const Flags& flags) {
  std::vector<lab::PredictedFace> faces;
  for (const auto& box : flags.boxes) {
    lab::check_on_photo(box, photo);
    auto points = faces::locate_landmarks(finder.network, finder.config, photo, box);
    faces.push_back({vision::bounding_box(points), std::nullopt, std::move(points)});
  }
  if (flags.boxes.empty())
    for (auto& face : faces::find_landmarks(finder, photo, flags.find))
      faces.push_back({face.box, face.score, std::move(face.points)});
  check<ValueError>(!faces.empty(), "no face found: --box x,y,w,h says where one is");
  return faces;
}

void predict(const faces::LandmarkFinder<float>& finder, const fs::path& path, const Flags& flags) {
  const auto photo = vision::read_image(path);
  const auto faces = faces_of(finder, photo, flags);
  const lab::PredictionFiles files(flags.out, path);
  files.write(photo, faces, flags.overwrite);
  auto line = message(path.string(), ": ", photo.width, " x ", photo.height, ", ", faces.size(),
                      faces.size() == 1 ? " face" : " faces", flags.boxes.empty() ? ", score" : "");
  for (const auto& face : faces)
    if (face.score) line += " " + lab::fixed(*face.score, 2);
  std::cout << printable(line + " -> " + files.picture().string()) << std::endl;
}

/// Photos that cannot be used do not keep the others from being used.
int run(const Flags& flags) {
  check<ValueError>(flags.boxes.empty() || flags.photos.size() == 1, "--box is for one photo, not for ",
                    flags.photos.size());
  set_num_threads(flags.threads);
  const auto finder = nn::fold_batch_norm(faces::load_landmark_finder<float>(flags.model));
  io::remove_leftovers(flags.out);
  std::size_t failed = 0;
  for (const auto& path : flags.photos) {
    lab::stop_if_asked();
    std::string failure;
    try {
      predict(finder, path, flags);
      continue;
    } catch (const IoError& error) {
      failure = error.what();
    } catch (const std::bad_alloc&) {
      failure = path.string() + ": out of memory";
    } catch (const std::exception& error) {
      failure = path.string() + ": " + error.what();
    }
    check<ValueError>(flags.photos.size() > 1, failure);
    std::cerr << "predict: " << printable(failure) << std::endl;
    ++failed;
  }
  check<ValueError>(failed == 0, failed, " of ", flags.photos.size(), " photos are without a result");
  return lab::ExitCode::done;
}

const lab::About about{
    .name = "predict",
    .description =
        "Finds the faces on photos, and the landmarks of each, with a model that part3_resnet18 has trained.\n"
        "For each photo it writes the photo with the points on it, NAME.json, and a .pts file for each face.",
    .footer =
        "Exit code: 0 when there is a result for every photo; 2 when something given cannot be used, such as a photo\n"
        "without a face (the other photos still have their results); 128 + n when signal n stopped it; 1 for other\n"
        "errors.\n\n"
        "  predict runs/part3_resnet18/model.safetensors me.jpg friends.jpg --out found\n"
        "  predict model.safetensors group.jpg --box 410,220,160,180 --box 640,200,150,170"};

void add_flags(CLI::App& app, Flags& flags) {
  lab::add_argument(app, "MODEL", "model.safetensors of part3_resnet18", flags.model);
  lab::add_argument(app, "PHOTO", "JPEG or PNG files", flags.photos);
  lab::add_repeated_flag(
      app, "--box", "x,y,w,h",
      "where a face is, from the brows to the chin, in pixels of the upright photo: left, top, width, height; for "
      "one photo, once for each face (default: faces are looked for)",
      [&](const std::string& text) { flags.boxes.push_back(lab::box_of("--box", text)); });
  lab::add_flag(app, "--out", "DIR", "folder for the results (default: predictions)", flags.out, lab::output_folder);
  lab::add_switch(app, "--overwrite", "replace the results of an earlier call for the same photo", flags.overwrite);
  lab::add_flag(app, "--threshold", "X",
                "least score of a face (default: 0.5): lower finds more, also where there is none",
                flags.find.threshold, lab::positive_number);
  lab::add_flag(
      app, "--threads", "N", "0: all (default); speed only, results do not depend on it", flags.threads,
      [](const std::string& flag, const std::string& text) { return lab::whole_number<int>(flag, text, 0, 1024); });
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  return lab::run_app(
      argc, argv, about, [&](CLI::App& app) { add_flags(app, flags); }, [&] { return run(flags); });
}
