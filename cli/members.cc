// dure member: who is in the consortium, as the record says it; and the vote to suspend a member,
// or to let it in again.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
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

void AddMemberCommands(CLI::App& dure, Context& context) {
  CLI::App& noun = AddNoun(dure, "member", "List members; propose to suspend one, or let it back");
  auto options = std::make_shared<Options>();
  CLI::App& list = AddVerb(noun, "list", "List the members as the record says them",
                           "dure member list --dir /srv/desk");
  list.add_option("--dir", options->dir, "A folder with a copy of the record")->required();
  context.Do(list, [options, &context] { return List(options->dir, context); });
  const auto add = [&](const char* name, const char* what, const char* example,
                       ledger::ProposalKind kind) {
    CLI::App& verb = AddVerb(noun, name, what, example);
    verb.add_option("member", options->member, "The member")->required();
    verb.add_option("--dir", options->dir, "The officer's folder")->required();
    context.Do(verb, [options, kind, &context] { return Propose(*options, kind, context); });
  };
  add("suspend", "Propose that a member may do nothing until it is reinstated",
      "dure member suspend hospital-a --dir /srv/desk", ledger::ProposalKind::kSuspend);
  add("reinstate", "Propose that a suspended member may take part again",
      "dure member reinstate hospital-a --dir /srv/desk", ledger::ProposalKind::kReinstate);
}

}  // namespace dure::cli
