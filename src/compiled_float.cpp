// The operations, layers and optimizers of the target nasion::compiled: see nasion/compiled.hpp.
#define NASION_COMPILE_FOR float
#include "nasion/compiled.hpp"
