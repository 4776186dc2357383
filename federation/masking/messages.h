// The messages of a masked round; docs/reference/masking.md has their bytes. Plain values.
//
// First byte: the kind. What a site or the aggregator states is signed: a header (context, round,
// attempt, who), the body, then 64 bytes of Ed25519 over all before them in the domain
// "dure-masking-1". Signed messages are passed on byte for byte, hashed and verified as carried.
// Each stays under limits::kControlMessageBytesMax, also at kSitesMax sites and kSegmentsMax
// segments.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "federation/masking/agreement.h"
#include "federation/masking/context.h"
#include "federation/masking/schedule.h"
#include "federation/signer.h"

namespace dure::masking {

inline constexpr std::string_view kSignatureDomain = "dure-masking-1";

struct Header {
  Digest context;
  RoundNumber round;
  uint32_t attempt = 0;
  uint32_t site = 0;  // an index of the roster, or kAggregator
  bool operator==(const Header&) const = default;
};

template <typename T>
struct Signed {
  Header header;
  T body;
  Bytes carried;  // all of it, as it came
  Digest Id() const { return Sha256(carried); }
};

// Bodies of signed messages
struct Advertise {  // M1; passed on to everybody as M2
  AgreementKey seal_key{};
  std::vector<AgreementKey> mask_keys;  // one a segment
  Digest nonce;                         // commitment
  std::optional<Released> released;
};
struct ShareHead {  // M3: what a site's shares of one segment hang on
  Digest roster;    // T1
  uint32_t segment = 0;
  Digest self;  // commitment to its own-mask secret
  Digest root;  // of the tree over its entries
};
struct Agreement {   // M5 and M8
  uint8_t step = 1;  // 1: T2, 2: T3
  Digest transcript;
};
struct Uploaded {  // M6, when the segment's masked planes are whole at the aggregator
  uint32_t segment = 0;
  Digest payload;
  uint64_t bytes = 0;
};
struct RevealedShare {
  uint32_t owner = 0;
  SecretKind kind = SecretKind::kMask;
  Secret share;
};
struct Reveal {  // M9
  uint32_t segment = 0;
  std::vector<RevealedShare> shares;  // ascending by owner: one a site that shared, never two
};
struct SegmentResult {
  Digest planes;  // of the blob
  Scalars scalars{};
};
struct Outcome {     // M10; signed by the aggregator
  Digest survivors;  // T3
  std::vector<SegmentResult> segments;
};
struct Opening {  // of the nonce, once the outcome is fixed
  Digest outcome;
  Secret nonce;
};
struct CheckValues {
  Digest result;                 // T4
  std::vector<uint64_t> values;  // one a segment; 0 where the site is no survivor
};
struct Complaint {
  Refusal rule = Refusal::kSchema;
  uint32_t accused = kNobody;
  std::string why;
};

// Unsigned: from the aggregator, or joined to what is signed
struct Open {  // M0
  Bytes context;
};
struct ShareEntry {
  Bytes sealed;  // two shares and a tag; empty for the site's own
  Digest mask;   // commitments to the shares
  Digest self;
  Digest Leaf(uint32_t holder) const;
};
// Of the tree over them.
std::vector<Digest> LeavesOf(std::span<const ShareEntry> entries);
struct Shares {                     // M3
  Bytes head;                       // Signed<ShareHead>
  std::vector<ShareEntry> entries;  // one a seat of the roster
};
struct Delivery {  // M4: what one site shared with the receiver in one segment
  Bytes head;
  ShareEntry entry;
  std::vector<Digest> path;
};
struct Sharers {  // with M4: the sites whose shares are all there
  Digest context;
  Sites sites;
};
struct Survivors {  // M7
  uint32_t segment = 0;
  std::vector<Bytes> uploads;  // Signed<Uploaded> of each survivor, ascending
};
struct Openings {
  std::vector<Bytes> openings;  // Signed<Opening>, ascending
};

using Message =
    std::variant<Open, Signed<Advertise>, Shares, Delivery, Sharers, Signed<Agreement>,
                 Signed<Uploaded>, Survivors, Signed<Reveal>, Signed<Outcome>, Signed<Opening>,
                 Openings, Signed<CheckValues>, Signed<Complaint>, Signed<ShareHead>>;

std::string_view KindName(const Message& message);

Bytes EncodeMessage(const Message& message);
// Total and bounded; signatures are not looked at. kInvalid.
Result<Message> DecodeMessage(ByteView bytes);
template <typename T>
Result<Signed<T>> DecodeSigned(ByteView bytes);

template <typename T>
Signed<T> Sign(const Signer& signer, const Header& header, T body);
// Whether the carried bytes bear this key's signature.
bool IsSignedBy(const Verifier& verifier, const PublicKey& key, ByteView carried);

}  // namespace dure::masking
