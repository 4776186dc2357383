// What the desks of a site work with.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "federation/blob/store.h"
#include "federation/identity/identity.h"
#include "federation/journal/journal.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/random.h"
#include "federation/transport/client.h"
#include "site/lending.h"
#include "site/local_rules.h"
#include "site/scribe.h"
#include "site/trainer_desk.h"

namespace dure::site {

// What a desk works with; all outlive it.
struct Workshop {
  loop::EventLoop& loop;
  loop::WorkerPool& compute;    // codec, derivation
  loop::WorkerPool& transfers;  // uploads and downloads, which may wait for a link
  journal::Journal& journal;
  blob::BlobStore& store;
  Scribe& scribe;
  TrainerDesk& trainer;
  Lending& lending;
  transport::DataLink& data;
  const identity::Identity& self;
  Random& random;
  SiteId site;
  std::filesystem::path dir;
  seat::DataSpec data_spec;
  LocalRules rules;
  int threads = 1;
  std::stop_token stop;
  std::function<void(const round::Message&)> send;
  // Whether a run other than this one holds a blob of that name, derives from it, or is making it:
  // runs of one start have the same scales for some rounds.
  std::function<bool(const RunId&, const Digest&)> needed_elsewhere;
  // Blobs that are being removed: what another run finds in the store now, it may not have in a
  // moment. Of the loop.
  std::set<Digest>* removing = nullptr;
  // The seat of the pen (scribe.h) is one for all runs.
  RunId* pen_holder = nullptr;
  std::function<void(const std::string&)> say;  // a line for the daemon's log
};

// Work on a pool whose answer comes back to a desk on the loop, if it still stands then.
template <typename Work, typename Done>
void RunFor(std::shared_ptr<bool> alive, loop::EventLoop& loop, loop::WorkerPool& pool, Work work,
            Done done) {
  auto answer = [alive, done](auto value) {
    if (*alive) done(std::move(value));
  };
  if (pool.RunThen(loop, work, answer)) return;
  // The pool is full for the moment: the same work again in a while.
  loop.At(loop.Now() + std::chrono::seconds(1), [alive, &loop, &pool, work, done] {
    if (*alive) RunFor(alive, loop, pool, work, done);
  });
}

}  // namespace dure::site
