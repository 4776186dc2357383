#include "policy/ledger/dsse.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "federation/limits.h"
#include "policy/ledger/json_text.h"

namespace dure::ledger {
namespace {

constexpr size_t kEnvelopeSignaturesMax = 16;
constexpr size_t kPayloadTypeBytesMax = 256;
constexpr size_t kSignatureTextMax = 128;

void AppendText(Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

// A cursor over an envelope in the one spelling that SealEnvelope writes.
class PlainText {
 public:
  explicit PlainText(std::string_view text) : rest_(text) {}
  bool Skip(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  // Up to the closing quote, whatever it is: for base64, which JSON writes as it is.
  bool Quoted(std::string_view& value) {
    const size_t end = rest_.find('"');
    if (end == std::string_view::npos) return false;
    value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  // The same; false for a text that JSON would write otherwise than as it is.
  bool QuotedText(std::string_view& value) {
    return Quoted(value) && std::all_of(value.begin(), value.end(),
                                        [](char c) { return c >= 0x20 && c < 0x7F && c != '\\'; });
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// What ParseEnvelope finds, without a JSON parser, in an envelope of one signature that is spelt as
// SealEnvelope spells it; nullopt for any other, which may be sound all the same. Most of the time
// of an audit beside its signature checks was spent on reading base64 as JSON.
std::optional<Envelope> ParsePlainEnvelope(std::string_view text) {
  PlainText in(text);
  std::string_view payload, type, key_id, signature;
  const bool plain = in.Skip("{\"payload\":\"") && in.Quoted(payload) &&
                     in.Skip(",\"payloadType\":\"") && in.QuotedText(type) &&
                     in.Skip(",\"signatures\":[{\"keyid\":\"") && in.QuotedText(key_id) &&
                     in.Skip(",\"sig\":\"") && in.Quoted(signature) && in.Skip("}]}") && in.AtEnd();
  const bool bounded = type.size() <= kPayloadTypeBytesMax &&
                       key_id.size() <= kPayloadTypeBytesMax &&
                       signature.size() <= kSignatureTextMax;
  if (!plain || !bounded) return std::nullopt;
  Result<Bytes> payload_bytes = FromBase64(payload);
  Result<Bytes> signature_bytes = FromBase64(signature);
  if (!payload_bytes || !signature_bytes) return std::nullopt;
  return Envelope{std::string(type),
                  std::move(*payload_bytes),
                  {{std::string(key_id), std::move(*signature_bytes)}}};
}

}  // namespace

Bytes PreAuthenticationEncoding(std::string_view payload_type, ByteView payload) {
  Bytes out;
  out.reserve(payload.size() + payload_type.size() + 48);
  AppendText(out, "DSSEv1 ");
  AppendText(out, std::to_string(payload_type.size()));
  AppendText(out, " ");
  AppendText(out, payload_type);
  AppendText(out, " ");
  AppendText(out, std::to_string(payload.size()));
  AppendText(out, " ");
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes SealEnvelope(std::string_view payload_type, ByteView payload, std::string_view key_id,
                   const Signer& signer) {
  const Signature signature = signer.SignRaw(PreAuthenticationEncoding(payload_type, payload));
  const nlohmann::json envelope = {
      {"payload", ToBase64(payload)},
      {"payloadType", payload_type},
      {"signatures", {{{"keyid", key_id}, {"sig", ToBase64(signature)}}}}};
  return ToBytes(envelope.dump());
}

Result<Envelope> ParseEnvelope(ByteView text) {
  if (text.size() > limits::kEntryBytesMax) {
    return Fail(ErrorCode::kInvalid, "the envelope is larger than an entry may be");
  }
  if (std::optional<Envelope> plain = ParsePlainEnvelope(AsText(text))) return std::move(*plain);
  return ParseEnvelopeJson(text);
}

Result<Envelope> ParseEnvelopeJson(ByteView text) {
  const auto parsed = ParseAnyJson(AsText(text));
  if (!parsed) return Fail(ErrorCode::kInvalid, "the envelope is not a JSON object");
  FieldReader reader(parsed->root(), "envelope");
  Envelope envelope;
  envelope.payload_type = reader.Text("payloadType", kPayloadTypeBytesMax);
  Result<Bytes> payload = FromBase64(reader.View("payload", limits::kEntryBytesMax));
  if (!payload) reader.Blame("payload", "is not base64");
  const JsonItems signatures = reader.Array("signatures", kEnvelopeSignaturesMax);
  if (signatures.empty()) reader.Blame("signatures", "is empty");
  for (const JsonNode& item : signatures) {
    FieldReader one(item, "signature");
    EnvelopeSignature signature;
    if (one.Has("keyid")) signature.key_id = one.Text("keyid", kPayloadTypeBytesMax);
    Result<Bytes> bytes = FromBase64(one.View("sig", kSignatureTextMax));
    if (!bytes) one.Blame("sig", "is not base64");
    reader.Join(one.error());
    if (bytes) signature.signature = std::move(*bytes);
    envelope.signatures.push_back(std::move(signature));
  }
  if (!reader.error()) return Fail(reader.error().error());
  envelope.payload = std::move(*payload);
  return envelope;
}

bool SignedBy(const Envelope& envelope, const PublicKey& key, const Verifier& verifier) {
  const Bytes message = PreAuthenticationEncoding(envelope.payload_type, envelope.payload);
  for (const EnvelopeSignature& signature : envelope.signatures) {
    if (verifier.VerifyRaw(key, message, signature.signature)) return true;
  }
  return false;
}

}  // namespace dure::ledger
