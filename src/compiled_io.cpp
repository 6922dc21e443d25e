// The target nasion::compiled, where nlohmann_json is known: what reads and writes JSON.
#define NASION_IO_INLINE
#include "nasion/io/safetensors_json.hpp"
