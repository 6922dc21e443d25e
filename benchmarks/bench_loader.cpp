// How fast examples for a network are made: faces warped, with every kind of change that training may ask for, and
// stacked to batches. A training step must not wait for it.

#include "nasion/data/loader.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "support/program.hpp"

namespace {

namespace vision = nasion::vision;
namespace faces = nasion::faces;

/// Photos of noise, whose faces are as large as those of 300-W usually are.
faces::KeypointDataset make_dataset(int size, int faces) {
  faces::KeypointOptions options{
      .width = size, .height = size, .points = {}, .augmentation = vision::wild_face_augmentation()};
  for (int i = 0; i < faces::ibug::point_count; ++i) options.points.push_back(i);
  faces::KeypointDataset dataset(std::move(options));
  nasion::Rng rng(1);
  vision::Image photo(448, 448, 3);
  for (auto& value : photo.pixels) value = static_cast<std::uint8_t>(rng.uniform(0, 256));
  faces::Landmarks points;
  for (int i = 0; i < faces::ibug::point_count; ++i) points.push_back({rng.uniform(112, 336), rng.uniform(112, 336)});
  for (int i = 0; i < faces; ++i) dataset.add(photo, points, {78, 78, 291, 291});
  return dataset;
}

}  // namespace

int main(int argc, char** argv) {
  int size = 128, workers = 1;
  long batch = 16;
  return bench::run_program(
      argc, argv, "bench_loader", "Measures how many augmented faces a loader makes in a second.",
      [&](CLI::App& app) {
        app.add_option("--size", size, "side of the network's input, pixels")
            ->check(CLI::Range(8, 4096))
            ->capture_default_str();
        app.add_option("--batch", batch, "faces in a batch")->check(CLI::Range(1, 65536))->capture_default_str();
        app.add_option("--workers", workers, "threads that make batches")
            ->check(CLI::Range(0, 256))
            ->capture_default_str();
      },
      [&](const bench::Options& options, auto print) {
        nasion::set_num_threads(options.threads);
        constexpr int faces = 256;
        const auto dataset = make_dataset(size, faces);
        auto loader = nasion::data::make_loader(
            dataset, {.batch_size = batch, .shuffle = true, .workers = options.effort.processor_clock ? 0 : workers});
        const auto timing = bench::measure(options.effort, [&] {
          for (const auto& examples : loader) static_cast<void>(examples);
        });
        print(bench::with_times(bench::Record{{"work", "loader"},
                                              {"library", "nasion"},
                                              {"size", size},
                                              {"workers", workers},
                                              {"images_per_second", bench::rounded(faces / timing.best)}},
                                timing));
      });
}
