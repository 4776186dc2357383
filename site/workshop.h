// What the desks of a site work with.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <stop_token>
#include <string>

#include "federation/blob/store.h"
#include "federation/identity/identity.h"
#include "federation/journal/journal.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/masking/history.h"
#include "federation/random.h"
#include "federation/transport/client.h"
#include "site/lending.h"
#include "site/local_rules.h"
#include "site/privacy_desk.h"
#include "site/scribe.h"
#include "site/trainer_desk.h"

namespace dure::site {

// What a desk works with; all outlive it.
struct Workshop {
  loop::EventLoop& loop;
  loop::WorkerPool& compute;    // codec, derivation
  loop::WorkerPool& transfers;  // uploads and downloads, which may wait for a link
  loop::WorkerPool& calls;      // what is short, and may not wait behind those for hours
  journal::Journal& journal;
  blob::BlobStore& store;
  Scribe& scribe;
  TrainerDesk& trainer;
  Lending& lending;
  PrivacyDesk& privacy;
  transport::DataLink& data;
  const identity::Identity& self;
  Random& random;
  SiteId site;
  std::filesystem::path dir;
  LocalRules rules;
  int threads = 1;
  uint32_t ranks = 1;  // that share the threads
  uint32_t zero = 1;
  std::stop_token stop;
  std::function<void(const round::Message&)> send;
  // Whether a run other than this one holds a blob of that name, derives from it, or is making it:
  // runs of one start have the same scales for some rounds.
  std::function<bool(const RunId&, const Digest&)> needed_elsewhere;
  // The masked sums of a run that this site signed, or knows of, as may be released.
  std::function<std::set<masking::ReleasedSum>(const RunId&)> summed_in;
  // Blobs that are being removed: what another run finds in the store now, it may not have in a
  // moment. Of the loop.
  std::set<Digest>* removing = nullptr;
  // The seat of the pen (scribe.h) is one for all runs.
  RunId* pen_holder = nullptr;
  std::function<void(const std::string&)> say;  // a line for the daemon's log
};

}  // namespace dure::site
