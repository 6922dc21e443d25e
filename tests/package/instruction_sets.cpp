// Two units of one program are compiled for different processors. Each must compute with its own kernels, also from a
// weight that the other one has packed for its registers.
#include "instruction_sets.hpp"

#include <cmath>
#include <cstdio>
#include <span>

using namespace nasion;

namespace {
bool close(const char* what, std::span<const float> a, std::span<const float> b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = std::abs(a[i] - b[i]) < 1e-4F;
  if (!same) std::printf("%s differs\n", what);
  return same;
}
}  // namespace

int main() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 77;
  Rng rng(1);
  bool ok = true;
  for (const Index kernel : {1, 3}) {  // the direct kernel, Winograd's
    const auto x = to_order(Tensorf::uniform({2, 12, 17, 17}, rng, -1, 1), MemoryOrder::channels_last);
    const auto weight = Tensorf::uniform({20, 12, kernel, kernel}, rng, -1, 1);
    const auto a = infer_baseline(x, weight), b = infer_avx2(x, weight), c = infer_baseline(x, weight);
    ok = close("inference", a.values(), b.values()) && close("inference again", a.values(), c.values()) && ok;
    ok = close("gradient", train_baseline(x, weight), train_avx2(x, weight)) && ok;
  }
  return ok ? 0 : 1;
}
