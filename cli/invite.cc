// dure invite: one line that lets one seat into the consortium, once.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/domicile.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_folder.h"
#include "cli/spans.h"
#include "federation/identity/identity.h"
#include "federation/identity/invitation.h"
#include "policy/standing/roles.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kPageBytes = size_t{4} * 1024 * 1024;

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

// As the first entry about the member says it, in a copy that this folder has; none: nullopt. What
// the log's rules make of entries does not matter to a remark, so nothing is replayed.
std::optional<ledger::MemberDescribed> Described(const std::string& dir, const MemberId& member) {
  const std::string aggregator = AggregatorFolder(dir);
  const bool beside = std::filesystem::exists(aggregator + "/ledger.db");
  const auto copy = OpenRecord(beside ? aggregator : OperatorFolder(dir));
  if (!copy) return std::nullopt;
  const uint64_t size = (*copy)->Head().head.size;
  for (uint64_t index = 0; index < size;) {
    const auto page = (*copy)->Read(index, size, kPageBytes);
    if (!page || page->empty()) return std::nullopt;
    index += page->size();
    for (const Bytes& bytes : *page) {
      const auto entry = ledger::ParseEntry(bytes);
      if (!entry) return std::nullopt;
      const auto* described = std::get_if<ledger::MemberDescribed>(&entry->record.event);
      if (described != nullptr && described->member == member) return *described;
    }
  }
  return std::nullopt;
}

// A member has one house and one country; an invitation into others is good for nothing.
Status CheckDescribed(const InviteOptions& options, const identity::InvitationDraft& draft,
                      const Context& context) {
  const auto there = Described(options.dir, draft.subject.member);
  if (!there) return {};
  const std::string house(Name(there->house));
  if (house == options.house && there->country == options.country) return {};
  const std::string with = "--house " + house + " --country " + there->country;
  return Fail(
      ErrorCode::kFailedPrecondition,
      Pick(context,
           "the record has " + options.member + " in the house " + house + " and in " +
               there->country + "; all who speak for a member are invited with the same: " + with,
           "기록에 " + rules::WithParticle(options.member, "은(는)") + " " +
               ledger::Words(house, ledger::Language::kKorean) + "(" + house +
               ") 회원이고 소재국은 " + there->country +
               "입니다. 같은 회원의 초대에는 모두 같은 값을 쓰십시오: " + with));
}

Status Invite(const InviteOptions& options, Context& context) {
  DURE_ASSIGN(const identity::Identity inviter, LoadOperator(options.dir, context.Now()));
  DURE_ASSIGN(const identity::InvitationDraft draft, Draft(options, inviter, context.Now()));
  DURE_TRY(CheckDescribed(options, draft, context));
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
  context.Say("\nGood once, until " + FormatRfc3339(invitation.expires) + ", for " +
              std::string(Name(standing::RoleInLog(draft.subject.role))) + " " + options.site +
              " of " + options.member + " (" + draft.domicile.ToText() +
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
              "dure invite --dir hanguk --member kt --site kim-legal --role officer --house "
              "private --country KR --valid 12h");
  verb.Add("--dir", options->dir, "The operator's folder, or the folder of init").Required();
  verb.Add("--member", options->member, "The institution").Required();
  verb.Add("--site,--name", options->site, "The name of the site, or of the person's desk")
      .Required();
  verb.Add("--role", options->role, "member, officer, researcher or operator").ShowDefault();
  verb.Add("--house", options->house,
           "Where the member votes: public, private, academic or small-firm; the same for every "
           "seat of the member")
      .ShowDefault();
  verb.Add("--country", options->country,
           "The member's country: ISO 3166, two letters; the same for every seat")
      .ShowDefault();
  verb.Add("--valid", options->valid, "How long the invitation is good").ShowDefault();
  AddLanguage(verb, context);
  context.Do(verb, [options, &context] { return Invite(*options, context); });
}

}  // namespace dure::cli
