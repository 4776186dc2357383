// dure revoke: end somebody's access, on open connections too.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/folders.h"
#include "cli/nouns.h"
#include "federation/identity/identity.h"
#include "federation/identity/revocation.h"
#include "federation/transport/client.h"

namespace dure::cli {
namespace {

using identity::RevocationKind;
using identity::RevocationOrder;

struct RevokeOptions {
  std::string dir;
  std::string site;
  std::string member;
  std::string serial;
  std::string invitation;
  std::string reason;
  bool lift = false;
};

// Exactly one of the four is given: CLI11 sees to that.
RevocationOrder OrderOf(const RevokeOptions& options) {
  RevocationOrder order;
  order.reason = options.reason;
  order.lift = options.lift;
  if (!options.site.empty()) {
    order.kind = RevocationKind::kSite;
    order.target = options.site;
  } else if (!options.member.empty()) {
    order.kind = RevocationKind::kMember;
    order.target = options.member;
  } else if (!options.serial.empty()) {
    order.kind = RevocationKind::kSerial;
    order.target = options.serial;
  } else {
    order.kind = RevocationKind::kInvitation;
    order.target = options.invitation;
  }
  return order;
}

Status Revoke(const RevokeOptions& options, Context& context) {
  const bool is_seat = options.invitation.empty();
  const Bytes order = OrderOf(options).Encode();
  DURE_TRY(RevocationOrder::Parse(order));  // a slip is told here, not by the aggregator
  DURE_ASSIGN(const identity::Identity own, LoadOperator(options.dir, context.Now()));
  const transport::Dial dial{own.address, own.cert_chain_pem, own.tls_key_pem, own.trust()};
  const std::string request = nlohmann::json{{"order", ToBase64(order)}}.dump();
  // Who is revoked already is revoked still; there is nothing left to lift the second time.
  const int tries = options.lift ? 1 : transport::kTriesMax;
  const Result<std::string> reply = transport::CallAgain(
      tries, [&] { return transport::AdminLink(dial).Call("revoke", request); });
  if (!reply) return Within(reply.error(), "asking the aggregator at " + own.address);
  const nlohmann::json answer = nlohmann::json::parse(*reply, nullptr, false);
  if (!answer.is_object() || !answer.contains("revoked") || !answer["revoked"].is_string()) {
    return Fail(ErrorCode::kInternal, "the aggregator's answer is not understood");
  }
  const auto said = answer["revoked"].get<std::string>();
  const size_t slip = std::min(said.find("\nWARNING: "), said.size());
  if (context.json()) {
    context.PrintJson(answer.dump());
  } else {
    context.Print(said.substr(0, slip));
  }
  if (!answer.value("on_record", true)) {
    context.Say(
        "Access is ended now. The record says so as soon as the aggregator, which has just "
        "started, "
        "has compared its log with what enough members hold.");
  }
  // A script that mistyped a name must not go on as if access had ended.
  if (slip < said.size()) return Fail(ErrorCode::kNotFound, said.substr(slip + 1));
  // The record ended the keys of a revoked seat for good; new ones need a new enrolment.
  if (options.lift && is_seat) {
    context.Say(
        "The keys that the revocation ended on the record stay ended, and until it has new ones "
        "the "
        "seat is not let in.\nInvite it anew (dure invite), and let it enrol into its own folder:  "
        "dure site enrol INVITATION --dir DIR --new-keys");
  }
  return {};
}

}  // namespace

void AddRevokeCommand(Command dure, Context& context) {
  auto options = std::make_shared<RevokeOptions>();
  Command verb = AddVerb(dure, "revoke",
                         "End the access of a site, a member, one certificate or an invitation",
                         "dure revoke --dir hanguk --site kt-seoul --reason 'laptop lost'\n"
                         "dure revoke --dir hanguk --member kt\n"
                         "dure revoke --dir hanguk --site kt-seoul --lift");
  verb.Add("--dir", options->dir, "The operator's folder, or the folder of init").Required();
  Command target = verb.ExactlyOne("Whom (exactly one)");
  target.Add("--site", options->site, "A site, or a person's desk");
  target.Add("--member", options->member, "An institution with all its sites and people");
  target.Add("--serial", options->serial, "One certificate, by its serial in hex");
  target.Add("--invitation", options->invitation, "An invitation, by its nonce");
  verb.Add("--reason", options->reason, "One line for the record");
  verb.Flag("--lift", options->lift, "End an earlier revocation instead");
  context.Do(verb, [options, &context] { return Revoke(*options, context); });
}

}  // namespace dure::cli
