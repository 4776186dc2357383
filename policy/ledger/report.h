// The record as people and scripts read it: one sentence or one JSON object an entry. Pure, for any
// thread.
#pragma once

#include <string>

#include "policy/ledger/audit.h"
#include "policy/ledger/words.h"

namespace dure::ledger {

// "5  2026-11-24 01:02:03  hospital-a-1 (hospital-a) contributed to run-1 round 0: weight 1000,
// ..."
std::string EntrySentence(uint64_t index, const OpenedEntry& entry,
                          Language language = Language::kEnglish);
// {"index":5,"leaf":"..","type":"contribution-submitted","at":"..","actor":{..},"event":{..}}
std::string EntryJson(uint64_t index, const OpenedEntry& entry);

std::string HeadText(const SignedHead& head, const NoteKey& log_key, Language language);
std::string HeadJson(const SignedHead& head, const NoteKey& log_key);

// What was checked, and how much of it.
std::string AuditText(const AuditReport& report, Language language);
std::string AuditJson(const AuditReport& report);

// The run or site an entry speaks of, empty if none: for filters.
std::string RunOf(const Event& event);
std::string SiteOf(const Event& event);

}  // namespace dure::ledger
