// A site that did no work of its own, and takes another's for it.
#include "federation/canonical.h"
#include "federation/identity/identity.h"
#include "federation/limits.h"
#include "policy/ledger/ledger.h"
#include "policy/ledger/sqlite_ledger.h"
#include "tests/e2e/lie.h"

namespace dure::lying {
namespace {

// What another site submitted to the same attempt, as this one's copy of the record has it.
std::optional<Digest> OfAnother(const ledger::ContributionSubmitted& own) {
  const Ed25519Verifier verifier;
  const auto copy = ledger::OpenLogCopy(Home(), verifier);
  if (!copy) return std::nullopt;
  const uint64_t size = (*copy)->Head().head.size;
  for (uint64_t index = size; index > 0; --index) {
    const auto page = (*copy)->Read(index - 1, index, limits::kEntryBytesMax);
    const auto entry =
        page ? ledger::ParseEntry(page->front()) : Result<ledger::OpenedEntry>(Fail(page.error()));
    if (!entry) return std::nullopt;
    const auto* said = std::get_if<ledger::ContributionSubmitted>(&entry->record.event);
    if (said == nullptr || said->at != own.at || said->site == own.site) continue;
    return said->contribution;
  }
  return std::nullopt;
}

}  // namespace

void CopyAnother(Bytes& submission) {
  if (TheLie().name != "copy") return;
  CanonicalReader reader(submission);
  (void)reader.Raw32();
  const auto entry = ledger::ParseEntry(reader.Blob());
  if (!entry) return;
  ledger::Record record = entry->record;
  auto* said = std::get_if<ledger::ContributionSubmitted>(&record.event);
  const auto stolen = said == nullptr ? std::nullopt : OfAnother(*said);
  if (!stolen) return;
  said->contribution = *stolen;
  const auto self = identity::LoadIdentity(Home());
  if (!self) return;
  const auto sealed = ledger::SealRecord(record, *self->signer);
  if (!sealed) return;
  submission = CanonicalWriter().Raw32(*stolen).Blob(sealed->bytes).Take();
  Told();
}

}  // namespace dure::lying
