#include "nasion/io/safetensors_json.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"

using test::bytes_of, test::error_of, test::little_endian;

TEST_CASE("Damaged and hostile files are one-line errors that name file and problem") {
  struct Case {
    std::string bytes, problem;
  };
  const auto tensor = [](const std::string& fields, const std::string& data = std::string(8, '\1')) {
    return bytes_of("{\"x\":{" + fields + "}}", data);
  };
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const std::string many_digits(400, '9'), nested(1'000'000, '['), objects = [] {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
    return text;
  }();
  const std::vector<Case> cases{
      // Sizes.
      {"", "is 0 bytes long, too short"},
      {"1234567", "is 7 bytes long, too short"},
      {little_endian(3) + "{}", "header is said to be 3 bytes long, but only 2"},
      {little_endian(100'000'001) + "{}", "the limit is 100000000"},
      {little_endian(~std::uint64_t{0}) + "{}", "18446744073709551615 bytes long, the limit"},
      {little_endian(~std::uint64_t{0} - 7) + "{}", "the limit is 100000000"},
      {"<html><body>not found</body></html>", "is not a safetensors file"},
      // JSON.
      {bytes_of(""), "does not start with '{'"},
      {bytes_of(" {}"), "does not start with '{'"},
      {bytes_of("\xEF\xBB\xBF{}"), "does not start with '{'"},
      {bytes_of("[]"), "does not start with '{'"},
      {bytes_of("{"), "not valid JSON at byte 2"},
      {bytes_of("{}}"), "not valid JSON at byte 3"},
      {bytes_of("{}{}"), "not valid JSON"},
      {bytes_of("{} x"), "not valid JSON"},
      {bytes_of(std::string("{}\0\0", 4)), "not valid JSON at byte 3"},
      {bytes_of("{/**/}"), "not valid JSON"},
      {bytes_of("{\"\xFF\":{}}"), "not valid JSON"},
      {bytes_of("{\"\\uD800\":{}}"), "not valid JSON"},
      {bytes_of("{\"a\nb\":{}}"), "not valid JSON"},
      {bytes_of("{'x':{}}"), "not valid JSON"},
      {bytes_of(R"({"x":{"dtype":NaN}})"), "not valid JSON"},
      {bytes_of("{\"x\":" + nested), "tensor \"x\" must be described by an object"},
      {bytes_of(objects), "tensor \"a\" has an unknown field \"a\""},
      {tensor("\"shape\":" + nested), "tensor \"x\" must have an array of whole numbers"},
      // Types of fields.
      {bytes_of(R"({"x":3})"), "tensor \"x\" must be described by an object"},
      {bytes_of(R"({"x":null})"), "tensor \"x\" must be described by an object"},
      {bytes_of(R"({"x":"F32"})"), "tensor \"x\" must be described by an object"},
      {tensor(R"("dtype":4,"shape":[2],"data_offsets":[0,8])"), "tensor \"x\" must have a string as dtype"},
      {tensor(R"("dtype":["F32"],"shape":[2],"data_offsets":[0,8])"), "tensor \"x\" must have a string as dtype"},
      {tensor(R"("dtype":null,"shape":[2],"data_offsets":[0,8])"), "tensor \"x\" must have a string as dtype"},
      {tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":"2","data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":[true],"data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":[[2]],"data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":{},"data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":8)"), "two whole numbers, none negative, as data_offsets"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[])"), "two whole numbers, none negative, as data_offsets"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), "two whole numbers, none negative, as data_offsets"},
      {tensor(R"("data_offsets":[0],"shape":[2],"dtype":"F32")"), "two whole numbers, none negative, as data_offsets"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), "two whole numbers"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), "two whole numbers"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8e0])"), "two whole numbers"},
      // Missing, doubled, unknown.
      {bytes_of(R"({"x":{}})"), "tensor \"x\" has no dtype"},
      {tensor(R"("shape":[2],"data_offsets":[0,8])"), "tensor \"x\" has no dtype"},
      {tensor(R"("dtype":"F32","data_offsets":[0,8])"), "tensor \"x\" has no shape"},
      {tensor(R"("dtype":"F32","shape":[2])"), "tensor \"x\" has no data_offsets"},
      {tensor(good + R"(,"shape":[2])"), "tensor \"x\" has shape twice"},
      {tensor(good + R"(,"name":"x")"), "tensor \"x\" has an unknown field \"name\""},
      {bytes_of("{\"x\":{" + good + "},\"x\":{" + good + "}}", std::string(8, '\0')), "names \"x\" twice"},
      {bytes_of("{\"x\":{" + good + "},\"\\u0078\":{" + good + "}}", std::string(8, '\0')), "names \"x\" twice"},
      {bytes_of(R"({"__metadata__":{"a":"1","a":"1"}})"), "metadata name \"a\" twice"},
      {bytes_of(R"({"__metadata__":{},"__metadata__":{}})"), "names \"__metadata__\" twice"},
      {bytes_of(R"({"__metadata__":[]})"), "metadata must be an object"},
      {bytes_of(R"({"__metadata__":null})"), "metadata must be an object"},
      {bytes_of(R"({"__metadata__":{"a":1}})"), "the value of \"a\" in the metadata must be a string"},
      {bytes_of(R"({"__metadata__":{"a":{"b":"c"}}})"), "the value of \"a\" in the metadata must be a string"},
      // Dtypes and shapes.
      {tensor(R"("dtype":"F9","shape":[8],"data_offsets":[0,8])"), "tensor \"x\" has dtype \"F9\", which is none of"},
      {tensor(R"("dtype":"f32","shape":[2],"data_offsets":[0,8])"), "tensor \"x\" has dtype \"f32\""},
      {tensor(R"("dtype":"","shape":[2],"data_offsets":[0,8])"), "tensor \"x\" has dtype \"\""},
      {tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), "none negative, as shape"},
      {tensor(R"("dtype":"F32","shape":[1,1,1,1,1,1,2],"data_offsets":[0,8])"), "more than 6 dimensions"},
      {tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])"), "too many elements"},
      {tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"), "too many elements"},
      {tensor(R"("dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0])", ""), "too many elements"},
      {tensor(R"("dtype":"F64","shape":[2305843009213693953],"data_offsets":[0,8])"), "too many elements"},
      {tensor("\"dtype\":\"F32\",\"shape\":[" + many_digits + "],\"data_offsets\":[0,8]"), "not valid JSON at byte"},
      {tensor(R"("dtype":"F32","shape":[100000000000000],"data_offsets":[0,400000000000000])"),
       "tensor \"x\" ends at byte 400000000000000 of the data, which has 8 bytes"},
      // Places.
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), "end at 0, before their begin at 8"},
      {tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
       "tensor \"x\" of shape [3] and dtype F32 takes 12 bytes but its data_offsets span 8"},
      {tensor(R"("dtype":"F64","shape":[],"data_offsets":[0,4])"), "takes 8 bytes but its data_offsets span 4"},
      {tensor(R"("dtype":"F16","shape":[2],"data_offsets":[0,8])"), "takes 4 bytes but its data_offsets span 8"},
      {tensor(R"("dtype":"F32","shape":[4],"data_offsets":[0,16])"), "ends at byte 16 of the data, which has 8"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551615])"), "span 7"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), "bytes 0 to 4 of the data, before tensor \"x\""},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "bytes 4 to 8 of the data belong to no tensor"},
      {bytes_of("{}", "data"), "bytes 0 to 4 of the data belong to no tensor"},
      {bytes_of("{\"x\":{" + good + R"(},"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                std::string(12, '\0')),
       "tensors \"x\" and \"y\" overlap"},
      {bytes_of("{\"x\":{" + good + "},\"y\":{" + good + "}}", std::string(8, '\0')),
       "tensors \"x\" and \"y\" overlap"},
      {bytes_of("{\"x\":{" + good + R"(},"y":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}})", std::string(8, '\0')),
       "tensors \"x\" and \"y\" overlap"},
      {bytes_of("{\"x\":{" + good + R"(},"y":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
                std::string(16, '\0')),
       "bytes 8 to 12 of the data, before tensor \"y\", belong to no tensor"},
      // Names that would make a mess of a message.
      {bytes_of(R"({"a\nb":3})"), "tensor \"a\\nb\" must"},
      {bytes_of("{\"" + std::string(5000, 'n') + "\":3}"), std::string(100, 'n') + "...\" must"},
  };
  test::TemporaryFolder folder;
  CHECK(error_of(folder / "good", tensor(good)).empty());
  for (const auto& [bytes, problem] : cases) {
    CAPTURE(bytes.substr(0, 200));
    const auto error = error_of(folder / "bad", bytes);
    CHECK_THAT(error, ContainsSubstring((folder / "bad").string() + ": "));
    CHECK_THAT(error, ContainsSubstring(problem));
    CHECK(error.size() < 400);
    CHECK(error.find('\n') == error.npos);
  }
}
