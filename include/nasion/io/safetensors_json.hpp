#pragma once
// The header of a safetensors file as JSON. Everything in it is checked before it is believed.

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "nasion/io/io_error.hpp"
#include "nasion/io/safetensors_header.hpp"
#include "nasion/io/xxh64.hpp"

// Units that link nasion::compiled find the functions there: only src/compiled_io.cpp defines them.
#ifndef NASION_COMPILED_IO
#define NASION_IO_INLINE inline
#endif
#ifdef NASION_IO_INLINE

namespace nasion::io::detail {

/// Takes the events of the JSON parser and accepts those of a safetensors header only. No tree of JSON values is
/// built, so that memory stays in proportion to the text, however it is nested.
class HeaderEvents {
 public:
  HeaderEvents(const std::filesystem::path& path, SafetensorsHeader& header) : path_(path), header_(header) {}

  bool start_object(std::size_t) {
    if (place_ == Place::outside)
      place_ = Place::top;
    else if (place_ == Place::top)
      place_ = name_ == SafetensorsHeader::metadata_key ? Place::metadata : Place::tensor;
    else
      wrong_type();
    return true;
  }
  bool key(std::string& key) {
    if (place_ == Place::top) {
      name_ = key;
      fields_.clear();
      if (!names_.insert(key).second) fail("the header names " + in_quotes(key) + " twice");
    } else if (place_ == Place::metadata) {
      field_ = key;
      if (header_.metadata.contains(key)) fail("the metadata name " + in_quotes(key) + " twice");
    } else {
      field_ = key;
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail(tensor() + " has an unknown field " + in_quotes(key));
      if (!fields_.insert(key).second) fail(tensor() + " has " + key + " twice");
    }
    return true;
  }
  bool end_object() {
    if (place_ == Place::tensor) add_tensor();
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }
  bool start_array(std::size_t) {
    if (place_ != Place::tensor || field_ == "dtype") wrong_type();
    place_ = Place::numbers;
    (field_ == "shape" ? shape_ : offsets_).clear();
    return true;
  }
  bool end_array() {
    place_ = Place::tensor;
    return true;
  }
  bool number_unsigned(std::uint64_t value) {
    if (place_ != Place::numbers) wrong_type();
    auto& numbers = (field_ == "shape" ? shape_ : offsets_);
    if (field_ == "shape" && numbers.size() == max_rank)
      fail(message(tensor(), " has more than ", max_rank, " dimensions"));
    if (field_ == "data_offsets" && numbers.size() == 2) wrong_type();
    numbers.push_back(value);
    return true;
  }
  bool string(std::string& value) {
    if (place_ == Place::metadata)
      header_.metadata.emplace(field_, std::move(value));
    else if (place_ == Place::tensor && field_ == "dtype")
      dtype_ = std::move(value);
    else
      wrong_type();
    return true;
  }
  bool null() { wrong_type(); }
  bool boolean(bool) { wrong_type(); }
  bool number_integer(std::int64_t) { wrong_type(); }  // only negative numbers come here
  bool number_float(double, const std::string&) { wrong_type(); }
  bool binary(nlohmann::json::binary_t&) { wrong_type(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    fail(message("the header is not valid JSON at byte ", position, " of it"));
  }

 private:
  enum class Place { outside, top, metadata, tensor, numbers };

  [[noreturn]] void fail(const std::string& what) const { throw IoError(path_, what); }
  [[noreturn]] void wrong_type() const {
    if (place_ == Place::top && name_ == SafetensorsHeader::metadata_key) fail("the metadata must be an object");
    if (place_ == Place::top) fail(tensor() + " must be described by an object");
    if (place_ == Place::metadata) fail("the value of " + in_quotes(field_) + " in the metadata must be a string");
    if (field_ == "dtype") fail(tensor() + " must have a string as dtype");
    if (field_ == "shape") fail(tensor() + " must have an array of whole numbers, none negative, as shape");
    fail(tensor() + " must have an array of two whole numbers, none negative, as data_offsets");
  }
  std::string tensor() const { return "tensor " + in_quotes(name_); }

  void add_tensor() {
    for (const auto* field : {"dtype", "shape", "data_offsets"})
      if (!fields_.contains(field)) fail(tensor() + " has no " + field);
    if (offsets_.size() != 2) {
      field_ = "data_offsets";
      wrong_type();
    }
    const auto known =
        std::find_if(dtypes.begin(), dtypes.end(), [&](const auto& info) { return info.name == dtype_; });
    if (known == dtypes.end()) fail(tensor() + " has dtype " + in_quotes(dtype_) + ", which is none of the format");

    std::uint64_t elements = 1;  // sizes of 0 taken as 1, because strides are computed for empty tensors, too
    std::vector<Index> sizes;
    for (const auto size : shape_) {
      if (size > std::numeric_limits<Index>::max() / 64 / elements) fail(tensor() + " has too many elements");
      elements *= std::max(size, std::uint64_t{1});
      sizes.push_back(static_cast<Index>(size));
    }
    TensorInfo info{name_, static_cast<Dtype>(known - dtypes.begin()), Shape(sizes), offsets_[0], offsets_[1]};
    if (info.begin > info.end)
      fail(message(tensor(), " has data_offsets that end at ", info.end, ", before their begin at ", info.begin));
    const auto bytes = (static_cast<std::uint64_t>(info.shape.size()) * known->bits + 7) / 8;
    if (info.end - info.begin != bytes)
      fail(message(tensor(), " of shape ", info.shape, " and dtype ", dtype_, " takes ", bytes,
                   " bytes but its data_offsets span ", info.end - info.begin));
    header_.tensors.push_back(std::move(info));
  }

  const std::filesystem::path& path_;
  SafetensorsHeader& header_;
  Place place_ = Place::outside;
  std::set<std::string> names_, fields_;  // seen so far; fields of the current tensor
  std::string name_, field_;              // keys on the way to the current value
  std::string dtype_;
  std::vector<std::uint64_t> shape_, offsets_;
};

NASION_IO_INLINE SafetensorsHeader parse_header(const std::filesystem::path& path, std::string_view text,
                                                std::uint64_t data_size) {
  SafetensorsHeader header;
  HeaderEvents events(path, header);
  if (!text.starts_with('{')) throw IoError(path, "the header does not start with '{'");
  // The JSON parser would take a zero byte for the end of the text.
  if (const auto zero = text.find('\0'); zero != text.npos)
    throw IoError(path, message("the header is not valid JSON at byte ", zero + 1, " of it"));
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);

  sort_tensors(header.tensors, [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t covered = 0;
  const std::string* last = nullptr;
  for (const auto& tensor : header.tensors) {
    if (tensor.end > data_size)
      throw IoError(path, message("tensor ", in_quotes(tensor.name), " ends at byte ", tensor.end,
                                  " of the data, which has ", data_size, " bytes"));
    if (tensor.begin < covered)
      throw IoError(path, message("tensors ", in_quotes(*last), " and ", in_quotes(tensor.name), " overlap"));
    if (tensor.begin > covered)
      throw IoError(path, message("bytes ", covered, " to ", tensor.begin, " of the data, before tensor ",
                                  in_quotes(tensor.name), ", belong to no tensor"));
    covered = tensor.end;
    last = &tensor.name;
  }
  if (covered != data_size)
    throw IoError(path, message("bytes ", covered, " to ", data_size, " of the data belong to no tensor"));
  return header;
}

NASION_IO_INLINE void sort_tensors(std::vector<TensorInfo>& tensors,
                                   bool (*before)(const TensorInfo&, const TensorInfo&)) {
  std::vector<TensorInfo*> order;
  for (auto& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [before](const auto* a, const auto* b) { return before(*a, *b); });
  std::vector<TensorInfo> sorted;
  for (auto* tensor : order) sorted.push_back(std::move(*tensor));
  tensors = std::move(sorted);
}

NASION_IO_INLINE std::string header_text(const std::filesystem::path& path, const SafetensorsHeader& header) {
  const auto json_string = [&](const std::string& text) {
    try {
      return nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
      throw IoError(path, "cannot be written with " + in_quotes(text) + ", which is not valid UTF-8");
    }
  };
  std::string text = "{";
  const auto separate = [&] {
    if (text.back() != '{') text += ',';
  };
  if (!header.metadata.empty()) {
    (text += json_string(std::string(SafetensorsHeader::metadata_key))) += ":{";
    for (const auto& [name, value] : header.metadata) {
      separate();
      ((text += json_string(name)) += ':') += json_string(value);
    }
    text += '}';
  }
  std::set<std::string_view> names{SafetensorsHeader::metadata_key};
  for (const auto& tensor : header.tensors) {
    if (!names.insert(tensor.name).second)
      throw IoError(path, "cannot be written with the name " + in_quotes(tensor.name) + " twice or reserved");
    separate();
    std::string sizes;
    for (const Index n : tensor.shape) (sizes += sizes.empty() ? "" : ",") += std::to_string(n);
    text += message(json_string(tensor.name), ":{\"dtype\":\"", info_of(tensor.dtype).name, "\",\"shape\":[", sizes,
                    "],\"data_offsets\":[", tensor.begin, ",", tensor.end, "]}");
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > SafetensorsHeader::max_size)
    throw IoError(path, message("cannot be written: its header of ", text.size(), " bytes is above the limit of ",
                                SafetensorsHeader::max_size));
  return text;
}

NASION_IO_INLINE std::string header_sum(const std::filesystem::path& path, const SafetensorsHeader& header,
                                        std::string_view data_sum) {
  Xxh64 sum;
  sum.update(header_text(path, header));
  sum.update(data_sum);
  return sum.text();
}

/// In how many letters `name` differs from that of the checksum; many when it has more or fewer.
inline int letters_off(std::string_view name) {
  constexpr auto key = SafetensorsHeader::checksum_key;
  if (name.size() != key.size()) return 100;
  return std::inner_product(name.begin(), name.end(), key.begin(), 0, std::plus(), std::not_equal_to());
}

NASION_IO_INLINE void add_checksum(const std::filesystem::path& path, SafetensorsHeader& header,
                                   const std::string& data_sum) {
  for (const auto& [name, text] : header.metadata)
    if (letters_off(name) <= 1)
      throw IoError(path, "cannot be written with the text " + in_quotes(name) + ", a name reserved for the checksum");
  const auto sums = header_sum(path, header, data_sum) + " " + data_sum;
  header.metadata.emplace(SafetensorsHeader::checksum_key, sums);
}

NASION_IO_INLINE std::string take_checksum(const std::filesystem::path& path, SafetensorsHeader& header) {
  for (const auto& [name, text] : header.metadata)
    if (letters_off(name) == 1)
      throw IoError(path, "is damaged: the name of its checksum has become " + in_quotes(name));
  const auto found = header.metadata.find(std::string(SafetensorsHeader::checksum_key));
  if (found == header.metadata.end()) return "";
  const std::string sums = std::move(found->second);
  header.metadata.erase(found);
  if (sums.size() != 33 || sums[16] != ' ')
    throw IoError(path, message("is damaged: its checksum is ", in_quotes(sums), ", not two sums of 16 digits"));
  return sums;
}

}  // namespace nasion::io::detail

#undef NASION_IO_INLINE
#endif
