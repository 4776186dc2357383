// What the record tells the rules is what the schema says that there is: else a rule in the
// schema's words never meets a fact.
#include "policy/rules/schema.h"

#include <gmock/gmock.h>

#include <set>

#include "policy/standing/testing.h"
#include "policy/terms/compile.h"

namespace dure::standing {
namespace {

using testing::World;

// Every fact has its attribute, and the attribute admits it.
void ExpectAdmitted(const rules::Facts& facts) {
  for (const rules::Facts::Entry& entry : facts.entries()) {
    const std::string path(entry.path.text());
    const rules::Attribute* attribute = rules::ConsortiumSchema().Find(path);
    if (attribute == nullptr) {
      ADD_FAILURE() << path << " is no attribute";
    } else if (entry.fact.presence == rules::Presence::kAbsent) {
      EXPECT_TRUE(attribute->nullable) << path << " is never absent";
    } else {
      EXPECT_TRUE(attribute->Admits(entry.fact.value))
          << path << " is " << attribute->KindText() << ", not " << entry.fact.value.ToText();
    }
  }
}

template <typename E>
std::set<E> All() {
  std::set<E> all;
  for (size_t i = 0; i < terms::kWordCount<E>; ++i) all.insert(static_cast<E>(i));
  return all;
}

TEST(FactsOfTerms, AreAdmittedByTheSchemaWhateverTheTermsSay) {
  terms::Terms terms = terms::testing::FullTerms();
  terms.purposes = All<terms::Purpose>();
  terms.consent = All<terms::ConsentDuty>();
  for (const terms::UseClass use : All<terms::UseClass>()) {
    for (const terms::PersonalClass personal : All<terms::PersonalClass>()) {
      for (const terms::Tristate tdm : All<terms::Tristate>()) {
        terms.use = use;
        terms.personal.data_class = personal;
        terms.tdm.reserved = tdm;
        ExpectAdmitted(terms::FactsOf(terms));
        ExpectAdmitted(terms::FactsOf(terms::TermsOf({"ds-7", 1}, terms)));
      }
    }
  }
  ExpectAdmitted(terms::FactsOf(terms::Terms()));
  ExpectAdmitted(terms::FactsOf(terms::TermsOf({"ds-7", 1}, terms::Terms())));
}

TEST(FactsOfTerms, TellTheReservationInTheSchemasWords) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.tdm.reserved = terms::Tristate::kYes;
  EXPECT_EQ(terms::FactsOf(terms).At("dataset.terms.tdm").value.ToText(), "yes");
}

class SchemaTest : public ::testing::Test {
 protected:
  SchemaTest() {
    w_.Found();
    w_.Enrol("snu", ledger::House::kAcademic, 30);
    w_.Enrol("firm", ledger::House::kSmallFirm, 40);
    terms::Terms reserved = terms::testing::OpenTerms();
    reserved.tdm = {terms::Tristate::kYes, terms::TdmEvidence::kContract};
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("papers", "etri", reserved);
    w_.Lend("theses", "snu", terms::testing::ResearchTerms());
  }
  World w_;
};

TEST_F(SchemaTest, AdmitsWhatIsToldOfAnAdmission) {
  for (const auto& [masking, noise] :
       {std::pair("none", "none"), {"pairwise", "none"}, {"pairwise", "gaussian"}}) {
    for (const char* purpose : {"scientific-research", "commercial-service", "statistics"}) {
      const std::string run = std::string("r-") + masking + "-" + noise + "-" + purpose;
      w_.Propose(run, purpose, "public-body,non-profit,for-profit",
                 {{"masking", masking}, {"noise", noise}, {"privacyEpsilon", "2.5"}});
      w_.Approve(run);
      ExpectAdmitted(FactsOf(w_.Now(), w_.Asking(run, 0, "kt", "reviews")));
      ExpectAdmitted(FactsOf(w_.Now(), w_.Asking(run, 0, "snu", "theses")));
      ExpectAdmitted(FactsOf(w_.Now(), w_.Asking(run, 3, "etri", "papers")));
    }
  }
  w_.Propose("halted", "statistics");
  w_.Say("host", ledger::RunHalted{*RunId::Parse("halted"), "stopped"});
  ExpectAdmitted(FactsOf(w_.Now(), w_.Asking("halted", 0, "kt", "reviews")));
}

TEST_F(SchemaTest, AdmitsWhatIsToldOfAGrant) {
  w_.Propose("first", "scientific-research");
  w_.Approve("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "papers"}});
  for (const auto purpose : All<terms::Purpose>()) {
    for (const char* member : {"kt", "etri", "snu", "firm", "host"}) {
      GrantRequest request = w_.ToServe("first/0", std::string(terms::Word(purpose)));
      request.grantee = *MemberId::Parse(member);
      ExpectAdmitted(FactsOf(w_.Now(), request));
    }
  }
}

// A rule in the schema's words, which lint lets pass, meets the fact.
TEST_F(SchemaTest, ARuleAboutTheReservationFires) {
  const std::string text =
      "policy \"P8 Mining\" version 1 effective 2026-10-01\n"
      "rule P8.1 forbid train\n  when dataset.terms.tdm is yes\n  because \"Reserved.\"\nend\n";
  World w;
  w.Say("host", ledger::ConsortiumGenesis{w.log_key().Vkey(), testing::DigestOf("ca"),
                                          w.SeatOf("host").actor.key});
  w.Say("host", ledger::CharterDeclared{World::NoVoteOnRuns()});
  for (const rules::ConstitutionText& one : rules::ConstitutionTexts()) {
    w.Say("host", ledger::PolicyDeclared{std::string(one.text)});
  }
  w.Say("host", ledger::PolicyDeclared{text});
  w.Enrol("etri", ledger::House::kPublic, 20);
  terms::Terms reserved = terms::testing::OpenTerms();
  reserved.tdm = {terms::Tristate::kYes, terms::TdmEvidence::kContract};
  w.Lend("papers", "etri", reserved);
  w.Propose("first", "scientific-research");
  w.Approve("first");
  AdmissionRequest request = w.Asking("first", 0, "etri", "papers");
  const auto ruling = Decide(w.Now(), request);
  ASSERT_TRUE(ruling) << ruling.error().message;
  ASSERT_FALSE(ruling->allowed());
  EXPECT_EQ(ruling->decision.reasons[0].rule, "P8.1");
  request.words = kTdmIsYesOrNoSince - 1;
  EXPECT_TRUE(Decide(w.Now(), request)->allowed()) << "as builds before decided";
}

}  // namespace
}  // namespace dure::standing
