#pragma once
// Points of the average head with the displacements of all morphs worked out once: a sum makes them any person's.

#include <utility>
#include <vector>

#include "nasion/faces/synthetic/head_morphs.hpp"

namespace nasion::faces::synthetic {

class MorphedPoints {
 public:
  explicit MorphedPoints(std::vector<Vec3> average) : average_(std::move(average)) {
    for (const Morph& morph : identity_morphs) identity_.push_back(displacements(morph));
    for (const Morph& morph : expression_morphs) expression_.push_back(displacements(morph));
  }
  const std::vector<Vec3>& average() const { return average_; }

  /// Where they are on this person with this expression; see morphed().
  std::vector<Vec3> operator()(const IdentityWeights& identity, const ExpressionWeights& expression) const {
    std::vector<Vec3> sum = average_;
    for (std::size_t k = 0; k < identity.size(); ++k) add(identity_[k], identity[k], sum);
    for (std::size_t k = 0; k < expression.size(); ++k) add(expression_[k], expression[k], sum);
    return sum;
  }

 private:
  /// Of the points [first, last), the only ones that a morph moves.
  struct Displacements {
    std::size_t first = 0;
    std::vector<Vec3> by;
  };
  Displacements displacements(const Morph& morph) const {
    const auto is_moved = [](Vec3 d) { return dot(d, d) > 1e-10f; };
    std::vector<Vec3> all(average_.size());
    std::transform(average_.begin(), average_.end(), all.begin(), morph.at);
    const auto first = std::find_if(all.begin(), all.end(), is_moved);
    const auto last = std::find_if(all.rbegin(), std::make_reverse_iterator(first), is_moved).base();
    return {static_cast<std::size_t>(first - all.begin()), {first, last}};
  }
  static void add(const Displacements& morph, float weight, std::vector<Vec3>& sum) {
    if (weight == 0) return;
    for (std::size_t i = 0; i < morph.by.size(); ++i) sum[morph.first + i] += morph.by[i] * weight;
  }

  std::vector<Vec3> average_;
  std::vector<Displacements> identity_, expression_;
};

}  // namespace nasion::faces::synthetic
