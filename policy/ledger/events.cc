#include "policy/ledger/events.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "federation/check.h"
#include "federation/limits.h"
#include "policy/ledger/dsse.h"
#include "policy/ledger/event_json.h"
#include "policy/ledger/json_text.h"
#include "policy/ledger/merkle.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateStart = "https://dure.dev/ledger/";
constexpr std::string_view kPredicateEnd = "/v1";
constexpr std::array<std::string_view, 5> kRoles = {"aggregator", "site", "officer", "researcher",
                                                    "operator"};
constexpr std::array<std::string_view, kEventTypes> kEvents = {
    "consortium-genesis",
    "member-admitted",
    "key-revoked",
    "run-proposed",
    "round-opened",
    "contribution-submitted",
    "contribution-receipted",
    "round-closed",
    "round-abandoned",
    "evaluation-reported",
    "member-described",
    "cosigner-announced",
    "charter-declared",
    "policy-declared",
    "policy-proposed",
    "vote-cast",
    "policy-adopted",
    "policy-rejected",
    "run-approved",
    "run-halted",
    "dataset-registered",
    "dataset-withdrawn",
    "withdrawal-closed",
    "admission-decided",
    "grant-decided",
    "grant-revoked",
    "share-computed",
    "disclosure-exported",
    "consent-given",
    "incident-reported",
    "incident-closed",
    "duty-fulfilled",
    "coalitions-made",
    "evaluation-decided",
};

constexpr size_t kLot = 8;  // entries that one thread opens at a time

json PredicateOf(const Record& record) {
  json predicate = {{"federation", record.federation},
                    {"actor",
                     {{"member", record.actor.member.str()},
                      {"key", ToHex(record.actor.key)},
                      {"role", Name(record.actor.role)}}},
                    {"actorSeq", record.actor_seq},
                    {"prevActorDigest", record.prev_actor_digest.Hex()},
                    {"anchor", {{"size", record.anchor.size}, {"root", record.anchor.root.Hex()}}},
                    {"occurredAt", record.occurred_at}};
  WriteEvent(record.event, predicate);
  return predicate;
}

Result<Record> ReadRecord(const JsonNode& predicate, EventType type) {
  FieldReader reader(predicate, Name(type));
  Record record;
  record.federation = reader.Text("federation", 256);
  FieldReader actor(reader.Object("actor"), "actor");
  record.actor.member = actor.Named<MemberId>("member");
  record.actor.key = actor.Key("key");
  const Result<Role> role = ParseRole(actor.View("role", 32));
  if (!role) actor.Blame("role", "is not a role");
  record.actor.role = role.value_or(Role::kSite);
  reader.Join(actor.error());
  record.actor_seq = reader.Count("actorSeq");
  record.prev_actor_digest = reader.Hash("prevActorDigest");
  FieldReader anchor(reader.Object("anchor"), "anchor");
  record.anchor = {anchor.Count("size"), anchor.Hash("root")};
  reader.Join(anchor.error());
  record.occurred_at = reader.Text("occurredAt", 32);
  if (!IsRfc3339(record.occurred_at))
    reader.Blame("occurredAt", "is not of the form 2026-11-24T01:02:03Z");
  record.event = ReadEvent(type, reader);
  if (!reader.error()) return Fail(reader.error().error());
  DURE_TRY(CheckForm(record.event));
  return record;
}

Result<EventType> ParsePredicateType(std::string_view text) {
  if (text.starts_with(kPredicateStart) && text.ends_with(kPredicateEnd) &&
      text.size() >= kPredicateStart.size() + kPredicateEnd.size()) {
    text.remove_prefix(kPredicateStart.size());
    text.remove_suffix(kPredicateEnd.size());
    const auto found = std::find(kEvents.begin(), kEvents.end(), text);
    if (found != kEvents.end()) return static_cast<EventType>(found - kEvents.begin());
  }
  return Fail(ErrorCode::kInvalid, "an event type this version does not know");
}

Result<Record> ReadStatement(ByteView payload) {
  const auto parsed = ParseStrictJson(AsText(payload));
  if (!parsed) return Fail(ErrorCode::kInvalid, "the statement is not a JSON object");
  FieldReader reader(parsed->root(), "statement");
  if (reader.View("_type", 256) != kStatementType)
    reader.Blame("_type", "is not in-toto's Statement/v1");
  const std::string_view predicate_type = reader.View("predicateType", 256);
  const JsonItems subjects = reader.Array("subject", 1);
  if (subjects.empty()) reader.Blame("subject", "is empty");
  const JsonNode& predicate = reader.Object("predicate");
  if (!reader.error()) return Fail(reader.error().error());
  FieldReader subject(subjects.front(), "subject");
  FieldReader digests(subject.Object("digest"), "subject digest");
  const Subject stated = {subject.Text("name", 256), digests.Hash("sha256")};
  reader.Join(subject.error());
  reader.Join(digests.error());
  if (!reader.error()) return Fail(reader.error().error());
  DURE_ASSIGN(const EventType type, ParsePredicateType(predicate_type));
  DURE_ASSIGN(Record record, ReadRecord(predicate, type));
  if (SubjectOf(record) != stated) {
    return Fail(ErrorCode::kInvalid, "the statement's subject is not what its event is about");
  }
  return record;
}

struct Parsed {
  Envelope envelope;
  OpenedEntry entry;
};

Result<Parsed> Parse(Bytes bytes) {
  Parsed parsed;
  DURE_ASSIGN(parsed.envelope, ParseEnvelope(bytes));
  if (parsed.envelope.payload_type != kInTotoPayloadType) {
    return Fail(ErrorCode::kInvalid, "the envelope does not hold an in-toto statement");
  }
  DURE_ASSIGN(parsed.entry.record, ReadStatement(parsed.envelope.payload));
  parsed.entry.leaf = LeafHash(bytes);
  parsed.entry.payload_digest = Sha256(parsed.envelope.payload);
  parsed.entry.bytes = std::move(bytes);
  return parsed;
}

Result<OpenedEntry> Open(Bytes entry, const Verifier& verifier) {
  DURE_ASSIGN(Parsed parsed, Parse(std::move(entry)));
  if (!SignedBy(parsed.envelope, parsed.entry.record.actor.key, verifier)) {
    return Fail(ErrorCode::kUnauthenticated, "the entry is not signed by the key it names");
  }
  return std::move(parsed.entry);
}

Bytes Copied(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

std::string_view Name(Role role) { return kRoles[static_cast<size_t>(role)]; }
std::string_view Name(EventType type) { return kEvents[static_cast<size_t>(type)]; }

Result<Role> ParseRole(std::string_view text) {
  for (size_t i = 0; i < kRoles.size(); ++i) {
    if (kRoles[i] == text) return static_cast<Role>(i);
  }
  return Fail(ErrorCode::kInvalid, "not a role: " + std::string(text.substr(0, 32)));
}

std::string PredicateType(EventType type) {
  return std::string(kPredicateStart) + std::string(Name(type)) + std::string(kPredicateEnd);
}

Result<SealedEntry> SealRecord(const Record& record, const Signer& signer) {
  DURE_CHECK(signer.Key() == record.actor.key, "an actor signs with the key it names");
  const Subject subject = SubjectOf(record);
  const json statement = {
      {"_type", kStatementType},
      {"subject", {{{"name", subject.name}, {"digest", {{"sha256", subject.digest.Hex()}}}}}},
      {"predicateType", PredicateType(TypeOf(record.event))},
      {"predicate", PredicateOf(record)}};
  const std::string payload = statement.dump(-1, ' ', false, json::error_handler_t::replace);
  // What the record's own reader would refuse is never signed.
  DURE_ASSIGN(const Record read, ReadStatement(AsBytes(payload)));
  if (read != record) return Fail(ErrorCode::kInvalid, "a text of the event is not UTF-8");
  SealedEntry sealed;
  sealed.bytes =
      SealEnvelope(kInTotoPayloadType, AsBytes(payload), ToHex(record.actor.key), signer);
  sealed.payload_digest = Sha256(AsBytes(payload));
  if (sealed.bytes.size() > limits::kEntryBytesMax) {
    return Fail(ErrorCode::kExhausted, "the event does not fit an entry of 65,535 bytes");
  }
  return sealed;
}

Result<OpenedEntry> ParseEntry(ByteView entry) {
  DURE_ASSIGN(Parsed parsed, Parse(Copied(entry)));
  return std::move(parsed.entry);
}

Result<OpenedEntry> OpenEntry(ByteView entry, const Verifier& verifier) {
  return Open(Copied(entry), verifier);
}

std::vector<Result<OpenedEntry>> OpenEntries(std::vector<Bytes> entries, const Verifier& verifier,
                                             unsigned threads) {
  std::vector<Result<OpenedEntry>> opened(entries.size());
  // Handed out in small lots, so that a core that is busy elsewhere does not hold up the others.
  std::atomic<size_t> next = 0;
  const auto open_lots = [&] {
    for (size_t begin = next.fetch_add(kLot); begin < entries.size();
         begin = next.fetch_add(kLot)) {
      const size_t end = std::min(begin + kLot, entries.size());
      for (size_t i = begin; i < end; ++i) opened[i] = Open(std::move(entries[i]), verifier);
    }
  };
  // A thread costs about as much to start as one signature to check.
  const size_t workers =
      std::min<size_t>(std::max(threads, 1u), (entries.size() + kLot - 1) / kLot);
  std::vector<std::jthread> others;
  for (size_t w = 1; w < workers; ++w) others.emplace_back(open_lots);
  open_lots();
  others.clear();
  return opened;
}

}  // namespace dure::ledger
