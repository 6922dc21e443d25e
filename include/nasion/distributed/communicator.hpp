#pragma once
// MPI's calls with errors as exceptions.

#include <mpi.h>

#include <exception>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <type_traits>

#include "nasion/core/error.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::distributed {

/// What MPI itself reports: usually that another process is gone.
struct MpiError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

inline void check_mpi(const char* call, int code) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MpiError(message("[", call, "] ", std::string_view(text, static_cast<std::size_t>(length))));
}

inline int mpi_count(Index n) {
  check<ValueError>(n <= std::numeric_limits<int>::max(), "[MPI] ", n, " items are too many for one message");
  return static_cast<int>(n);
}

template <class T>
MPI_Datatype mpi_type() {
  if constexpr (std::is_same_v<T, float>)
    return MPI_FLOAT;
  else
    return MPI_DOUBLE;
}

/// All processes, with messages that no other communicator sees, and errors as exceptions.
class Communicator {
 public:
  Communicator() {
    check_mpi("MPI_Comm_dup", MPI_Comm_dup(MPI_COMM_WORLD, &comm_));
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
  }
  ~Communicator() {
    // All would have to free it together; an exception is on its way out of this process alone.
    if (std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  operator MPI_Comm() const { return comm_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
};

}  // namespace detail

}  // namespace nasion::distributed
