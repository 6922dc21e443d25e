#include <nasion/nasion.hpp>

static_assert(__cplusplus > 202002L);
