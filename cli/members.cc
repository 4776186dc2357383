// dure member: who is in the consortium, as the record says it; and the vote to suspend a member,
// or to let it in again.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "policy/standing/admission.h"
#include "policy/standing/voting.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

struct MembersOptions {
  std::string dir;
  std::string member;
};

Status Propose(const MembersOptions& options, ledger::ProposalKind kind, Context& context) {
  DURE_ASSIGN(const MemberId id, MemberId::Parse(options.member));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, identity::Roles{identity::Role::kOfficer}, context));
  const ledger::PolicyProposed event{kind, {}, id.str()};
  const bool suspends = kind == ledger::ProposalKind::kSuspend;
  DURE_ASSIGN(const uint64_t index,
              RecordEntry(desk, event,
                          Pick(context, "Proposed to " + std::string(Name(kind)) + " " + id.str(),
                               id.str() + (suspends ? "의 자격 정지를" : "의 자격 회복을") +
                                   " 안건으로 올렸습니다"),
                          context));
  context.Say(Pick(context, "Members vote with: dure vote ", "회원 기관의 투표: dure vote ") +
              std::to_string(index) + " yes|no|abstain --dir " + options.dir);
  return {};
}

// Ended it is by any key of its member. What it said is taken back by one that was there before it.
std::string WhatStays(const PublicKey& key, bool korean) {
  const std::string again = "dure member disown " + ToHex(key).substr(0, 16) + " --dir DIR";
  return Pick(korean,
              "What that key said stands: yours came after it. An older key of your member takes "
              "it back, for instance the site's, in its folder, with its daemon stopped: " +
                  again,
              "그 키가 한 말은 그대로 남습니다. 지금 쓴 키가 그보다 나중에 등록되었기 때문입니다. "
              "더 먼저 등록된 소속 기관의 키로, 예를 들어 사이트 데몬을 멈추고 그 폴더에서 "
              "거두어들이십시오: " +
                  again);
}

// The member's own word that a key is none of its people's: from then on it may say nothing.
Status Disown(const std::string& dir, const std::string& digits, Context& context) {
  const bool korean = IsKorean(context);
  DURE_ASSIGN(Desk desk,
              OpenDesk(dir, {identity::Role::kOfficer, identity::Role::kMember}, context));
  DURE_TRY(desk.clerk->Follow());
  std::vector<std::pair<PublicKey, standing::Speaker>> found;
  std::optional<uint64_t> admitted;
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    const standing::State& state = own.standing().state();
    const auto& speakers = state.speakers;
    const auto self = speakers.find(desk.self->signer->Key());
    const bool takes_back = standing::NewestWords(state) >= standing::kVotesOutliveKeysSince;
    if (takes_back && self != speakers.end()) admitted = self->second.admitted;
    for (const auto& [key, speaker] : speakers) {
      if (speaker.member != desk.self->member()) continue;
      if (digits.size() >= 8 && ToHex(key).starts_with(digits)) found.emplace_back(key, speaker);
    }
  });
  if (found.size() != 1) {
    return Fail(ErrorCode::kNotFound,
                Pick(korean,
                     "no key, or more than one, of your member begins with \"" + digits +
                         "\" (8 digits at least); dure member keys lists them",
                     rules::WithParticle("\"" + digits + "\"", "(으)로") +
                         " 시작하는 소속 기관의 키가 없거나 둘 이상입니다(8자리 이상). dure "
                         "member keys로 확인하십시오"));
  }
  if (found.front().first == desk.self->signer->Key()) {
    return Fail(ErrorCode::kInvalid,
                Pick(korean, "this is the key you are using", "지금 쓰고 있는 키입니다"));
  }
  const auto& [key, speaker] = found.front();
  const ledger::KeyRevoked event{desk.self->member(), key, "disowned"};
  DURE_TRY(Record(desk, event,
                  Pick(korean, "Ended the key of " + speaker.site.str(),
                       speaker.site.str() + "의 키를 폐기했습니다"),
                  context));
  if (admitted && *admitted > speaker.admitted) context.Say(WhatStays(key, korean));
  return {};
}

Status Keys(const std::string& dir, const std::string& member, Context& context) {
  const bool korean = IsKorean(context);
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  ordered_json list = ordered_json::array();
  std::string text;
  const auto language = RecordLanguage(context);
  for (const auto& [key, speaker] : record->state().speakers) {
    if (!member.empty() && speaker.member.str() != member) continue;
    list.push_back({{"member", speaker.member.str()},
                    {"name", speaker.site.str()},
                    {"role", Name(speaker.role)},
                    {"key", ToHex(key)},
                    {"ended", speaker.revoked}});
    text += ToHex(key).substr(0, 16) + "  " + speaker.member.str() + ", " +
            ledger::Words(Name(speaker.role), language) +
            (speaker.site.empty() ? "" : " " + speaker.site.str()) +
            (speaker.revoked ? Pick(korean, ", ended", ", 폐기됨") : "") + "\n";
  }
  if (!member.empty() && list.empty()) {
    return Fail(
        ErrorCode::kNotFound,
        Pick(korean, "the record knows no member \"" + member + "\"; dure member list lists them",
             "기록에 \"" + member + "\"(이)라는 회원이 없습니다. dure member list로 확인하십시오"));
  }
  context.Print(context.json() ? ordered_json{{"keys", list}}.dump() : text);
  return {};
}

std::string StatusOf(const standing::Member& member) {
  if (member.keys == 0) return "left";
  return member.suspended ? "suspended" : "active";
}

std::string MemberText(const MemberId& id, const standing::Member& member, const std::string& sites,
                       bool korean) {
  const std::string status = StatusOf(member);
  const std::string officers = std::to_string(member.officers);
  if (korean) {
    const char* stands = status == "left"        ? "탈퇴"
                         : status == "suspended" ? "자격 정지"
                                                 : "활동 중";
    return id.str() + ": " + stands + ", " +
           ledger::Words(Name(member.house), ledger::Language::kKorean) + " 회원" +
           (member.country.empty() ? "" : ", " + member.country) +
           (sites.empty() ? "" : ", 사이트 " + sites) + ", 정책 담당자 " + officers + "명\n";
  }
  return id.str() + ": " + status + ", " + std::string(Name(member.house)) + " house" +
         (member.country.empty() ? "" : ", " + member.country) +
         (sites.empty() ? "" : "; sites " + sites) + "; officers " + officers + "\n";
}

Status List(const std::string& dir, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [id, member] : record->state().members) {
    ordered_json sites = ordered_json::array();
    std::string names;
    for (const SiteId& site : member.sites) {
      sites.push_back(site.str());
      names += (names.empty() ? "" : ", ") + site.str();
    }
    list.push_back({{"member", id.str()},
                    {"status", StatusOf(member)},
                    {"house", Name(member.house)},
                    {"country", member.country},
                    {"sites", sites},
                    {"officers", member.officers}});
    text += MemberText(id, member, names, IsKorean(context));
  }
  context.Print(context.json() ? ordered_json{{"members", list}}.dump() : text);
  return {};
}

}  // namespace

void AddMemberCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "member", "List members; propose to suspend one, or let it back");
  auto options = std::make_shared<MembersOptions>();
  Command list = AddVerb(noun, "list", "List the members as the record says them",
                         "dure member list --dir /srv/desk\n"
                         "dure member list --dir /srv/desk --lang ko");
  list.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(list, context);
  context.Do(list, [options, &context] { return List(options->dir, context); });
  const auto add = [&](const char* name, const char* what, const char* example,
                       ledger::ProposalKind kind) {
    Command verb = AddVerb(noun, name, what, example);
    verb.Add("member", options->member, "The member").Required();
    verb.Add("--dir", options->dir, "The officer's folder").Required();
    AddLanguage(verb, context);
    context.Do(verb, [options, kind, &context] { return Propose(*options, kind, context); });
  };
  add("suspend", "Propose that a member may do nothing until it is reinstated",
      "dure member suspend hospital-a --dir /srv/desk", ledger::ProposalKind::kSuspend);
  add("reinstate", "Propose that a suspended member may take part again",
      "dure member reinstate hospital-a --dir /srv/desk", ledger::ProposalKind::kReinstate);

  Command keys = AddVerb(noun, "keys", "List the keys that may speak for members",
                         "dure member keys --dir /srv/desk\n"
                         "dure member keys hospital-a --dir /srv/desk --lang ko");
  keys.Add("member", options->member, "One member; all without it");
  keys.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(keys, context);
  context.Do(keys, [options, &context] { return Keys(options->dir, options->member, context); });

  auto digits = std::make_shared<std::string>();
  Command disown = AddVerb(noun, "disown", "End a key that somebody was let in with in your name",
                           "dure member disown 3f9a11c2d07be455 --dir /srv/desk");
  disown.Add("key", *digits, "The first digits of the key").Required();
  disown.Add("--dir", options->dir, "The officer's folder, or the site's").Required();
  AddLanguage(disown, context);
  context.Do(disown,
             [options, digits, &context] { return Disown(options->dir, *digits, context); });
}

}  // namespace dure::cli
