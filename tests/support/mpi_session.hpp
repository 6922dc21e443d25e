#pragma once
// The one session of a test program that runs in several processes.

#include "nasion/distributed/session.hpp"

namespace test {

inline nasion::distributed::Session& session() {
  static nasion::distributed::Session session;
  return session;
}

}  // namespace test
