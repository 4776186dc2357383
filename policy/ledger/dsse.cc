#include "policy/ledger/dsse.h"

#include <nlohmann/json.hpp>

#include "federation/limits.h"
#include "policy/ledger/json_text.h"

namespace dure::ledger {
namespace {

constexpr size_t kEnvelopeSignaturesMax = 16;
constexpr size_t kPayloadTypeBytesMax = 256;

void AppendText(Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
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
  const auto parsed = ParseStrictJson(AsText(text));
  if (!parsed) return Fail(ErrorCode::kInvalid, "the envelope is not a JSON object");
  FieldReader reader(*parsed, "envelope");
  Envelope envelope;
  envelope.payload_type = reader.Text("payloadType", kPayloadTypeBytesMax);
  Result<Bytes> payload = FromBase64(reader.Text("payload", limits::kEntryBytesMax));
  if (!payload) reader.Blame("payload", "is not base64");
  const nlohmann::json& signatures = reader.Array("signatures", kEnvelopeSignaturesMax);
  if (signatures.empty()) reader.Blame("signatures", "is empty");
  for (const nlohmann::json& item : signatures) {
    FieldReader one(item, "signature");
    EnvelopeSignature signature;
    if (item.is_object() && item.contains("keyid")) {
      signature.key_id = one.Text("keyid", kPayloadTypeBytesMax);
    }
    Result<Bytes> bytes = FromBase64(one.Text("sig", 128));
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
