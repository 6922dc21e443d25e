// Two units that include every header must link: a function that is not inline would be defined twice.
#include "everything.hpp"

int other_unit();

int main() { return other_unit(); }
