// The kernels of the target nasion::compiled: see nasion/kernels/compiled.hpp.
#define NASION_COMPILE_KERNELS
#include "nasion/kernels/compiled.hpp"
