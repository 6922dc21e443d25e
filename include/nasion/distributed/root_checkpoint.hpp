#pragma once
// Checkpoints of a run in several processes: rank 0 alone reads and writes files. They do not depend on the number of
// processes, so that another number of them can go on.

#include <filesystem>
#include <string>
#include <utility>

#include "nasion/distributed/data_parallel.hpp"
#include "nasion/io/checkpoint.hpp"

namespace nasion::distributed {

/// io::save_checkpoint on rank 0. An error there is one on every process.
template <class M, class Optimizer>
void save_checkpoint(Session& session, const std::filesystem::path& path, const M& model, const Optimizer& optimizer,
                     const io::Metadata& metadata = {}) {
  session.on_root([&] { io::save_checkpoint(path, model, optimizer, metadata); });
}

/// io::load_checkpoint on rank 0, which tells the others; returns the texts. An error is one on every process.
template <class M, class Optimizer>
io::Metadata load_checkpoint(Session& session, const std::filesystem::path& path, M& model, Optimizer& optimizer) {
  io::Metadata metadata;
  session.on_root([&] { metadata = io::load_checkpoint(path, model, optimizer); });
  broadcast_state(session, model);
  broadcast_state(session, optimizer, "optimizer");
  std::uint64_t texts = metadata.size();
  session.broadcast(std::as_writable_bytes(std::span(&texts, 1)));
  auto next = metadata.begin();
  io::Metadata all;
  for (std::uint64_t i = 0; i < texts; ++i) {
    std::string name, text;
    if (session.is_root()) std::tie(name, text) = *next++;
    session.broadcast(name);
    session.broadcast(text);
    all.emplace(std::move(name), std::move(text));
  }
  return all;
}

}  // namespace nasion::distributed
