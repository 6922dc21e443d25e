// The target nasion::compiled, where nlohmann_json is known: what reads and writes files of tensors, and their JSON.
#include "nasion/io/safetensors.hpp"
#define NASION_IO_INLINE
#include "nasion/io/safetensors_json.hpp"

namespace nasion::io {

template void write_safetensors(const std::filesystem::path&, const SafetensorsFile<float>&);
template void write_safetensors(const std::filesystem::path&, const SafetensorsFile<double>&);
template void detail::restore(const std::filesystem::path&, const nn::Visitor<float>&, const SafetensorsFile<float>&);
template void detail::restore(const std::filesystem::path&, const nn::Visitor<double>&, const SafetensorsFile<double>&);
template SafetensorsFile<float> read_safetensors(const std::filesystem::path&, const ReadOptions&);
template SafetensorsFile<double> read_safetensors(const std::filesystem::path&, const ReadOptions&);

}  // namespace nasion::io
