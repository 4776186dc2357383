// dure site: become one.
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/operator_desk.h"
#include "federation/identity/enrolment.h"
#include "federation/identity/identity.h"
#include "federation/identity/invitation.h"
#include "federation/journal/journal.h"
#include "federation/transport/client.h"
#include "policy/standing/roles.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

struct EnrolOptions {
  std::string invitation;
  std::string dir;
  bool new_keys = false;
};

// New keys under a daemon that signs with the old ones would leave it speaking for nobody.
Status CheckStopped(const std::string& dir) {
  const std::string path = dir + "/site.db";
  if (!std::filesystem::exists(path)) return {};
  const auto journal = journal::Journal::Open(path);
  if (journal) return {};
  return Within(journal.error(), "--new-keys needs the site's daemon to be stopped");
}

// What a person does next depends on what they were invited as.
std::string NextStep(const identity::Identity& own, const std::string& dir, bool korean) {
  switch (own.role()) {
    case identity::Role::kMember:
      return "dure dataset form --out terms.toml" + Pick(korean, ", then ", ", 이어서 ") +
             "dure site serve --dir " + dir + " --data FOLDER --terms terms.toml";
    case identity::Role::kOperator:
      return "dure invite --dir " + dir + " --member NAME --site NAME";
    case identity::Role::kOfficer:
    case identity::Role::kResearcher:
    case identity::Role::kAggregator:
      break;
  }
  return "dure identity show --dir " + dir;
}

// "site kt-seoul of kt", "officer kim of kt", "kt의 사이트 kt-seoul".
std::string Subject(identity::Role role, const std::string& site, const std::string& member,
                    bool korean) {
  const std::string word(Name(standing::RoleInLog(role)));
  if (!korean) return word + " " + site + " of " + member;
  return member + "의 " + ledger::Words(word, ledger::Language::kKorean) + " " + site;
}

// Whatever the aggregator answers but an enrolment is its no, whichever of its reasons it gives.
Error Refusal(Error error) {
  if (error.code != ErrorCode::kUnavailable) error.code = ErrorCode::kPermissionDenied;
  return error;
}

// Whoever else works on the machine can read command lines while they run: "-" is a line of
// standard input.
Result<std::string> InvitationLine(const std::string& typed) {
  if (typed != "-") return typed;
  std::string line;
  std::getline(std::cin, line);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (!line.empty()) return line;
  return Fail(ErrorCode::kInvalid, "standard input holds no invitation in its first line");
}

Status Enrol(const EnrolOptions& options, Context& context) {
  DURE_ASSIGN(const std::string line, InvitationLine(options.invitation));
  DURE_ASSIGN(const identity::Invitation invitation, identity::ParseInvitation(line));
  if (options.new_keys) DURE_TRY(CheckStopped(options.dir));
  const identity::Keys keys = options.new_keys ? identity::Keys::kNew : identity::Keys::kKeep;
  DURE_ASSIGN(const Bytes request,
              identity::PrepareEnrolment(invitation, options.dir, context.Now(), keys));
  const bool korean = IsKorean(context);
  context.Say(Pick(korean,
                   "Asking " + invitation.enrol_address + " to enrol " +
                       Subject(invitation.subject.role, invitation.subject.site.str(),
                               invitation.subject.member.str(), korean) +
                       " …",
                   invitation.enrol_address + "에 등록을 요청합니다: " +
                       Subject(invitation.subject.role, invitation.subject.site.str(),
                               invitation.subject.member.str(), korean) +
                       " …"));
  const transport::EnrolDial dial = {invitation.enrol_address, invitation.subject.consortium,
                                     invitation.root_pin};
  // The same request for the same seat is answered as before.
  const Result<Bytes> response =
      transport::CallAgain(transport::kTriesMax, [&] { return transport::Enrol(dial, request); });
  if (!response) {
    return Within(Refusal(FromAggregator(response.error(), invitation.enrol_address)), "enrolling");
  }
  DURE_TRY(identity::AcceptEnrolment(invitation, options.dir, *response, context.Now()));
  DURE_ASSIGN(const identity::Identity own, identity::LoadIdentity(options.dir));
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"consortium", own.subject.consortium},
        {"member", own.member().str()},
        {"role", identity::Name(own.role())},
        {"site", own.site().str()},
        {"dir", options.dir},
        {"expires", FormatRfc3339(own.not_after)},
        {"address",
         own.address}}.dump());
    return {};
  }
  const std::string who = Subject(own.role(), own.site().str(), own.member().str(), korean);
  context.Print(Pick(korean,
                     "Enrolled: " + who + " in " + own.subject.consortium + ". The keys are in " +
                         options.dir + "/identity and nowhere else.",
                     own.subject.consortium + " 컨소시엄에 등록되었습니다: " + who + ". 키는 " +
                         options.dir + "/identity에만 있습니다."));
  context.Say(Pick(korean, "Now: ", "다음: ") + NextStep(own, options.dir, korean));
  return {};
}

void AddEnrol(Command noun, Context& context) {
  auto options = std::make_shared<EnrolOptions>();
  Command verb = AddVerb(noun, "enrol", "Enrol with an invitation: makes keys, gets certificates",
                         "dure site enrol dure2-AbC… --dir /var/lib/dure-site\n"
                         "dure site enrol - --dir /var/lib/dure-site < invitation.txt\n"
                         "dure site enrol \"$INVITATION\" --dir kt-seoul --json");
  verb.Add("invitation", options->invitation,
           "The line that the operator gave you; - reads it from standard input, so that other "
           "users of the machine do not see it among the running commands")
      .Required();
  verb.Add("--dir", options->dir, "The folder to make, or the site's own to enrol again")
      .Required();
  verb.Flag("--new-keys", options->new_keys,
            "In the site's own folder: keys made anew, because the record ended the old ones; "
            "its copy of the record, its models and its error feedback stay");
  AddLanguage(verb, context);
  context.Do(verb, [options, &context] { return Enrol(*options, context); });
}

}  // namespace

void AddSiteCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "site", "Enrol and run a site");
  AddSiteServe(noun, context);
  AddEnrol(noun, context);
  AddSitePart(noun, context);
  AddSiteDoctor(noun, context);
}

}  // namespace dure::cli
