// The kernels of the target nasion::compiled: see nasion/kernels/compiled.hpp.
#include "nasion/kernels/compiled.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

NASION_KERNELS(, float);
NASION_KERNELS(, double);
NASION_DIRECT_KERNELS(, Bfloat16Pair, float);

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
