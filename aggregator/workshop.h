// What the drivers of runs work with.
#pragma once

#include <functional>
#include <string>

#include "aggregator/admissions.h"
#include "aggregator/deliberation.h"
#include "aggregator/record.h"
#include "federation/blob/store.h"
#include "federation/identity/identity.h"
#include "federation/identity/issuing.h"
#include "federation/journal/journal.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/round/messages.h"

namespace dure::aggregator {

// All outlive it.
struct Workshop {
  loop::EventLoop& loop;
  loop::WorkerPool& workers;
  journal::Journal& journal;
  blob::BlobStore& store;
  Record& record;
  Deliberation& deliberation;
  Admissions& admissions;
  identity::IssuingAuthority& authority;
  const identity::Identity& self;
  std::string scratch;
  int threads = 1;
  std::function<void(const SiteId&, const round::Message&)> send;
  std::function<bool(const SiteId&)> is_connected;
  std::function<void(const std::string&)> say;  // a line for the daemon's log
  // A run has ended; said again after a restart.
  std::function<void(const RunId&, const std::string& reason)> ended;
  std::function<void(const Digest&)> remove;  // a blob that nothing needs any more
  // Digests that other runs still need.
  std::function<bool(const Digest&)> needed_elsewhere;
  // Whether the site offered the contribution itself, and it is here.
  std::function<bool(const SiteId&, const Digest&)> uploaded_by;
};

}  // namespace dure::aggregator
