#include "lab/faces.hpp"

#include <algorithm>
#include <utility>

#include "lab/src/interrupt.hpp"
#include "nasion/data/loader.hpp"
#include "nasion/faces/face_view.hpp"
#include "nasion/nasion.hpp"
#include "nasion/nn/fold_batch_norm.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/schedule.hpp"

namespace lab {

nasion::Tensorf face_finder_loss(const nasion::Tensorf& cells, const nasion::Tensorf& target) {
  using nasion::slice, nasion::sum, nasion::Tensorf;
  constexpr auto each = nasion::Reduction::none;
  const Tensorf logits = slice(cells, 1, 0, 1), present = slice(target, 1, 0, 1), counts = slice(target, 1, 1, 2);
  const Tensorf surprise = counts * square(present - sigmoid(logits.detach()));
  const Tensorf score = sum(surprise * bce_with_logits_loss(logits, present, each));
  const Tensorf box = sum(present * smooth_l1_loss(slice(cells, 1, 1, 4), slice(target, 1, 2, 5), each, 0.05f));
  return (score + box * 2.0f) / std::max(1.0f, sum(present).item());
}

std::vector<FacePhoto> face_photos(std::span<const FaceEntry> entries, int points) {
  constexpr std::size_t at_once = 64;
  std::vector<FacePhoto> photos;
  for (std::size_t first = 0; first < entries.size(); first += at_once)
    for (const auto& face : read_faces(entries.subspan(first, std::min(at_once, entries.size() - first)), points))
      photos.emplace_back(face.photo, face.points);
  return photos;
}

void find_lookalikes(std::vector<FacePhoto>& photos, const nasion::faces::FaceFinder<float>& network, double sure) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  const auto fast = nasion::nn::fold_batch_norm(network);
  for (FacePhoto& photo : photos) {
    photo.unlabelled.clear(), photo.lookalikes.clear();
    auto faces = find_faces(fast, photo.image, {.threshold = 0.25, .smallest = 12});
    // The labelled face comes first, so that what covers it is taken for it.
    faces.insert(faces.begin(), {faces::face_view(vision::bounding_box(photo.points), 1), 2.0});
    faces = non_maximum_suppression(std::move(faces));
    for (auto face = faces.begin() + 1; face != faces.end(); ++face)
      (face->score >= sure ? photo.unlabelled : photo.lookalikes).push_back(face->box);
  }
}

nasion::faces::FaceFinder<float> train_face_finder(std::vector<FacePhoto> photos, const FaceFinderTraining& options,
                                                   nasion::training::Progress& progress) {
  nasion::check<nasion::ValueError>(options.steps > 0 && options.batch > 0, "[train_face_finder] steps ", options.steps,
                                    " and batch ", options.batch, " must be positive");
  nasion::Rng rng(options.seed);
  nasion::faces::FaceFinder<float> network(rng);
  nasion::optim::AdamW<float> optimizer(nasion::nn::parameters(network), {.lr = options.lr, .weight_decay = 0.01});
  const auto schedule = nasion::optim::cosine(0.05);
  constexpr int rounds = 3;
  const FaceCollages collages(photos, nasion::Index{options.batch} * ((options.steps + rounds - 1) / rounds));
  auto batches = nasion::data::make_loader(collages, {.batch_size = options.batch, .seed = options.seed});
  const auto steps = rounds * batches.size();
  progress.say(nasion::message("training the network that finds faces: ", steps, " steps"));
  progress.begin("face finder", static_cast<long>(steps));
  double step = 0;
  for (int round = 0; round < rounds; ++round) {
    if (round > 0) find_lookalikes(photos, network, 0.7);  // by now, it knows faces well enough
    nasion::nn::train(network);
    for (const auto& batch : batches) {
      stop_if_asked();
      optimizer.options.lr = options.lr * schedule(step++ / static_cast<double>(steps));
      optimizer.zero_grad();
      const auto loss = face_finder_loss(network(batch.input), batch.target);
      loss.backward();
      optimizer.step();
      progress.advance(static_cast<double>(loss.item()));
    }
  }
  nasion::nn::eval(network);
  return network;
}

}  // namespace lab
