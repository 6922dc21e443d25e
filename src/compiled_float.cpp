// The operations, layers and optimizers of the target nasion::compiled: see nasion/compiled.hpp.
#include "nasion/compiled.hpp"

namespace nasion {

NASION_COMPILED_FOR(, float);

}  // namespace nasion
