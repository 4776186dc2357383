// dure identity: who a folder is.
#include "federation/identity/identity.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/spans.h"
#include "federation/identity/enrolment.h"
#include "federation/transport/client.h"
#include "policy/standing/roles.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

std::string EnglishText(const identity::Identity& own, WallTime now) {
  return std::string(Name(standing::RoleInLog(own.role()))) + " " + own.site().str() + " of " +
         own.member().str() + " in " + own.subject.consortium + "\ncertificate  " +
         (now < own.not_after ? "ends " : "ENDED ") + FormatRfc3339(own.not_after) + " (" +
         FormatSpan(own.not_after, now) + "), serial " + own.serial +
         "\nsigning key  ed25519:" + ToHex(own.signer->Key()) +
         "\nroot CA      sha256:" + own.root_pin.Hex() + "\naggregator   " + own.address +
         "\nlog          " + own.log_vkey;
}

std::string KoreanText(const identity::Identity& own, WallTime now) {
  const std::string role =
      ledger::Words(Name(standing::RoleInLog(own.role())), ledger::Language::kKorean);
  return own.subject.consortium + " " + own.member().str() + "의 " + role + " " + own.site().str() +
         "\n인증서     " + FormatRfc3339(own.not_after) +
         (now < own.not_after ? "까지" : "에 끝남") + ", 일련번호 " + own.serial +
         "\n서명 키    ed25519:" + ToHex(own.signer->Key()) +
         "\n루트 CA    sha256:" + own.root_pin.Hex() + "\n집계 서버  " + own.address +
         "\n기록의 키  " + own.log_vkey;
}

Status Show(const std::string& dir, Context& context) {
  DURE_ASSIGN(const identity::Identity own, identity::LoadIdentity(OperatorFolder(dir)));
  const WallTime now = context.Now();
  const bool is_valid = now < own.not_after;
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"consortium", own.subject.consortium},
        {"member", own.member().str()},
        {"role", identity::Name(own.role())},
        {"site", own.site().str()},
        {"serial", own.serial},
        {"expires", FormatRfc3339(own.not_after)},
        {"valid", is_valid},
        {"renewal_due", identity::RenewalDue(own, now)},
        {"signing_key", ToHex(own.signer->Key())},
        {"root_sha256", own.root_pin.Hex()},
        {"address", own.address},
        {"enrol_address", own.enrol_address},
        {"aggregator_key", ToHex(own.aggregator_key)},
        {"log_vkey", own.log_vkey},
        {"log_origin",
         own.log_origin}}.dump());
    return {};
  }
  context.Print(IsKorean(context) ? KoreanText(own, now) : EnglishText(own, now));
  return {};
}

Status Renew(const std::string& dir, Context& context) {
  const std::string folder = OperatorFolder(dir);
  DURE_ASSIGN(const identity::Identity own, identity::LoadIdentity(folder));
  if (own.role() == identity::Role::kAggregator) {
    return Fail(ErrorCode::kFailedPrecondition,
                folder +
                    " is the aggregator's: its daemon renews it, or, when that is stopped, dure "
                    "consortium renew --dir " +
                    folder);
  }
  DURE_ASSIGN(const Bytes request, identity::PrepareRenewal(own, folder, /*new_tls_key=*/true));
  const transport::Dial dial = {own.address, own.cert_chain_pem, own.tls_key_pem, own.trust()};
  const Result<Bytes> response = transport::Renew(dial, request);
  if (!response) return Within(response.error(), "renewing at " + own.address);
  DURE_TRY(identity::AcceptRenewal(own, folder, *response, context.Now()));
  return Show(folder, context);
}

void AddVerbWithFolder(Command noun, Context& context, const std::string& name,
                       const std::string& one_line, const std::string& examples,
                       const std::string& whose, Status (*action)(const std::string&, Context&)) {
  auto dir = std::make_shared<std::string>();
  Command verb = AddVerb(noun, name, one_line, examples);
  verb.Add("--dir", *dir, whose).Required();
  context.Do(verb, [dir, action, &context] { return action(*dir, context); });
}

}  // namespace

void AddIdentityCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "identity", "Show and renew who a folder is");
  AddVerbWithFolder(noun, context, "show", "Show names, certificate, keys and addresses",
                    "dure identity show --dir /var/lib/dure-site\n"
                    "dure identity show --dir hanguk/operator --json",
                    "A site's, a person's or the aggregator's folder", Show);
  AddVerbWithFolder(
      noun, context, "renew",
      "Renew the certificates now, with a new TLS key (a site's daemon does by itself)",
      "dure identity renew --dir kim-legal",
      "A person's folder, or a site's (the aggregator's is renewed by its daemon, or by dure "
      "consortium renew)",
      Renew);
}

}  // namespace dure::cli
