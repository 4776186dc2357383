#include "policy/standing/dissent.h"

#include <nlohmann/json.hpp>

#include "federation/bytes.h"
#include "federation/check.h"
#include "policy/ledger/dsse.h"

namespace dure::standing {
namespace {

using nlohmann::json;

constexpr std::string_view kPayloadType = "application/vnd.dure.dissent+json";

std::string TextAt(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<ledger::EventType> TypeNamed(const std::string& name) {
  for (size_t i = 0; i < ledger::kEventTypes; ++i) {
    const auto type = static_cast<ledger::EventType>(i);
    if (Name(type) == name) return type;
  }
  return Fail(ErrorCode::kInvalid, "a dissent about an event that this version does not know");
}

}  // namespace

std::string SealDissent(const Dissent& dissent, const Signer& signer) {
  DURE_CHECK(signer.Key() == dissent.key, "a dissent is signed with the key it names");
  const json payload = {{"origin", dissent.origin},
                        {"site", dissent.site.str()},
                        {"key", ToHex(dissent.key)},
                        {"entry", dissent.finding.index},
                        {"type", ledger::Name(dissent.finding.type)},
                        {"rule", dissent.finding.rule},
                        {"text", dissent.finding.text},
                        {"due", dissent.finding.due},
                        {"leaf", dissent.leaf.Hex()},
                        {"head", dissent.head_note}};
  const std::string text = payload.dump(-1, ' ', false, json::error_handler_t::replace);
  const Bytes file = ledger::SealEnvelope(kPayloadType, AsBytes(text), ToHex(dissent.key), signer);
  return std::string(AsText(file));
}

Result<Dissent> OpenDissent(std::string_view file, const Verifier& verifier) {
  DURE_ASSIGN(const ledger::Envelope envelope, ledger::ParseEnvelope(AsBytes(file)));
  const json payload = json::parse(AsText(envelope.payload), nullptr, false);
  if (envelope.payload_type != kPayloadType || !payload.is_object()) {
    return Fail(ErrorCode::kInvalid, "the file is no dissent");
  }
  Dissent dissent;
  dissent.origin = TextAt(payload, "origin");
  DURE_ASSIGN(dissent.site, SiteId::Parse(TextAt(payload, "site")));
  DURE_ASSIGN(const Bytes key, FromHex(TextAt(payload, "key")));
  DURE_ASSIGN(dissent.leaf, Digest::FromHex(TextAt(payload, "leaf")));
  DURE_ASSIGN(dissent.finding.type, TypeNamed(TextAt(payload, "type")));
  const auto entry = payload.find("entry");
  if (key.size() != dissent.key.size() || entry == payload.end() || !entry->is_number_unsigned()) {
    return Fail(ErrorCode::kInvalid, "the dissent names no key or no entry");
  }
  std::ranges::copy(key, dissent.key.begin());
  dissent.finding.index = entry->get<uint64_t>();
  dissent.finding.dissent = true;
  dissent.finding.rule = TextAt(payload, "rule");
  dissent.finding.text = TextAt(payload, "text");
  dissent.finding.due = TextAt(payload, "due");
  dissent.head_note = TextAt(payload, "head");
  if (!ledger::SignedBy(envelope, dissent.key, verifier)) {
    return Fail(ErrorCode::kUnauthenticated, "the dissent is not signed by the key it names");
  }
  return dissent;
}

}  // namespace dure::standing
