// Small pieces that the run desk's files share; private to this folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "federation/loop/workers.h"
#include "federation/round/participation.h"
#include "site/run_desk.h"

namespace dure::site {

// Work that finds no room is tried again for a minute, for whoever watches the disk; then the
// others go on without this site.
inline constexpr std::chrono::seconds kRoomRetry{5};
inline constexpr uint32_t kRoomlessMax = 12;

// What the trainer reads of a run as files, configuration and tokenizer, each whole or absent; the
// tokenizer may have to be fetched first. Blocks; on a transfer thread. Errors as
// DataLink::Download and WriteWhole.
Status WriteRunFiles(const Workshop& shop, const RunFolder& folder,
                     const round::RunManifest& manifest);

// What the site says, as a test's liar says it: another contribution, under another envelope.
round::Message AsSaid(round::Message message);

// <folder>/<run>-<round>-<attempt>.tlog-proof and .entry: what a checker needs besides the log's
// key. Both are durable at the return. kExhausted: disk full.
Status KeepReceipt(const std::filesystem::path& folder, const round::RoundAttempt& at,
                   ByteView proof, ByteView envelope);

// The same from the site's own mirror, for a contribution that the outcome counts and whose receipt
// never arrived, or is not what it was any more: the aggregator or the site died between and the
// outcome overtook it, or a disk lost it. Nothing to do when it proves the counted entry, or when
// the outcome does not count this site.
Status KeepReceiptOfOutcome(const std::filesystem::path& folder, const round::Outcome& outcome,
                            const SiteId& site, const ledger::LogReader& mirror,
                            const Verifier& verifier);

// The file holds the bytes, durably, or what it held before. kExhausted: disk full.
Status WriteWhole(const std::filesystem::path& path, ByteView bytes);

// The round-closed entry at this index; nullopt: it is another, or not there.
std::optional<ledger::RoundClosed> LoggedClosing(uint64_t index, const ledger::LogReader& copy);

// Lanes of the contributions it counts that were cut at their bounds, as the sums say or, unmasked,
// their signers.
uint64_t SaturatedIn(const ledger::RoundClosed& closed, const ledger::Mirror& mirror);

// Whether a round-closed entry says exactly what the outcome says, and that contributions were
// merged by the run's rule.
bool SaysTheSame(const round::Outcome& outcome, const round::MergeRule& rule,
                 const ledger::RoundClosed& closed);

// Whether it counts as many contributions as the run's rounds may close with.
bool HasQuorum(const ledger::RoundClosed& closed, const round::RunManifest& manifest);

template <typename Work, typename Done>
void RunDesk::Run(loop::WorkerPool& pool, Work work, Done done) {
  loop::RunFor(alive_, shop_.loop, pool, std::move(work), std::move(done));
}

}  // namespace dure::site
