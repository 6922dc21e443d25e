#include "support/convolutions.hpp"

namespace nasion::kernels {

NASION_CONVOLUTIONS(, float);
NASION_CONVOLUTIONS(, double);

}  // namespace nasion::kernels
