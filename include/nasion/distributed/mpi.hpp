#pragma once
// Training in several processes, on one machine or many, over MPI (CMake target nasion::mpi):
//
//   distributed::Session session;
//   distributed::DataParallel parallel(session, model, {.sync_batch_norm = true});
//   auto loader = data::make_loader(dataset, {.batch_size = 64, .shuffle = true, .shard = session.shard()});
//   distributed::check_loader(session, loader);
//   for (const auto& batch : loader) {
//     optimizer.zero_grad();
//     parallel.gradients(batch.input.dim(0), [&] { return mse_loss(model(batch.input), batch.target); });
//     optimizer.step();
//   }

#include "nasion/distributed/data_parallel.hpp"
#include "nasion/distributed/root_checkpoint.hpp"
#include "nasion/distributed/session.hpp"
