// Who may say what, and what an entry must be of those before it: what is refused by every log and
// every copy, before anything is folded. Each of these fails when its check is taken out.
#include "policy/ledger/chronicle.h"

#include <gmock/gmock.h>

#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::Consortium;
using testing::DigestOf;
using ::testing::HasSubstr;

// As docs/reference/events.md has it: the aggregator, a site, an officer, an operator, a
// researcher.
struct Signers {
  EventType type;
  std::string_view who;
};
constexpr Signers kSigners[] = {{EventType::kMemberAdmitted, "A"},
                                {EventType::kKeyRevoked, "ASOP"},
                                {EventType::kRunProposed, "AOP"},
                                {EventType::kRoundOpened, "A"},
                                {EventType::kContributionSubmitted, "S"},
                                {EventType::kContributionReceipted, "A"},
                                {EventType::kRoundClosed, "A"},
                                {EventType::kRoundAbandoned, "A"},
                                {EventType::kEvaluationReported, "ASOPR"},
                                {EventType::kMemberDescribed, "AP"},
                                {EventType::kCosignerAnnounced, "S"},
                                {EventType::kCharterDeclared, "A"},
                                {EventType::kPolicyDeclared, "A"},
                                {EventType::kPolicyProposed, "O"},
                                {EventType::kVoteCast, "O"},
                                {EventType::kPolicyAdopted, "A"},
                                {EventType::kPolicyRejected, "A"},
                                {EventType::kRunApproved, "A"},
                                {EventType::kRunHalted, "A"},
                                {EventType::kDatasetRegistered, "SO"},
                                {EventType::kDatasetWithdrawn, "SO"},
                                {EventType::kWithdrawalClosed, "AO"},
                                {EventType::kAdmissionDecided, "A"},
                                {EventType::kGrantDecided, "A"},
                                {EventType::kGrantRevoked, "AO"},
                                {EventType::kShareComputed, "AO"},
                                {EventType::kDisclosureExported, "OR"},
                                {EventType::kConsentGiven, "SO"},
                                {EventType::kIncidentReported, "ASOP"},
                                {EventType::kIncidentClosed, "ASOP"},
                                {EventType::kDutyFulfilled, "SOR"},
                                {EventType::kCoalitionsMade, "A"},
                                {EventType::kEvaluationDecided, "A"}};
static_assert(std::size(kSigners) + 1 == kEventTypes, "each but the genesis");

template <size_t... kTypes>
std::vector<Event> OneOfEach(std::index_sequence<kTypes...>) {
  return {Event(std::in_place_index<kTypes>)...};
}

class ChronicleTest : public ::testing::Test {
 protected:
  ChronicleTest() { c_.Found(*ledger_); }
  // What the log says to an entry; "": it took it.
  std::string Answer(Bytes entry) {
    const auto appended = ledger_->Append(std::move(entry), "");
    return appended ? "" : appended.error().message;
  }
  std::string ByAggregator(Event event) {
    return Answer(c_.ByAggregator(*ledger_, std::move(event)));
  }
  std::string BySite(Event event) { return Answer(c_.BySite(*ledger_, std::move(event))); }
  // With one thing changed.
  ContributionSubmitted Submitted() const {
    return std::get<ContributionSubmitted>(c_.Submitted(0));
  }
  uint64_t Last() const { return ledger_->Head().head.size - 1; }

  const Consortium c_;
  const std::unique_ptr<Ledger> ledger_ = c_.NewMemoryLedger();
};

TEST_F(ChronicleTest, EachRoleSaysWhatIsItsToSayAndNothingElse) {
  Chronicle chronicle(c_.log_key);
  const auto root_at = [&](uint64_t) { return std::optional(EmptyRoot()); };
  const auto admit = [&](const Actor& actor, Event event) {
    OpenedEntry entry;
    entry.record.federation = c_.log_key.name;
    entry.record.actor = actor;
    const ActorChain chain = chronicle.ChainOf(actor.key);
    entry.record.actor_seq = chain.next_seq;
    entry.record.prev_actor_digest = chain.prev_digest;
    entry.record.anchor = {0, EmptyRoot()};
    entry.record.event = std::move(event);
    return chronicle.Admit(entry, root_at);
  };
  ASSERT_FALSE(admit(c_.aggregator, c_.Genesis()));
  std::vector<std::pair<char, Actor>> actors = {{'A', c_.aggregator}};
  uint8_t seed = 40;
  for (const auto& [letter, role] : {std::pair('S', Role::kSite),
                                     {'O', Role::kOfficer},
                                     {'P', Role::kOperator},
                                     {'R', Role::kResearcher}}) {
    const Actor actor{c_.site.member, testing::SignerOf(seed++)->Key(), role};
    ASSERT_FALSE(admit(c_.aggregator, MemberAdmitted{actor.member, c_.site_id, role, actor.key}));
    actors.emplace_back(letter, actor);
  }
  const auto events = OneOfEach(std::make_index_sequence<kEventTypes>());
  for (const auto& [type, who] : kSigners) {
    for (const auto& [letter, actor] : actors) {
      const Chronicle before = chronicle;
      const auto refusal = admit(actor, events[static_cast<size_t>(type)]);
      const bool may = !refusal || refusal->text.find("may not record") == std::string::npos;
      EXPECT_EQ(may, who.find(letter) != who.npos) << Name(type) << " by " << letter;
      EXPECT_TRUE(may || refusal->reason == RefusalReason::kKeyNotAdmitted);
      chronicle = before;
    }
  }
}

TEST_F(ChronicleTest, AKeySpeaksForTheMemberAndInTheRoleThatItWasAdmittedFor) {
  Actor actor = c_.site;
  actor.role = Role::kOfficer;
  const VoteCast vote{0, DigestOf("leaf"), Choice::kYes};
  EXPECT_THAT(Answer(c_.Seal(*ledger_, actor, *c_.site_signer, vote)), HasSubstr("was admitted"));
  actor = c_.site;
  actor.member = c_.other.member;
  EXPECT_THAT(Answer(c_.Seal(*ledger_, actor, *c_.site_signer, c_.Submitted(0))),
              HasSubstr("was admitted"));
}

TEST_F(ChronicleTest, AKeyIsAdmittedOnceAndNoneAsASecondAggregator) {
  EXPECT_THAT(ByAggregator(c_.Admitted()), HasSubstr("admitted once"));
  const auto signer = testing::SignerOf(50);
  EXPECT_THAT(
      ByAggregator(MemberAdmitted{c_.site.member, c_.site_id, Role::kAggregator, signer->Key()}),
      HasSubstr("stands in the genesis"));
}

TEST_F(ChronicleTest, AMemberEndsNoKeyOfAnother) {
  EXPECT_THAT(BySite(KeyRevoked{c_.other.member, c_.other.key, "lost"}),
              HasSubstr("its own keys only"));
  EXPECT_THAT(BySite(KeyRevoked{c_.site.member, c_.other.key, "lost"}),
              HasSubstr("not one of hospital-a"));
}

TEST_F(ChronicleTest, ARunIsProposedAndARoundOpenedOnce) {
  EXPECT_THAT(ByAggregator(c_.Proposed()), HasSubstr("was proposed before"));
  EXPECT_THAT(ByAggregator(c_.Opened(0)), HasSubstr("was opened before"));
}

TEST_F(ChronicleTest, ARoundIsAbandonedFromItsOwnBase) {
  EXPECT_THAT(ByAggregator(RoundAbandoned{c_.At(0), DigestOf("other"), "no-quorum"}),
              HasSubstr("is not open"));
  EXPECT_EQ(ByAggregator(RoundAbandoned{c_.At(0), c_.base, "no-quorum"}), "");
  EXPECT_THAT(ByAggregator(RoundAbandoned{c_.At(0), c_.base, "no-quorum"}),
              HasSubstr("is not open"));
}

TEST_F(ChronicleTest, ASiteOfTheCohortSubmitsOnceAndFromTheBaseOfTheRound) {
  ContributionSubmitted said = Submitted();
  said.base_model = DigestOf("other");
  EXPECT_THAT(BySite(said), HasSubstr("another base model"));
  ASSERT_EQ(ByAggregator(RoundOpened{c_.At(1), c_.base, {c_.other_id}}), "");
  said = Submitted();
  said.at = c_.At(1);
  EXPECT_THAT(BySite(said), HasSubstr("not in the cohort"));
  ASSERT_EQ(BySite(c_.Submitted(0)), "");
  said = Submitted();
  said.contribution = DigestOf("another");
  EXPECT_THAT(BySite(said), HasSubstr("before, at entry"));
}

TEST_F(ChronicleTest, AReceiptIsOfThatSubmissionToThatRound) {
  ASSERT_EQ(BySite(c_.Submitted(0)), "");
  const uint64_t index = Last();
  const Digest leaf = ledger_->Leaf(index);
  EXPECT_THAT(ByAggregator(ContributionReceipted{c_.At(0), index, DigestOf("leaf"), true, ""}),
              HasSubstr("is not that submission"));
  EXPECT_THAT(ByAggregator(ContributionReceipted{c_.At(1), index, leaf, true, ""}),
              HasSubstr("is not that submission"));
  EXPECT_EQ(ByAggregator(ContributionReceipted{c_.At(0), index, leaf, true, ""}), "");
}

TEST_F(ChronicleTest, AClosingCountsWhatWasSubmittedToItsRoundAsItWas) {
  ASSERT_EQ(BySite(c_.Submitted(0)), "");
  const uint64_t index = Last();
  const auto closed = [&](uint64_t round, CountedSubmission counted) {
    return ByAggregator(c_.Closed(round, {std::move(counted)}));
  };
  EXPECT_THAT(closed(0, {index, c_.site_id, 1001}), HasSubstr("not what that entry says"));
  EXPECT_THAT(closed(0, {index, c_.other_id, 1000}), HasSubstr("not what that entry says"));
  ASSERT_EQ(ByAggregator(c_.Opened(1)), "");
  EXPECT_THAT(closed(1, {index, c_.site_id, 1000}), HasSubstr("not what that entry says"));
  ContributionSubmitted masked = Submitted();
  masked.at = c_.At(1);
  masked.weight = masked.tokens = masked.steps = 0;
  ASSERT_EQ(BySite(masked), "");
  EXPECT_THAT(closed(1, {Last(), c_.site_id, 0}), HasSubstr("without the sums"));
  EXPECT_EQ(closed(0, {index, c_.site_id, 1000}), "");
  EXPECT_THAT(closed(0, {index, c_.site_id, 1000}), HasSubstr("is not open"));
}

}  // namespace
}  // namespace dure::ledger
