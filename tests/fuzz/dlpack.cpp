// Tensors from other libraries: what the input says of a block of memory is taken as it is, or refused.
#include <array>

#include "nasion/core/dlpack.hpp"
#include "support.hpp"

namespace {

struct Description {
  DLTensor tensor;
  std::array<std::int64_t, 8> shape, strides;
};

}  // namespace

void fuzz::run(std::string_view input) {
  Description told;
  if (input.size() < sizeof told) return;
  std::memcpy(static_cast<void*>(&told), input.data(), sizeof told);
  static std::array<float, 64> memory{};
  DLManagedTensor managed{told.tensor, nullptr, nullptr};
  auto& x = managed.dl_tensor;
  x.data = x.data ? memory.data() : nullptr;
  x.shape = x.ndim == 0 && !x.shape ? nullptr : told.shape.data();
  x.byte_offset %= 8;  // what lies there is the other library's word
  x.strides = x.strides ? told.strides.data() : nullptr;
  try {
    const auto tensor = nasion::from_dlpack<float>(&managed);
    require(tensor.rank() == x.ndim && std::equal(tensor.shape().begin(), tensor.shape().end(), x.shape),
            "another shape than told");
    require(reinterpret_cast<std::uintptr_t>(tensor.memory()) % alignof(float) == 0, "numbers between two addresses");
  } catch (const nasion::ValueError& error) {
    check_refusal(error.what(), "[");
  } catch (const nasion::ShapeError& error) {
    check_refusal(error.what(), "[");
  }
}
