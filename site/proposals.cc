#include "site/proposals.h"

#include "policy/ledger/events.h"

namespace dure::site {
namespace {

constexpr size_t kReadBytesMax = 1024 * 1024;  // of entries in memory at a time

}  // namespace

Status Proposals::CatchUp(const ledger::LogReader& log) {
  const uint64_t size = log.Head().head.size;
  while (read_ < size) {
    DURE_ASSIGN(const auto entries, log.Read(read_, size, kReadBytesMax));
    for (const Bytes& bytes : entries) {
      DURE_ASSIGN(const ledger::OpenedEntry entry, ledger::ParseEntry(bytes));
      ++read_;
      const auto* proposed = std::get_if<ledger::RunProposed>(&entry.record.event);
      if (proposed == nullptr) continue;
      const auto purpose = proposed->fields.find("purpose");
      const bool said = purpose != proposed->fields.end();
      runs_[proposed->run] = {proposed->manifest, said ? purpose->second : ""};
    }
  }
  return {};
}

const ProposedRun* Proposals::Find(const RunId& run) const {
  const auto found = runs_.find(run);
  return found == runs_.end() ? nullptr : &found->second;
}

std::string RecordObjection(const round::RunManifest& manifest, const ProposedRun* recorded) {
  const bool same = recorded != nullptr && recorded->manifest == manifest.digest() &&
                    recorded->purpose == Name(manifest.intent.purpose);
  return same ? "" : "run-not-as-recorded";
}

}  // namespace dure::site
