#pragma once
// Numbers that PyTorch computed: tests/golden/*.safetensors, written by tests/golden/generate.py.

#include <set>
#include <string>
#include <vector>

#include "nasion/io/safetensors.hpp"
#include "support/gradcheck.hpp"

namespace test {

/// One golden file. Names are `case.what`.
class Golden {
 public:
  explicit Golden(const std::string& name)
      : file_(io::read_safetensors<double>(std::filesystem::path(NASION_GOLDEN_DIR) / (name + ".safetensors"))) {}

  /// Every name before the last dot that starts with `prefix`.
  std::vector<std::string> cases(const std::string& prefix = "") const {
    std::set<std::string> found;
    for (const auto& entry : file_.state.tensors)
      if (entry.name.starts_with(prefix)) found.insert(entry.name.substr(0, entry.name.rfind('.')));
    return {found.begin(), found.end()};
  }
  bool has(const std::string& name) const {
    const auto& all = file_.state.tensors;
    return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.name == name; });
  }
  Tensord operator[](const std::string& name) const { return file_.tensor(name); }
  const IntegerArray& array(const std::string& name) const { return file_.integers.at(name); }
  std::vector<Index> integers(const std::string& name) const { return array(name).values; }

 private:
  io::SafetensorsFile<double> file_;
};

/// The same numbers as `hashed` of generate.py: multiples of scale / 2^15, exact also in float.
template <class T>
std::vector<T> hashed(Index count, std::uint32_t number, double scale) {
  std::vector<T> result(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) {
    std::uint32_t h = static_cast<std::uint32_t>(i) + number * 0x9E3779B1;
    h = (h ^ h >> 16) * 0x85EBCA6B;
    h = (h ^ h >> 13) * 0xC2B2AE35;
    h ^= h >> 16;
    result[static_cast<std::size_t>(i)] = static_cast<T>((static_cast<double>(h & 0xFFFF) - 0x1p15) * (scale / 0x1p15));
  }
  return result;
}

/// Largest difference relative to the largest expected number (or 1, for smaller ones).
inline double relative_difference(const Tensord& x, const Tensord& expected) {
  double largest = 1;
  for (const double v : expected.values()) largest = std::max(largest, std::abs(v));
  return max_difference(x, expected) / largest;
}

/// Empty when `f(inputs)` and the gradients for the golden dy are those of the file, for inputs in both memory orders,
/// otherwise what differs. Inputs that the case does not have are undefined.
template <class F>
std::string compare_with_golden(const Golden& golden, const std::string& name, const std::vector<std::string>& inputs,
                                F&& f, double tolerance) {
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    Tensors leaves;
    for (const auto& input : inputs) {
      auto& x = leaves.emplace_back(golden.has(name + "." + input) ? golden[name + "." + input].clone() : Tensord{});
      if (!x.defined()) continue;
      if (x.rank() == 4) x = to_order(x, order);
      x.set_requires_grad(golden.has(name + ".d" + input));
    }
    const auto y = f(leaves);
    const auto check = [&](const std::string& what, const Tensord& x) {
      const double difference = relative_difference(x, golden[name + "." + what]);
      return difference <= tolerance
                 ? ""
                 : message(name, " ", order, ": ", what, " ", x.shape(), " differs by ", difference, ". ");
    };
    std::string wrong = check("y", y.detach());
    if (!wrong.empty()) return wrong;
    y.backward(golden[name + ".dy"]);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (golden.has(name + ".d" + inputs[i])) wrong += check("d" + inputs[i], leaves[i].grad());
    if (!wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace test
