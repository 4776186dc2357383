// dure invite: one line that lets one seat into the consortium, once.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/domicile.h"
#include "cli/folders.h"
#include "cli/nouns.h"
#include "cli/spans.h"
#include "federation/identity/identity.h"
#include "federation/identity/invitation.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

struct InviteOptions {
  std::string dir;
  std::string member;
  std::string site;
  std::string role = "member";
  std::string house = "private";
  std::string country = "KR";
  std::string valid = "7d";
};

Result<identity::InvitationDraft> Draft(const InviteOptions& options,
                                        const identity::Identity& inviter, WallTime now) {
  identity::InvitationDraft draft;
  draft.subject.consortium = inviter.subject.consortium;
  DURE_ASSIGN(draft.subject.member, MemberId::Parse(options.member));
  DURE_ASSIGN(draft.subject.site, SiteId::Parse(options.site));
  DURE_ASSIGN(draft.subject.role, identity::ParseRole(options.role));
  DURE_ASSIGN(draft.domicile, ParseDomicile(options.house, options.country));
  DURE_ASSIGN(const std::chrono::seconds valid, ParseSpan(options.valid));
  draft.expires = now + valid;
  draft.root_pin = inviter.root_pin;
  draft.address = inviter.address;
  draft.enrol_address = inviter.enrol_address;
  return draft;
}

Status Invite(const InviteOptions& options, Context& context) {
  DURE_ASSIGN(const identity::Identity inviter, LoadOperator(options.dir, context.Now()));
  DURE_ASSIGN(const identity::InvitationDraft draft, Draft(options, inviter, context.Now()));
  SystemRandom random;
  DURE_ASSIGN(const identity::Invitation invitation,
              identity::MakeInvitation(draft, *inviter.signer, random));
  if (context.json()) {
    context.PrintJson(ordered_json{{"invitation", invitation.text},
                                   {"consortium", draft.subject.consortium},
                                   {"member", options.member},
                                   {"site", options.site},
                                   {"role", options.role},
                                   {"house", options.house},
                                   {"country", options.country},
                                   {"expires", FormatRfc3339(invitation.expires)},
                                   {"nonce", invitation.NonceHex()}}
                          .dump());
    return {};
  }
  context.Print(invitation.text);
  context.Say("\nGood once, until " + FormatRfc3339(invitation.expires) + ", for " + options.role +
              " " + options.site + " of " + options.member + " (" + draft.domicile.ToText() +
              "). Hand it over like a password. There, type:\n  dure site enrol INVITATION --dir "
              "FOLDER\nTo withdraw it: dure revoke --dir " +
              options.dir + " --invitation " + invitation.NonceHex());
  return {};
}

}  // namespace

void AddInviteCommand(Command dure, Context& context) {
  auto options = std::make_shared<InviteOptions>();
  Command verb =
      AddVerb(dure, "invite", "Make an invitation for a site or a person",
              "dure invite --dir hanguk --member kt --site kt-seoul --house private --country KR\n"
              "dure invite --dir hanguk --member kt --site kim-legal --role officer --valid 12h");
  verb.Add("--dir", options->dir, "The operator's folder, or the folder of init").Required();
  verb.Add("--member", options->member, "The institution").Required();
  verb.Add("--site,--name", options->site, "The name of the site, or of the person's desk")
      .Required();
  verb.Add("--role", options->role, "member, officer, researcher or operator").ShowDefault();
  verb.Add("--house", options->house,
           "Where the member votes: public, private, academic or small-firm")
      .ShowDefault();
  verb.Add("--country", options->country, "The member's country: ISO 3166, two letters")
      .ShowDefault();
  verb.Add("--valid", options->valid, "How long the invitation is good").ShowDefault();
  context.Do(verb, [options, &context] { return Invite(*options, context); });
}

}  // namespace dure::cli
