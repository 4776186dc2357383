#include "policy/ledger/report.h"

#include <nlohmann/json.hpp>

#include "policy/ledger/event_json.h"
#include "policy/ledger/policy_report.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

std::string Short(const Digest& digest) { return digest.Hex().substr(0, 12); }
std::string Text(const RoundAttempt& at) {
  std::string text = at.run.str() + " round " + std::to_string(at.round.value);
  if (at.attempt > 0) text += " (attempt " + std::to_string(at.attempt) + ")";
  return text;
}
std::string Count(uint64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string Say(const ConsortiumGenesis& e) {
  return "founded the consortium; log key " + e.log_vkey + ", CA " + Short(e.ca_fingerprint);
}
std::string Say(const MemberAdmitted& e) {
  return "admitted " + e.site.str() + " of " + e.member.str() + " as " + std::string(Name(e.role)) +
         ", key " + ToHex(e.key).substr(0, 12);
}
std::string Say(const KeyRevoked& e) {
  return "revoked a key of " + e.member.str() + " (" + e.reason +
         "): " + ToHex(e.key).substr(0, 12);
}
std::string Say(const RunProposed& e) {
  return "proposed " + e.run.str() + ", manifest " + Short(e.manifest);
}
std::string Say(const RoundOpened& e) {
  std::string sites;
  for (const SiteId& site : e.cohort) sites += (sites.empty() ? "" : ", ") + site.str();
  return "opened " + Text(e.at) + " from model " + Short(e.base_model) + " with " + sites;
}
std::string Say(const ContributionSubmitted& e) {
  if (e.masked()) {
    return e.site.str() + " contributed to " + Text(e.at) + ", masked: contribution " +
           Short(e.contribution);
  }
  return e.site.str() + " contributed to " + Text(e.at) + ": weight " + std::to_string(e.weight) +
         ", " + Count(e.tokens, "token") + ", " + Count(e.steps, "step") + ", contribution " +
         Short(e.contribution);
}
std::string Say(const ContributionReceipted& e) {
  const std::string what = "entry " + std::to_string(e.submission) + " for " + Text(e.at);
  return e.accepted ? "accepted " + what : "refused " + what + ": " + e.reason;
}
std::string ShareText(const CountedSubmission& s) {
  if (!s.share) return "";
  if (*s.share == 0) return ", left out by the merge";
  return ", " + std::to_string((*s.share * 100 + (1 << 19)) >> 20) + " % of an even share";
}
std::string Say(const RoundClosed& e) {
  std::string counted;
  for (const CountedSubmission& s : e.submissions) {
    counted += (counted.empty() ? "" : ", ") + s.site.str() +
               (e.sums ? "" : " (weight " + std::to_string(s.weight) + ShareText(s) + ")");
  }
  if (e.sums) {
    counted += ", masked: weight " + std::to_string(e.sums->weight) + " together, " +
               Count(e.sums->tokens, "token");
  }
  if (!e.merge.empty()) counted += ", merged by " + e.merge;
  std::string left_out;
  for (const ExcludedSite& s : e.excluded)
    left_out += "; without " + s.site.str() + ": " + s.reason;
  return "closed " + Text(e.at) + " with " + counted + left_out + "; new model " + Short(e.model);
}
std::string Say(const RoundAbandoned& e) { return "abandoned " + Text(e.at) + ": " + e.reason; }
std::string Say(const EvaluationReported& e) {
  return "evaluated model " + Short(e.model) + " on " + e.site.str() +
         "'s text: " + std::to_string(e.nll) + " nats over " + Count(e.bytes, "byte");
}

}  // namespace

std::string EntrySentence(uint64_t index, const OpenedEntry& entry) {
  const Record& record = entry.record;
  std::string at = record.occurred_at;
  at[10] = ' ';
  at.pop_back();
  const std::string said = std::visit([&](const auto& e) { return Say(e); }, record.event);
  std::string number = std::to_string(index);
  number.insert(0, number.size() < 6 ? 6 - number.size() : 0, ' ');
  return number + "  " + at + "  " + record.actor.member.str() + ": " + said;
}

std::string EntryJson(uint64_t index, const OpenedEntry& entry) {
  const Record& record = entry.record;
  json event = json::object();
  WriteEvent(record.event, event);
  const json object = {{"index", index},
                       {"leaf", entry.leaf.Hex()},
                       {"type", Name(TypeOf(record.event))},
                       {"at", record.occurred_at},
                       {"actor",
                        {{"member", record.actor.member.str()},
                         {"role", Name(record.actor.role)},
                         {"key", ToHex(record.actor.key)}}},
                       {"event", std::move(event)}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string HeadText(const SignedHead& head, const NoteKey& log_key) {
  return "log      " + head.head.origin + "\nentries  " + std::to_string(head.head.size) +
         "\nroot     " + head.head.root.Hex() + "\nlog key  " + log_key.Vkey() + "\n\n" + head.note;
}

std::string HeadJson(const SignedHead& head, const NoteKey& log_key) {
  const json object = {{"origin", head.head.origin},
                       {"size", head.head.size},
                       {"root", head.head.root.Hex()},
                       {"vkey", log_key.Vkey()},
                       {"note", head.note}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string AuditText(const AuditReport& report) {
  const std::string entries = report.head.size == 1 ? " entry" : " entries";
  std::string text = "The record is intact: " + std::to_string(report.head.size) + entries +
                     " of " + report.head.origin + "\n";
  text += "root " + report.head.root.Hex() + "\n\nChecked\n";
  text += "  " + Count(report.signatures_checked, "signature") +
          ": the tree head's and every entry's\n";
  text += "  that every entry hashes, in its place, to the signed root\n";
  text += "  that each of " + Count(report.keys_admitted, "key") +
          " spoke only after it was admitted and in its role\n";
  text += "  that no actor's events have a gap, and that each actor had seen this same log\n";
  text +=
      "  that every closed round counts submissions that are in the log, each once, with their "
      "weight\n\nEntries\n";
  for (size_t i = 0; i < kEventTypes; ++i) {
    if (report.entries_by_type[i] == 0) continue;
    std::string number = std::to_string(report.entries_by_type[i]);
    number.insert(0, number.size() < 8 ? 8 - number.size() : 0, ' ');
    text += number + "  " + std::string(Name(static_cast<EventType>(i))) + "\n";
  }
  return text;
}

std::string AuditJson(const AuditReport& report) {
  json types = json::object();
  for (size_t i = 0; i < kEventTypes; ++i) {
    types[std::string(Name(static_cast<EventType>(i)))] = report.entries_by_type[i];
  }
  const json object = {{"intact", true},
                       {"origin", report.head.origin},
                       {"size", report.head.size},
                       {"root", report.head.root.Hex()},
                       {"signatures_checked", report.signatures_checked},
                       {"keys_admitted", report.keys_admitted},
                       {"entries", std::move(types)}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string RunOf(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::string {
        if constexpr (requires { e.at.run; }) return e.at.run.str();
        if constexpr (requires { e.run; }) return e.run.str();
        return {};
      },
      event);
}

std::string SiteOf(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::string {
        if constexpr (requires { e.site; }) return e.site.str();
        return {};
      },
      event);
}

}  // namespace dure::ledger
