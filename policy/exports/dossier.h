// The dossier of a model: everything the record says about it, as plain values from which every
// export is made.
//
// Life: whoever has folded the log up to an index fills a dossier (`as_of` says which), and Make
// (exports.h) turns it into files. Each thing says where it stands in the record, so that a reader
// can ask for the proof. What the record lacks stays empty here and is stated in the exports as
// "not recorded"; nobody types it in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "federation/digest.h"
#include "policy/terms/attachment.h"
#include "policy/terms/combine.h"
#include "policy/terms/passport.h"

namespace dure::exports {

// Where in the record something stands.
struct Place {
  uint64_t index = 0;  // of the entry
  Digest leaf;         // its leaf hash
  bool operator==(const Place&) const = default;
};

struct Member {
  std::string id;
  std::optional<std::string> house;    // "public", "private", "academic", "small-firm"
  std::optional<std::string> country;  // ISO 3166 alpha-2
  Place place;
};

struct Site {
  std::string id;
  std::string member;
};

struct Dataset {
  terms::Passport passport;
  terms::Terms terms;
  std::string site;
  std::vector<terms::Attachment> texts;  // as far as their owner shows them
  std::optional<terms::Instant> registered_at;
  std::optional<terms::Instant> withdrawn_at;
  std::optional<Place> withdrawal;
  Place place;
};

struct Contribution {
  std::string site;
  std::vector<terms::Source> datasets;  // what flowed into it; empty: not recorded
  std::optional<uint64_t> tokens;       // of a masked round nobody knows these three
  std::optional<uint64_t> steps;
  std::optional<uint64_t> weight;
  std::optional<uint64_t> accelerator_seconds;  // nor this; its site may also have said none
  Place place;
};

// A round whose model this one comes from, or is.
struct Round {
  std::string run;
  uint64_t number = 0;
  uint64_t attempt = 0;
  Digest base_model;
  Digest model;
  std::optional<terms::Instant> opened_at;
  std::optional<terms::Instant> closed_at;
  std::vector<Contribution> contributions;      // those that were counted
  std::map<std::string, std::string> excluded;  // site -> reason, a code
  std::optional<uint64_t> tokens;               // of all contributions together
  std::optional<uint64_t> steps;
  Place opened;
  Place closed;
};

// An admission of data to a round, or an answer to somebody who wanted to use the model.
struct Decision {
  std::string kind;     // "admission", "measuring", "export", "serve", "share"
  std::string subject;  // "nli v1 in run-1 round 3", "nli v1 of kt for run-1", or the grantee
  bool granted = false;
  Digest policy;
  uint64_t as_of = 0;                // the entries that were known
  std::vector<std::string> reasons;  // sentences; of a refusal at least one
  std::optional<terms::Instant> at;
  Place place;
};

struct Evaluation {
  Digest model;
  std::string site;  // on whose held-out text
  double nll = 0;    // nats, summed over `tokens`
  uint64_t bytes = 0;
  uint64_t tokens = 0;
  std::optional<terms::Instant> at;
  Place place;
  // Of figures that say so; others are of older builds.
  std::vector<terms::Source> datasets = {};
  std::set<std::string> withdrawn = {};  // of these datasets, since
  std::optional<uint64_t> sequences = {};
  std::optional<std::pair<double, double>> interval = {};  // 95 % of the mean, nats a byte
  std::optional<uint64_t> draws = {};                      // that it is made of, and their seed
  std::optional<uint64_t> seed = {};
  std::optional<Digest> code = {};  // of the trainer's program
};

struct Policy {
  Digest digest;
  std::optional<std::string> name;
  std::optional<terms::Instant> in_force_from;
  Place place;
};

struct Model {
  Digest digest;                            // of the weights, after the last of `rounds`
  std::string name;                         // of the run
  std::string provider;                     // the member or consortium that answers for it; a code
  std::optional<std::string> architecture;  // "decoder-only transformer"
  std::optional<std::string> task;          // of Hugging Face's: "text-generation"
  std::optional<uint64_t> parameters;
  std::optional<Digest> tokenizer;
  std::optional<std::string> purpose;  // a code of the terms' purposes
  std::optional<bool> generative;
  std::optional<bool> high_impact;     // as whoever proposed the run says
  std::optional<std::string> licence;  // as decided; else one is proposed from the terms
  std::optional<terms::Instant> released_at;
  std::optional<std::string> training_energy_kwh;  // a decimal
  std::optional<std::string> training_flops;
  std::map<std::string, std::string> hyperparameters;
};

struct Dossier {
  std::string federation;              // the log's origin
  uint64_t as_of = 0;                  // the entries [0, as_of) were read
  Digest root;                         // of the tree of that size
  std::optional<std::string> log_key;  // C2SP vkey
  terms::Instant made_at;
  Model model;
  std::vector<Member> members;
  std::vector<Site> sites;
  std::vector<Dataset> datasets;  // every version behind the model
  std::vector<Round> rounds;      // in order; the last one made the model
  std::vector<Decision> decisions;
  std::vector<Evaluation> evaluations;  // of this model
  std::vector<Policy> policies;         // that decisions were made under
  // What their owners allow together as of then: newer terms and withdrawals narrow it.
  terms::ModelTerms allowed;
};

}  // namespace dure::exports
