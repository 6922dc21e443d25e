// predict as its users meet it: run from outside, with good and with bad photos.

#include <nlohmann/json.hpp>

#include "lab/src/process.hpp"
#include "nasion/faces/landmark_finder.hpp"
#include "nasion/faces/pts.hpp"
#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/vision/draw.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
namespace fs = std::filesystem;

namespace {

/// A model that says the same points of every face, and of every place that there is one, with `score` as a logit.
void write_model(const fs::path& path, float score) {
  Rng rng(1);
  const faces::LandmarkFinderConfig config{.points = 68, .input_size = 32, .face_margin = 1};
  faces::LandmarkFinder<float> finder{config, faces::landmark_resnet18<float>(config, rng),
                                      faces::FaceFinder<float>(rng)};
  finder.face_finder.head.bias.detach().mutable_data()[0] = score;
  finder.network.fc.weight.detach().fill(0);
  float* coordinates = finder.network.fc.bias.detach().mutable_data();
  for (int k = 0; k < 68; ++k) {
    const int other = faces::ibug::mirrored[static_cast<std::size_t>(k)];
    *coordinates++ = k < other ? 0.2f : k > other ? 0.8f : 0.5f;
    *coordinates++ = 0.2f + 0.6f * static_cast<float>(std::min(k, other)) / 68;
  }
  io::save(path, finder, faces::metadata_of(config));
}

struct Folder {
  test::TemporaryFolder folder;
  fs::path model = folder / "model.safetensors", photo = folder / "photo.jpg", out = folder / "out";

  explicit Folder(float score = -4) {
    write_model(model, score);
    vision::write_jpeg(photo, vision::Image(160, 120, 3, 120));
  }
  lab::ProcessResult run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {std::string(NASION_PROGRAM_DIR) + "/predict", "--out", out});
    return lab::run_process(arguments, "");
  }
  std::vector<std::string> results() const {
    std::vector<std::string> names;
    if (fs::exists(out))
      for (const auto& file : fs::directory_iterator(out)) names.push_back(file.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
};

using Names = std::vector<std::string>;
long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
nlohmann::json read_json(const fs::path& path) { return nlohmann::json::parse(test::read_text(path)); }

}  // namespace

TEST_CASE("predict writes the photo with its points, JSON and .pts for the box it is given") {
  const Folder f;
  const auto result = f.run({f.model, f.photo, "--box", "20,30,60,60"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  CHECK(lines(result.out) == 1);
  CHECK_THAT(result.out, ContainsSubstring("160 x 120, 1 face -> "));
  CHECK(f.results() == Names{"photo.jpg", "photo.json", "photo.pts"});

  const auto said = read_json(f.out / "photo.json");
  CHECK(said["photo"] == f.photo.string());
  CHECK(said["width"] == 160);
  CHECK(said["height"] == 120);
  CHECK(said["landmarks"] == "ibug 68");
  REQUIRE(said["faces"].size() == 1);
  CHECK(said["faces"][0]["score"].is_null());
  const auto points = faces::read_pts(f.out / "photo.pts");
  REQUIRE(points.size() == 68);
  REQUIRE(said["faces"][0]["points"].size() == 68);
  for (std::size_t i = 0; i < 68; ++i) {
    CHECK(points[i].x == Approx(said["faces"][0]["points"][i][0].get<double>()).margin(0.001));
    CHECK(points[i].y == Approx(said["faces"][0]["points"][i][1].get<double>()).margin(0.001));
  }
  const auto box = vision::bounding_box(points);
  CHECK(said["faces"][0]["box"][2].get<double>() == Approx(box.width).margin(0.001));
  CHECK((box.x > 15 && box.y > 25 && box.x + box.width < 85 && box.y + box.height < 95));
  const auto drawn = vision::read_image(f.out / "photo.jpg");
  CHECK(drawn.width * 120 == drawn.height * 160);
  CHECK(drawn.width >= 160);
}

TEST_CASE("predict finds faces itself, and numbers their files") {
  const Folder f(3);
  const auto result = f.run({f.model, f.photo});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const auto faces = read_json(f.out / "photo.json")["faces"];
  REQUIRE(faces.size() > 1);
  CHECK(faces[0]["score"].get<double>() == Approx(0.953).margin(0.001));
  CHECK(faces[0]["pts"] == "photo.pts");
  CHECK(faces[1]["pts"] == "photo_2.pts");
  CHECK(f.results().size() == 2 + faces.size());
  CHECK_THAT(result.out, ContainsSubstring(message(faces.size(), " faces, score 0.95 0.95")));
}

TEST_CASE("The camera's orientation counts, and so does the kind of file") {
  const Folder f;
  auto bytes = vision::encode_jpeg(vision::Image(160, 120, 3, 120));
  const std::string exif(
      "\xff\xe1\x00\x22"
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
      36);
  bytes.insert(2, exif);
  test::write_text(f.folder / "turned.JPG", bytes);
  vision::write_png(f.folder / "drawing.png", vision::Image(80, 60, 1, 50));
  REQUIRE(f.run({f.model, f.folder / "turned.JPG", "--box", "20,60,60,60"}).code == 0);
  REQUIRE(f.run({f.model, f.folder / "drawing.png", "--box", "20,10,40,40"}).code == 0);
  CHECK(read_json(f.out / "turned.json")["width"] == 120);
  CHECK(read_json(f.out / "turned.json")["height"] == 160);
  CHECK(f.results() == Names{"drawing.json", "drawing.png", "drawing.pts", "turned.jpg", "turned.json", "turned.pts"});
}

TEST_CASE("A photo that cannot be used does not keep the others from being used") {
  const Folder f(3);
  test::write_text(f.folder / "text.jpg", "not a photo");
  vision::write_png(f.folder / "other.png", vision::Image(100, 100, 3, 60));
  const auto result =
      f.run({f.model, f.folder / "text.jpg", f.photo, f.folder / "missing.jpg", f.folder / "other.png"});
  CHECK(result.code == 2);
  CHECK(lines(result.out) == 2);
  CHECK(lines(result.err) == 3);
  CHECK_THAT(result.err, ContainsSubstring("text.jpg: is neither a JPEG nor a PNG image") &&
                             ContainsSubstring("missing.jpg") &&
                             ContainsSubstring("2 of 4 photos are without a result"));
  CHECK(fs::exists(f.out / "photo.json"));
  CHECK(fs::exists(f.out / "other.json"));
}

TEST_CASE("What predict cannot use is one line, exit code 2, and no results") {
  const Folder f;
  std::vector<std::string> arguments{f.model, f.photo};
  std::string expected;
  SECTION("no face on the photo") { expected = "photo.jpg: no face found: --box"; }
  SECTION("no such model") {
    arguments[0] = f.folder / "nothing.safetensors";
    expected = "nothing.safetensors";
  }
  SECTION("a model of another program") {
    Rng rng(1);
    arguments[0] = f.folder / "nose.safetensors";
    io::save(arguments[0], models::KeypointCnn<float>(models::nose_tip_config(), rng), {{"setting.epochs", "1"}});
    expected = "is not a model that finds landmarks";
  }
  SECTION("a model that is no model") {
    test::write_text(f.folder / "text", "something else");
    arguments[0] = f.folder / "text";
    expected = "text: ";
  }
  SECTION("no photo") {
    arguments.pop_back();
    expected = "PHOTO";
  }
  SECTION("a box outside of the photo") {
    arguments.insert(arguments.end(), {"--box", "150,100,60,60"});
    expected = "photo.jpg: the box 150,100,60,60 lies outside of the photo, which has 160 x 120 pixels";
  }
  SECTION("a box of three numbers") {
    arguments.insert(arguments.end(), {"--box", "1,2,3"});
    expected = "--box: must be x,y,w,h in pixels";
  }
  SECTION("a box without area") {
    arguments.insert(arguments.end(), {"--box", "1,2,3,0"});
    expected = "'1,2,3,0'";
  }
  SECTION("a box for two photos") {
    arguments.insert(arguments.end(), {f.photo, "--box", "1,2,30,30"});
    expected = "--box is for one photo, not for 2";
  }
  SECTION("a threshold that is no number") {
    arguments.insert(arguments.end(), {"--threshold", "high"});
    expected = "--threshold";
  }
  const auto result = f.run(arguments);
  CHECK(result.code == 2);
  CHECK(result.out.empty());
  CHECK_THAT(result.err, ContainsSubstring(expected));
  CHECK(lines(result.err) == 1);
  CHECK(f.results().empty());
}

TEST_CASE("Results are only replaced when that is asked for, and nothing else ever is") {
  const Folder f(3);
  REQUIRE(f.run({f.model, f.photo}).code == 0);
  const auto before = f.results();
  const auto text = test::read_text(f.out / "photo.json");
  REQUIRE(before.size() > 4);

  const auto again = f.run({f.model, f.photo, "--box", "20,30,60,60"});
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("photo.json: is there already: --overwrite"));
  CHECK(f.results() == before);
  CHECK(test::read_text(f.out / "photo.json") == text);

  REQUIRE(f.run({f.model, f.photo, "--box", "20,30,60,60", "--overwrite"}).code == 0);
  CHECK(f.results() == Names{"photo.jpg", "photo.json", "photo.pts"});  // no points of faces that are gone

  SECTION("another photo of the same name") {
    fs::create_directory(f.folder / "other");
    fs::copy_file(f.photo, f.folder / "other/photo.jpg");
    for (const bool overwrite : {false, true}) {  // which would not help, so that nobody is told to try it
      std::vector<std::string> arguments{f.model, f.folder / "other/photo.jpg"};
      if (overwrite) arguments.push_back("--overwrite");
      const auto other = f.run(arguments);
      CHECK(other.code == 2);
      CHECK_THAT(other.err, ContainsSubstring("is no earlier prediction for this photo"));
    }
  }
  SECTION("the photo itself, and labels beside it") {
    test::write_text(f.folder / "photo.pts", "labels");
    const auto photo = test::read_text(f.photo);
    const auto beside = f.run({f.model, f.photo, "--overwrite", "--out", f.folder.path()});
    CHECK(beside.code == 2);
    CHECK(test::read_text(f.photo) == photo);
    CHECK(test::read_text(f.folder / "photo.pts") == "labels");
    CHECK_FALSE(fs::exists(f.folder / "photo.json"));
  }
}

TEST_CASE("A call that could not write its results can be repeated") {
  const Folder f;
  const auto limited =
      lab::run_process({"bash", "-c", "ulimit -f 5; exec \"$0\" \"$@\"", std::string(NASION_PROGRAM_DIR) + "/predict",
                        "--out", f.out, f.model, f.photo, "--box", "20,30,60,60"},
                       "");
  CHECK(limited.code == 2);
  CHECK_THAT(limited.err, ContainsSubstring("photo.jpg: cannot write (File too large)"));
  CHECK(f.results().empty());
  REQUIRE(f.run({f.model, f.photo, "--box", "20,30,60,60"}).code == 0);

  SECTION("and an earlier prediction stays what it was") {
    const auto text = test::read_text(f.out / "photo.json");
    const auto again =
        lab::run_process({"bash", "-c", "ulimit -f 5; exec \"$0\" \"$@\"", std::string(NASION_PROGRAM_DIR) + "/predict",
                          "--out", f.out, f.model, f.photo, "--box", "25,30,60,60", "--overwrite"},
                         "");
    CHECK(again.code == 2);
    CHECK(test::read_text(f.out / "photo.json") == text);
    CHECK(f.results() == Names{"photo.jpg", "photo.json", "photo.pts"});
  }
  SECTION("also when it was killed in between") {
    fs::remove(f.out / "photo.pts");
    fs::remove(f.out / "photo.jpg");
    CHECK_THAT(f.run({f.model, f.photo, "--box", "20,30,60,60"}).err, ContainsSubstring("--overwrite replaces"));
    CHECK(f.run({f.model, f.photo, "--box", "20,30,60,60", "--overwrite"}).code == 0);
    CHECK(f.results() == Names{"photo.jpg", "photo.json", "photo.pts"});
  }
}

TEST_CASE("A strange file in the way is named, and other photos go on") {
  const Folder f(3);
  vision::write_png(f.folder / "other.png", vision::Image(100, 100, 3, 60));
  const std::string in_the_way = GENERATE(
      R"({"photo":[{"box":[1,2.3,4],"score":0.5,"pts":"a.pts","poinks":[[1,6]]},1]})", R"({"photo":7,"faces":[]})",
      R"({"photo":null})", R"({"faces":{}})", "[1]", "null", "", "\xff", R"({"photo":"elsewhere.jpg","faces":[1,{}]})");
  fs::create_directory(f.out);
  test::write_text(f.out / "photo.json", in_the_way);
  const auto result = f.run({f.model, f.photo, f.folder / "other.png", "--overwrite"});
  CHECK(result.code == 2);
  CHECK_THAT(result.err,
             ContainsSubstring("photo.json: is there already, and is no earlier prediction for this photo"));
  CHECK(test::read_text(f.out / "photo.json") == in_the_way);
  CHECK(fs::exists(f.out / "other.json"));
}

TEST_CASE("A photo's name cannot steer the terminal, and need not be UTF-8") {
  const Folder f;
  fs::create_directory(f.folder / "new\nline");
  const auto odd = f.folder / "new\nline" / "\x1b[31mred\xe9.jpg";
  fs::copy_file(f.photo, odd);
  const auto result = f.run({f.model, odd, "--box", "20,30,60,60"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(lines(result.out) == 1);
  CHECK_THAT(result.out, ContainsSubstring("new\\nline/\\u001b[31mred\ufffd.jpg: 160 x 120"));
  CHECK(read_json(f.out / "\x1b[31mred\xe9.json")["photo"] ==
        f.folder.path().string() + "/new\nline/\x1b[31mred\ufffd.jpg");
  const auto again = f.run({f.model, odd, "--box", "20,30,60,60"});
  CHECK(again.code == 2);
  CHECK(lines(again.err) == 1);
  CHECK(again.err.find('\x1b') == std::string::npos);
  CHECK(f.run({f.model, odd, "--box", "20,30,60,60", "--overwrite"}).code == 0);
}

TEST_CASE("The same photo by another name of its folder is the same photo") {
  const Folder f;
  REQUIRE(f.run({f.model, f.photo, "--box", "20,30,60,60"}).code == 0);
  const auto other = f.folder / "." / "photo.jpg";
  CHECK(f.run({f.model, other, "--box", "20,30,60,60", "--overwrite"}).code == 0);
}

TEST_CASE("predict says how it is used") {
  const Folder f;
  const auto help = f.run({"--help"});
  CHECK(help.code == 0);
  for (const auto* word : {"MODEL", "PHOTO", "--box", "--out", "--overwrite", "--threshold", "Exit code"})
    CHECK_THAT(help.out, ContainsSubstring(word));
}
