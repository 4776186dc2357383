// The private side of what a site lends: for each version of a dataset on record, the salts and
// texts that its commitments were made with. One file a version, the owner's alone to read, in the
// form of `dure dataset describe`: shown with a text or the data it proves that they are the ones
// on record; removed, it erases them for good, and the record stays valid.
//
// A site starts with the same terms file again and again. Their texts would be committed to anew
// each time, under fresh salts, and look like other terms: so the salts of the version on record
// are taken again.
#pragma once

#include <filesystem>
#include <optional>

#include "policy/ledger/policy_events.h"
#include "policy/terms/toml.h"

namespace dure::site {

// <folder>/private/<dataset>-v<version>.private.json
std::filesystem::path PrivateSideOf(const std::filesystem::path& folder,
                                    const ledger::DatasetVersion& what);

// Whole or absent; before the version is registered, for without its salts nobody could ever show
// that these were the bytes. kExhausted: the disk is full. kUnavailable: it cannot be written.
Status KeepPrivateSide(const std::filesystem::path& folder, const ledger::DatasetVersion& what,
                       const terms::Description& description);

// The description with the salts of that version for every text that is the same there; as it was
// where the file is gone, or is none.
terms::Description WithKeptSalts(const std::filesystem::path& folder,
                                 const ledger::DatasetVersion& what,
                                 terms::Description description);

// Under which the data of that version was measured; nothing where the file is gone, or is none.
std::optional<terms::Salt> KeptDataSalt(const std::filesystem::path& folder,
                                        const ledger::DatasetVersion& what);

}  // namespace dure::site
