// The target nasion::compiled, where nlohmann_json is known: what reads and writes JSON.
#include "nasion/io/safetensors_json.hpp"
