#include "federation/masking/messages.h"

#include <algorithm>

#include "federation/masking/inner_product.h"
#include "federation/masking/merkle.h"
#include "federation/masking/message_fields.h"
#include "federation/masking/seal.h"

namespace dure::masking {
namespace {

constexpr size_t kSealedBytes = 64 + kSealTagBytes;

template <typename T>
struct IsSigned : std::false_type {};
template <typename T>
struct IsSigned<Signed<T>> : std::true_type {
  using Body = T;
};

constexpr std::string_view kKindNames[] = {
    "open",   "advertise", "shares",  "delivery", "sharers", "agreement", "uploaded",  "survivors",
    "reveal", "outcome",   "opening", "openings", "check",   "complaint", "share-head"};
static_assert(std::size(kKindNames) == std::variant_size_v<Message>);

template <typename T, size_t kAt = 0>
constexpr uint8_t KindOf() {
  if constexpr (std::is_same_v<T, std::variant_alternative_t<kAt, Message>>) {
    return kAt + 1;
  } else {
    return KindOf<T, kAt + 1>();
  }
}

bool AscendingSites(const Sites& sites) {
  return sites.size() <= kSitesMax &&
         std::adjacent_find(sites.begin(), sites.end(), std::greater_equal<>()) == sites.end();
}

// What a body must be beyond its form.
bool WellFormed(const Advertise& v) {
  return !v.mask_keys.empty() && v.mask_keys.size() <= kSegmentsMax;
}
bool WellFormed(const ShareHead& v) { return v.segment < kSegmentsMax; }
bool WellFormed(const Agreement& v) { return v.step == 1 || v.step == 2; }
bool WellFormed(const Uploaded& v) { return v.segment < kSegmentsMax; }
bool WellFormed(const Reveal& v) {
  const bool ascending =
      std::adjacent_find(v.shares.begin(), v.shares.end(), [](const auto& a, const auto& b) {
        return a.owner >= b.owner;
      }) == v.shares.end();
  const bool kinds = std::all_of(v.shares.begin(), v.shares.end(), [](const auto& one) {
    return one.kind == SecretKind::kMask || one.kind == SecretKind::kSelf;
  });
  return v.segment < kSegmentsMax && v.shares.size() <= kSitesMax && ascending && kinds;
}
bool WellFormed(const Outcome& v) {
  return !v.segments.empty() && v.segments.size() <= kSegmentsMax;
}
bool WellFormed(const Opening&) { return true; }
bool WellFormed(const CheckValues& v) {
  return v.values.size() <= kSegmentsMax &&
         std::all_of(v.values.begin(), v.values.end(),
                     [](uint64_t value) { return value < kFieldPrime; });
}
bool WellFormed(const Complaint& v) {
  return v.why.size() <= 1024 && v.rule >= Refusal::kContextMismatch;
}
bool WellFormed(const Open& v) { return v.context.size() <= limits::kControlMessageBytesMax; }
bool WellFormed(const ShareEntry& v) { return v.sealed.empty() || v.sealed.size() == kSealedBytes; }
bool WellFormed(const Shares& v) {
  return v.entries.size() <= kSitesMax &&
         std::all_of(v.entries.begin(), v.entries.end(),
                     [](const ShareEntry& one) { return WellFormed(one); });
}
bool WellFormed(const Delivery& v) { return WellFormed(v.entry) && v.path.size() <= 8; }
bool WellFormed(const Sharers& v) { return AscendingSites(v.sites); }
bool WellFormed(const Survivors& v) {
  return v.segment < kSegmentsMax && v.uploads.size() <= kSitesMax;
}
bool WellFormed(const Openings& v) { return v.openings.size() <= kSitesMax; }

Error OutOfForm(std::string_view kind) {
  return {ErrorCode::kInvalid,
          "a masking message of kind " + std::string(kind) + " is out of its form"};
}

template <typename T>
Result<Message> DecodeBody(ByteView bytes) {
  if constexpr (IsSigned<T>::value) {
    DURE_ASSIGN(T message, DecodeSigned<typename IsSigned<T>::Body>(bytes));
    return Message(std::move(message));
  } else {
    T message;
    Get get(bytes.subspan(1));
    get(message);
    DURE_TRY(get.Done("a masking message"));
    if (!WellFormed(message)) return Fail(OutOfForm(kKindNames[KindOf<T>() - 1]));
    return Message(std::move(message));
  }
}

template <size_t kAt = 0>
Result<Message> DecodeKind(uint8_t kind, ByteView bytes) {
  if constexpr (kAt < std::variant_size_v<Message>) {
    if (kind == kAt + 1) return DecodeBody<std::variant_alternative_t<kAt, Message>>(bytes);
    return DecodeKind<kAt + 1>(kind, bytes);
  } else {
    return Fail(ErrorCode::kInvalid, "a masking message of no known kind");
  }
}

}  // namespace

Digest ShareEntry::Leaf(uint32_t holder) const {
  CanonicalWriter writer;
  writer.U32(holder).Raw32(Sha256(sealed)).Raw32(mask).Raw32(self);
  return LeafOf(writer.bytes());
}

std::vector<Digest> LeavesOf(std::span<const ShareEntry> entries) {
  std::vector<Digest> leaves;
  for (uint32_t i = 0; i < entries.size(); ++i) leaves.push_back(entries[i].Leaf(i));
  return leaves;
}

std::string_view KindName(const Message& message) { return kKindNames[message.index()]; }

Bytes EncodeMessage(const Message& message) {
  return std::visit(
      [](const auto& one) {
        using T = std::decay_t<decltype(one)>;
        if constexpr (IsSigned<T>::value) {
          return one.carried;
        } else {
          Put put;
          put(KindOf<T>(), one);
          return put.Take();
        }
      },
      message);
}

Result<Message> DecodeMessage(ByteView bytes) {
  if (bytes.empty() || bytes.size() > limits::kControlMessageBytesMax) {
    return Fail(ErrorCode::kInvalid, "a masking message is empty or too large");
  }
  return DecodeKind(bytes[0], bytes);
}

template <typename T>
Result<Signed<T>> DecodeSigned(ByteView bytes) {
  constexpr std::string_view kName = kKindNames[KindOf<Signed<T>>() - 1];
  if (bytes.size() < 1 + sizeof(Signature) || bytes.size() > limits::kControlMessageBytesMax ||
      bytes[0] != KindOf<Signed<T>>()) {
    return Fail(OutOfForm(kName));
  }
  Signed<T> message;
  Get get(bytes.subspan(1, bytes.size() - 1 - sizeof(Signature)));
  get(message.header, message.body);
  DURE_TRY(get.Done("a signed masking message"));
  if (!WellFormed(message.body)) return Fail(OutOfForm(kName));
  message.carried.assign(bytes.begin(), bytes.end());
  return message;
}

template <typename T>
Signed<T> Sign(const Signer& signer, const Header& header, T body) {
  Signed<T> message;
  message.header = header;
  message.body = std::move(body);
  Put put;
  put(KindOf<Signed<T>>(), header, message.body);
  message.carried = put.Take();
  const Signature signature = signer.Sign(kSignatureDomain, message.carried);
  message.carried.insert(message.carried.end(), signature.begin(), signature.end());
  return message;
}

bool IsSignedBy(const Verifier& verifier, const PublicKey& key, ByteView carried) {
  if (carried.size() < sizeof(Signature)) return false;
  const size_t body = carried.size() - sizeof(Signature);
  return verifier.Verify(kSignatureDomain, key, carried.first(body), carried.subspan(body));
}

#define DURE_SIGNED(T)                                  \
  template Result<Signed<T>> DecodeSigned<T>(ByteView); \
  template Signed<T> Sign<T>(const Signer&, const Header&, T);
DURE_SIGNED(Advertise)
DURE_SIGNED(ShareHead)
DURE_SIGNED(Agreement)
DURE_SIGNED(Uploaded)
DURE_SIGNED(Reveal)
DURE_SIGNED(Outcome)
DURE_SIGNED(Opening)
DURE_SIGNED(CheckValues)
DURE_SIGNED(Complaint)

}  // namespace dure::masking
