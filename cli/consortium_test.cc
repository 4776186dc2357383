// Founding, inviting and looking at a consortium, through whole command lines.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "aggregator/constitution.h"
#include "cli/spans.h"
#include "cli/testing.h"
#include "federation/identity/testing.h"

namespace dure::cli {
namespace {

using identity::kStart;
using identity::Must;
using identity::TemporaryFolder;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Outcome RunAt(const std::vector<std::string>& arguments, WallTime now = kStart) {
  return RunLine(arguments, now);
}

struct ConsortiumCommands : testing::Test {
  TemporaryFolder folder;
  std::string dir = (folder / "hanguk").string();
  Outcome Init() {
    return RunAt({"consortium", "init", "--dir", dir, "--name", "hanguk", "--address",
                  "127.0.0.1:7443", "--alias", "localhost"});
  }
};

TEST_F(ConsortiumCommands, InitFoundsAndSaysWhatComesNext) {
  const Outcome outcome = Init();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("sha256:"), HasSubstr("hanguk/log+"),
                                 HasSubstr("127.0.0.1:7444 to enrol")));
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ca-offline/root.key"), HasSubstr("to a safe"),
                                 HasSubstr("dure invite --dir")));
  const identity::Identity op = Must(identity::LoadIdentity(dir + "/operator"));
  EXPECT_EQ(op.role(), identity::Role::kOperator);
  EXPECT_THAT(op.log_vkey, HasSubstr("hanguk/log+"));
}

TEST_F(ConsortiumCommands, InitSaysInKoreanWhatComesNext) {
  const Outcome outcome = RunAt({"consortium", "init", "--dir", dir, "--name", "hanguk",
                                 "--address", "127.0.0.1:7443", "--lang", "ko"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("다음 할 일:"), HasSubstr("ca-offline/root.key"),
                                 HasSubstr("dure invite --dir"), Not(HasSubstr("Now:"))));
}

TEST_F(ConsortiumCommands, InitLaysDownTheRulesForOfficersToChangeBeforeTheFirstRun) {
  ASSERT_EQ(Init().code, 0);
  const std::filesystem::path rules = dir + "/aggregator/constitution";
  const auto shipped = Must(aggregator::ReadConstitution(rules.string()));
  EXPECT_EQ(shipped.policies, aggregator::ShippedConstitution().policies);
  EXPECT_EQ(shipped.voting, ledger::VotingRule());
  EXPECT_EQ(RunAt({"policy", "lint", (rules / "p2-purpose.policy").string()}).code, 0);
  std::ofstream(rules / "charter.toml") << "quorum_percent = 80\nruns_by_vote = true\n";
  std::filesystem::remove(rules / "p6-use-of-models.policy");
  const auto changed = Must(aggregator::ReadConstitution(rules.string()));
  EXPECT_EQ(changed.voting.quorum_percent, 80u);
  EXPECT_TRUE(changed.voting.runs_by_vote);
  EXPECT_EQ(changed.policies.size() + 1, shipped.policies.size());
}

TEST_F(ConsortiumCommands, InitTakesAnotherConstitutionAndRefusesOneThatDoesNotRead) {
  ASSERT_EQ(Init().code, 0);
  const std::string rules = dir + "/aggregator/constitution";
  const auto found = [&](const std::string& name) {
    return RunAt({"consortium", "init", "--dir", (folder / name).string(), "--name", name,
                  "--address", "127.0.0.1:7443", "--constitution", rules});
  };
  std::ofstream(rules + "/charter.toml") << "quorum_percent = 80\n";
  ASSERT_EQ(found("again").code, 0);
  const auto taken =
      Must(aggregator::ReadConstitution((folder / "again/aggregator/constitution").string()));
  EXPECT_EQ(taken.voting.quorum_percent, 80u);
  std::filesystem::copy(rules + "/p2-purpose.policy", rules + "/twice.policy");
  EXPECT_THAT(found("twice").err, HasSubstr("P2."));
  std::ofstream(rules + "/charter.toml") << "quorum_percent = 200\n";
  EXPECT_THAT(found("charter").err, HasSubstr("charter.toml:1"));
  std::ofstream(rules + "/charter.toml") << "runs_by_vote = \"yes\"\n";
  EXPECT_THAT(found("charter").err, HasSubstr("runs_by_vote is true or false, without quotes"));
  std::ofstream(rules + "/charter.toml") << "window_seconds = 1.5\n";
  EXPECT_THAT(found("charter").err, HasSubstr("window_seconds is a whole number"));
  std::ofstream(rules + "/charter.toml") << "hose_percent = 5\n";
  EXPECT_THAT(found("charter").err, HasSubstr("hose_percent is no field of a charter; there are: "
                                              "quorum_percent house_percent"));
  EXPECT_FALSE(std::filesystem::exists(folder / "charter"));
}

TEST_F(ConsortiumCommands, InitRefusesToOverwriteAndBadNames) {
  ASSERT_EQ(Init().code, 0);
  const Outcome again = Init();
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("nothing was changed"));
  EXPECT_EQ(RunAt({"consortium", "init", "--dir", dir}).code, 2);
  const Outcome bad = RunAt({"consortium", "init", "--dir", (folder / "x").string(), "--name",
                             "No Name", "--address", "127.0.0.1:7443"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

TEST_F(ConsortiumCommands, AnInvitationIsOneLineThatParses) {
  ASSERT_EQ(Init().code, 0);
  const Outcome outcome = RunAt({"invite", "--dir", dir, "--member", "kt", "--site", "kt-seoul",
                                 "--valid", "12h", "--house", "academic", "--country", "DE"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1);
  const identity::Invitation invitation = Must(identity::ParseInvitation(outcome.out));
  EXPECT_EQ(invitation.subject.ToUri(), "dure://hanguk/kt/member/kt-seoul");
  EXPECT_EQ(invitation.domicile, (identity::Domicile{identity::House::kAcademic, "DE"}));
  EXPECT_THAT(outcome.err, HasSubstr("kt (academic, DE)"));
  EXPECT_EQ(invitation.expires, kStart + std::chrono::hours(12));
  EXPECT_THAT(outcome.err, HasSubstr("dure site enrol"));

  // And the aggregator lets its bearer in.
  const Bytes request = Must(identity::PrepareEnrolment(invitation, dir + "/s", kStart));
  const auto authority = Must(identity::IssuingAuthority::Open(dir + "/aggregator", {}));
  Must(identity::AcceptEnrolment(invitation, dir + "/s", Must(authority->Enrol(request, kStart)),
                                 kStart));
  const Outcome shown = RunAt({"identity", "show", "--dir", dir + "/s"});
  EXPECT_THAT(shown.out, AllOf(HasSubstr("site kt-seoul of kt in hanguk"), HasSubstr("in 7 d"),
                               Not(HasSubstr("PRIVATE KEY"))));
}

TEST_F(ConsortiumCommands, AHouseAndACountryThatAreNoneAreRefused) {
  ASSERT_EQ(Init().code, 0);
  const std::vector<std::string> invite = {"invite", "--dir", dir, "--member", "kt", "--site", "s"};
  const auto refusal = [&](const char* option, const char* value) {
    std::vector<std::string> line = invite;
    line.insert(line.end(), {option, value});
    const Outcome outcome = RunAt(line);
    EXPECT_EQ(outcome.code, 1) << value;
    return outcome.err;
  };
  EXPECT_THAT(refusal("--house", "lords"), HasSubstr("public, private, academic, small-firm"));
  EXPECT_THAT(refusal("--country", "kr"), HasSubstr("two capital letters"));
  EXPECT_THAT(refusal("--country", "XQ"),
              HasSubstr("'XQ' is no country code: two capital letters (ISO 3166)"));
}

TEST_F(ConsortiumCommands, JsonIsOneObject) {
  const Outcome init = RunAt({"consortium", "init", "--dir", dir, "--name", "hanguk", "--address",
                              "fed.example.org:7443", "--json"});
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_EQ(json::parse(init.out)["enrol_address"], "fed.example.org:7444");
  EXPECT_EQ(init.err, "");
  const Outcome invite = RunAt(
      {"--json", "invite", "--dir", dir, "--member", "kt", "--name", "kim", "--role", "officer"});
  EXPECT_EQ(json::parse(invite.out)["role"], "officer");
  EXPECT_EQ(json::parse(invite.out)["house"], "private");
  EXPECT_EQ(json::parse(invite.out)["country"], "KR");
  const Outcome show = RunAt({"consortium", "show", "--dir", dir, "--json"});
  EXPECT_EQ(json::parse(show.out)["seats"].size(), 2u);
  EXPECT_EQ(json::parse(show.out)["root_sha256"], json::parse(init.out)["root_sha256"]);
}

TEST_F(ConsortiumCommands, InvitationsNeedAnOperatorWithAValidCertificate) {
  ASSERT_EQ(Init().code, 0);
  const Outcome nobody =
      RunAt({"invite", "--dir", dir + "/aggregator", "--member", "kt", "--site", "s"});
  EXPECT_EQ(nobody.code, 3);
  EXPECT_THAT(nobody.err, HasSubstr("needs an operator's folder"));
  const WallTime late = kStart + std::chrono::hours(24 * 91);
  const Outcome over = RunAt({"invite", "--dir", dir, "--member", "kt", "--site", "s"}, late);
  EXPECT_EQ(over.code, 3);
  EXPECT_THAT(over.err, HasSubstr("dure consortium renew"));
  // Which then helps, without any network.
  ASSERT_EQ(RunAt({"consortium", "renew", "--dir", dir}, late).code, 0);
  EXPECT_EQ(RunAt({"invite", "--dir", dir, "--member", "kt", "--site", "s"}, late).code, 0);
  const Outcome role =
      RunAt({"invite", "--dir", dir, "--member", "kt", "--site", "s", "--role", "king"});
  EXPECT_THAT(role.err, HasSubstr("roles: member, officer, researcher, operator"));
}

TEST_F(ConsortiumCommands, RenewTakesTheRootKeyFromWhereverItIs) {
  ASSERT_EQ(Init().code, 0);
  const auto safe = folder / "safe";
  std::filesystem::rename(dir + "/ca-offline", safe);
  const WallTime late = kStart + std::chrono::hours(24 * 360);
  const Outcome renewed =
      RunAt({"consortium", "renew", "--dir", dir, "--root", safe.string()}, late);
  ASSERT_EQ(renewed.code, 0) << renewed.err;
  EXPECT_THAT(renewed.out, HasSubstr("The issuing CA ends 2028-11"));
  EXPECT_EQ(RunAt({"consortium", "renew", "--dir", dir, "--root", dir}, late).code, 1);
}

TEST_F(ConsortiumCommands, RenewSaysWhenTheFolderIsNotTheOneThatIsServed) {
  ASSERT_EQ(Init().code, 0);
  EXPECT_THAT(RunAt({"consortium", "renew", "--dir", dir}).err, HasSubstr("dead copy"));
  const std::string moved = (folder / "moved").string();
  std::filesystem::rename(dir + "/aggregator", moved);
  EXPECT_THAT(RunAt({"consortium", "renew", "--dir", dir}).err, HasSubstr("moved to"));
  std::ofstream(moved + "/ledger.db") << "";
  const WallTime late = kStart + std::chrono::hours(24 * 91);
  const Outcome renewed =
      RunAt({"consortium", "renew", "--dir", moved, "--operator", dir + "/operator"}, late);
  ASSERT_EQ(renewed.code, 0) << renewed.err;
  EXPECT_THAT(renewed.out, HasSubstr("and the operator's"));
  EXPECT_THAT(renewed.err, Not(HasSubstr("dead copy")));
  EXPECT_EQ(RunAt({"invite", "--dir", dir, "--member", "kt", "--site", "s"}, late).code, 0);
}

TEST(Spans, AreReadAndWritten) {
  EXPECT_EQ(ParseSpan("45s"), std::chrono::seconds(45));
  EXPECT_EQ(ParseSpan("7d"), std::chrono::hours(168));
  for (const char* wrong :
       {"", "d", "7", "7 d", "-7d", "0s", "7y", "1e3s", "99999999999999999d", "4000d", "+7d"}) {
    EXPECT_FALSE(ParseSpan(wrong)) << wrong;
  }
  EXPECT_EQ(FormatSpan(kStart + std::chrono::hours(167), kStart), "in 6 d 23 h");
  EXPECT_EQ(FormatSpan(kStart - std::chrono::minutes(4), kStart), "4 min ago");
  EXPECT_EQ(FormatSpan(kStart, kStart), "in 0 s");
}

}  // namespace
}  // namespace dure::cli
