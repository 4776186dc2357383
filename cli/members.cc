// dure member: who is in the consortium, as the record says it; and the vote to suspend a member,
// or to let it in again.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

struct Options {
  std::string dir;
  std::string member;
};

Status Propose(const Options& options, ledger::ProposalKind kind, Context& context) {
  DURE_ASSIGN(const MemberId id, MemberId::Parse(options.member));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, identity::Roles{identity::Role::kOfficer}, context));
  const ledger::PolicyProposed event{kind, {}, id.str()};
  DURE_TRY(Record(desk, event, "Proposed to " + std::string(Name(kind)) + " " + id.str(), context));
  context.Say("Members vote with: dure vote ENTRY yes|no|abstain --dir FOLDER");
  return {};
}

// The member's own word that a key is none of its people's: from then on it may say nothing.
Status Disown(const std::string& dir, const std::string& digits, bool korean, Context& context) {
  DURE_ASSIGN(Desk desk, OpenDesk(dir, identity::Roles{identity::Role::kOfficer}, context));
  DURE_TRY(desk.clerk->Follow());
  std::vector<std::pair<PublicKey, standing::Speaker>> found;
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    for (const auto& [key, speaker] : own.standing().state().speakers) {
      if (speaker.member != desk.self->member() || speaker.revoked) continue;
      if (digits.size() >= 8 && ToHex(key).starts_with(digits)) found.emplace_back(key, speaker);
    }
  });
  if (found.size() != 1) {
    return Fail(
        ErrorCode::kNotFound,
        Pick(korean,
             "no key, or more than one, of your member begins with \"" + digits +
                 "\" (8 digits at least); dure member keys lists them",
             "\"" + digits +
                 "\"(으)로 시작하는 소속 기관의 키가 없거나 둘 이상입니다(8자리 이상). dure "
                 "member keys로 확인하십시오"));
  }
  if (found.front().first == desk.self->signer->Key()) {
    return Fail(ErrorCode::kInvalid,
                Pick(korean, "this is the key you are using", "지금 쓰고 있는 키입니다"));
  }
  const ledger::KeyRevoked event{desk.self->member(), found.front().first, "disowned"};
  return Record(
      desk, event,
      Pick(korean, "Ended the key of ", "키를 폐기했습니다: ") + found.front().second.site.str(),
      context);
}

Status Keys(const std::string& dir, const std::string& member, bool korean, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  ordered_json list = ordered_json::array();
  std::string text;
  const auto language = korean ? ledger::Language::kKorean : ledger::Language::kEnglish;
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
  context.Print(context.json() ? ordered_json{{"keys", list}}.dump() : text);
  return {};
}

std::string StatusOf(const standing::Member& member) {
  if (member.keys == 0) return "left";
  return member.suspended ? "suspended" : "active";
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
    text += id.str() + ": " + StatusOf(member) + ", " + std::string(Name(member.house)) + " house" +
            (member.country.empty() ? "" : ", " + member.country) +
            (names.empty() ? "" : "; sites " + names) + "; " + std::to_string(member.officers) +
            " officers\n";
  }
  context.Print(context.json() ? ordered_json{{"members", list}}.dump() : text);
  return {};
}

}  // namespace

void AddMemberCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "member", "List members; propose to suspend one, or let it back");
  auto options = std::make_shared<Options>();
  Command list = AddVerb(noun, "list", "List the members as the record says them",
                         "dure member list --dir /srv/desk");
  list.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  context.Do(list, [options, &context] { return List(options->dir, context); });
  const auto add = [&](const char* name, const char* what, const char* example,
                       ledger::ProposalKind kind) {
    Command verb = AddVerb(noun, name, what, example);
    verb.Add("member", options->member, "The member").Required();
    verb.Add("--dir", options->dir, "The officer's folder").Required();
    context.Do(verb, [options, kind, &context] { return Propose(*options, kind, context); });
  };
  add("suspend", "Propose that a member may do nothing until it is reinstated",
      "dure member suspend hospital-a --dir /srv/desk", ledger::ProposalKind::kSuspend);
  add("reinstate", "Propose that a suspended member may take part again",
      "dure member reinstate hospital-a --dir /srv/desk", ledger::ProposalKind::kReinstate);

  auto language = std::make_shared<std::string>();
  Command keys = AddVerb(noun, "keys", "List the keys that may speak for members",
                         "dure member keys --dir /srv/desk\n"
                         "dure member keys hospital-a --dir /srv/desk --lang ko");
  keys.Add("member", options->member, "One member; all without it");
  keys.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(keys, *language);
  context.Do(keys, [options, language, &context] {
    return Keys(options->dir, options->member, IsKorean(*language), context);
  });

  auto digits = std::make_shared<std::string>();
  Command disown = AddVerb(noun, "disown", "End a key that somebody was let in with in your name",
                           "dure member disown 3f9a11c2d07be455 --dir /srv/desk");
  disown.Add("key", *digits, "The first digits of the key").Required();
  disown.Add("--dir", options->dir, "The officer's folder").Required();
  AddLanguage(disown, *language);
  context.Do(disown, [options, digits, language, &context] {
    return Disown(options->dir, *digits, IsKorean(*language), context);
  });
}

}  // namespace dure::cli
