// Every bound of the system, with its reason. Code that meets outside input checks against these.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dure::limits {

// Control is small; data travels by digest.
inline constexpr size_t kControlMessageBytesMax = 64 * 1024;
inline constexpr size_t kChunkBytes = 1024 * 1024;  // measured best under TLS: 256 KiB..1 MiB
// 64 TiB: a 600 B model with optimizer state.
inline constexpr uint64_t kBlobBytesMax = uint64_t{1} << 46;
inline constexpr size_t kSitesMax = 256;         // int8 lanes in 16-bit sums hold 258
inline constexpr size_t kEntryBytesMax = 65535;  // C2SP tlog-tiles: uint16 length prefix
inline constexpr size_t kNoteSignaturesMax = kSitesMax + 1;  // a log's, and every site's
inline constexpr size_t kDatasetsPerSiteMax = 64;  // a site's admissions fit one control message
inline constexpr size_t kNameBytesMax = 64;
inline constexpr size_t kInvitationBytesMax = 4096;  // one line a person can paste
inline constexpr uint64_t kRoundsMax = 1'000'000;
// Of one optimizer step: a trainer holds them all, in eight bytes each; the largest steps that are
// published have a tenth of them.
inline constexpr uint64_t kStepTokensMax = uint64_t{1} << 28;
inline constexpr uint64_t kParameterCountMax = uint64_t{1} << 40;
// Files of removed blobs kept to be written over (federation/blob/spares.h): below, making a file
// anew costs nothing; above, its pages do not stay in memory for a round, and the disk has better
// uses.
inline constexpr uint64_t kSpareBytesMin = uint64_t{256} << 10;
inline constexpr uint64_t kSpareBytesMax = uint64_t{1} << 30;
inline constexpr uint64_t kSparesBytesMax = uint64_t{2} << 30;  // of one store, together
inline constexpr size_t kSparesMax =
    256;  // a round frees a few files, and one a site of the cohort
inline constexpr int kDataStreamsPerSite = 2;  // a second stream hides the first one's stalls

}  // namespace dure::limits
