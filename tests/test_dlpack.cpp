#include "nasion/core/dlpack.hpp"

#include "support/catch.hpp"

using namespace nasion;

namespace {

/// What another library hands over: counts the calls of its deleter.
struct Foreign {
  std::vector<float> numbers = std::vector<float>(24, 1);
  std::vector<std::int64_t> shape{1, 2, 3, 4}, strides{};
  int deleted = 0;
  DLManagedTensor managed{{numbers.data(), {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, shape.data(), nullptr, 0},
                          this,
                          [](DLManagedTensor* self) { ++static_cast<Foreign*>(self->manager_ctx)->deleted; }};
};

}  // namespace

TEST_CASE("A tensor that is handed over lives until its deleter is called") {
  const auto before = memory_stats().in_use;
  auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  const double* memory = x.data();
  DLManagedTensor* handed = to_dlpack(x);
  x = {};
  const DLTensor& t = handed->dl_tensor;
  CHECK(t.data == memory);
  CHECK(static_cast<double*>(t.data)[5] == 6);
  CHECK((t.ndim == 2 && t.shape[0] == 2 && t.shape[1] == 3 && t.strides[0] == 3 && t.strides[1] == 1));
  CHECK((t.dtype.code == kDLFloat && t.dtype.bits == 64 && t.dtype.lanes == 1 && t.device.device_type == kDLCPU));
  CHECK(memory_stats().in_use > before);
  handed->deleter(handed);
  CHECK(memory_stats().in_use == before);
}

TEST_CASE("Both memory orders go out and come back on the same memory") {
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto x = Tensorf::zeros({2, 3, 4, 5}, order);
    const auto back = from_dlpack<float>(to_dlpack(x));
    CHECK(back.memory() == x.memory());
    CHECK(back.shape() == x.shape());
    CHECK(back.order() == order);
  }
  CHECK(from_dlpack<float>(to_dlpack(Tensorf::scalar(3))).item() == 3);
}

TEST_CASE("A tensor of another library is given back when the last tensor on it is gone") {
  Foreign foreign;
  {
    const auto x = from_dlpack<float>(&foreign.managed), alias = x.detach();
    CHECK(x.data() == foreign.numbers.data());
    CHECK(x.order() == MemoryOrder::row_major);
  }
  CHECK(foreign.deleted == 1);
  foreign.managed.dl_tensor.byte_offset = 4;
  foreign.shape[3] = 3;
  CHECK(from_dlpack<float>(&foreign.managed).data() == foreign.numbers.data() + 1);
  foreign.managed.deleter = nullptr;
  CHECK(from_dlpack<float>(&foreign.managed).size() == 18);
}

TEST_CASE("What is no tensor here is an error, and stays the caller's") {
  Foreign foreign;
  DLTensor& t = foreign.managed.dl_tensor;
  CHECK_THROWS_AS(from_dlpack<float>(nullptr), ValueError);
  CHECK_THROWS_WITH(from_dlpack<double>(&foreign.managed),
                    ContainsSubstring("32 bits") && ContainsSubstring("64 bits"));
  foreign.strides = {24, 1, 2, 6};
  t.strides = foreign.strides.data();
  CHECK_THROWS_WITH(from_dlpack<float>(&foreign.managed), ContainsSubstring("[24, 1, 2, 6]"));
  t.strides = nullptr;
  t.device.device_type = kDLCUDA;
  CHECK_THROWS_WITH(from_dlpack<float>(&foreign.managed), ContainsSubstring("device"));
  constexpr std::int32_t later_device = 1 << 30;  // of another version of DLPack
  std::memcpy(&t.device.device_type, &later_device, sizeof later_device);
  CHECK_THROWS_WITH(from_dlpack<float>(&foreign.managed), ContainsSubstring("device of type 1073741824,"));
  t.device.device_type = kDLCPU;
  t.ndim = 7;
  CHECK_THROWS_AS(from_dlpack<float>(&foreign.managed), ShapeError);
  t.ndim = 4;
  foreign.shape[0] = -1;
  CHECK_THROWS_AS(from_dlpack<float>(&foreign.managed), ShapeError);
  foreign.shape[0] = 1;
  t.data = nullptr;
  CHECK_THROWS_WITH(from_dlpack<float>(&foreign.managed), ContainsSubstring("null"));
  CHECK(foreign.deleted == 0);
}

TEST_CASE("An exported tensor may be written to by others") {
  const auto x = Tensorf::zeros({2, 3});
  CHECK_FALSE(detail::Access::impl(x)->buffer->shared());
  DLManagedTensor* const managed = to_dlpack(x);
  CHECK(detail::Access::impl(x)->buffer->shared());
  managed->deleter(managed);
}
