// Each line makes a guard that ends at once, which compilers must say: tests/CMakeLists.txt looks for all of them.
#include "nasion/core/autocast.hpp"
#include "nasion/core/autograd.hpp"
#include "nasion/core/batch_part.hpp"

void drop() {
  nasion::NoGrad();
  nasion::Autocast();
  nasion::Profile();
  nasion::SerialScope();
  nasion::BatchPart(1, 2);
}
