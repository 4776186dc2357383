// Who may sit in a masked cohort, and which sums stand beside one of it.
#include "policy/standing/cohort.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using ::testing::AllOf;
using testing::DigestOf;
using ::testing::HasSubstr;
using testing::World;

using Lenders = std::vector<std::pair<std::string, std::string>>;

// Four members with a dataset each: etri, kt, skt, snu.
class CohortTest : public ::testing::Test {
 protected:
  CohortTest() {
    w_.Found();
    w_.Enrol("snu", ledger::House::kPublic, 30);
    w_.Enrol("skt", ledger::House::kPrivate, 40);
    for (const auto& [member, dataset] : all_) {
      w_.Lend(dataset, member, terms::testing::OpenTerms());
    }
  }
  void Start(const std::string& run, const std::string& masking = "pairwise") {
    w_.Propose(run, "scientific-research", "non-profit", {{"masking", masking}});
    w_.Approve(run);
  }
  static masking::ReleasedSum Over(std::initializer_list<const char*> sites) {
    masking::ReleasedSum sum;
    for (const char* site : sites) sum.sites.push_back(*SiteId::Parse(site));
    return sum;
  }
  SumsByRun From(const char* base, const char* other_than) const {
    return SumsFrom(w_.Now().state(), DigestOf(base), *RunId::Parse(other_than));
  }

  World w_;
  const Lenders all_ = {{"etri", "d1"}, {"kt", "d2"}, {"skt", "d3"}, {"snu", "d4"}};
  const Lenders three_ = {{"snu", "d4"}, {"etri", "d1"}, {"kt", "d2"}};
};

// Whose site may be in the run, with its batch.
TEST_F(CohortTest, WhoEnrolsOrLeavesBesideARunMovesNobodyOfIt) {
  const auto batches = [this](const char* run, uint32_t members) {
    std::map<std::string, uint32_t> of;
    for (const masking::Seat& seat : SeatsOf(w_.Now().state(), *RunId::Parse(run), members)) {
      of[seat.member.str()] = seat.batch;
    }
    return of;
  };
  ledger::RunProposed four{*RunId::Parse("four"), DigestOf("four"), {{"masking", "pairwise"}}};
  for (const auto& [member, dataset] : all_) {
    four.invited.push_back(*SiteId::Parse(member + "-site"));
  }
  w_.Say("host", four);
  using Batches = std::map<std::string, uint32_t>;
  const Batches before = {{"etri", 0}, {"kt", 0}, {"skt", 1}, {"snu", 1}};
  EXPECT_EQ(batches("four", 2), before);
  w_.Enrol("aa", ledger::House::kPrivate, 50);
  Batches after = before;
  after["aa"] = 2;  // by itself: it is not asked
  EXPECT_EQ(batches("four", 2), after);
  EXPECT_EQ(batches("four", 3).at("snu"), 0u) << "what is left over";
  w_.Say("host", ledger::KeyRevoked{*MemberId::Parse("etri"), w_.SeatOf("etri-site").actor.key,
                                    "operator"});
  after.erase("etri");
  EXPECT_EQ(batches("four", 2), after) << "kt is half a batch still";
  Start("everybody");  // names nobody
  EXPECT_EQ(batches("everybody", 2), (Batches{{"aa", 0}, {"kt", 0}, {"skt", 1}, {"snu", 1}}));
}

TEST_F(CohortTest, SumsFromOneModelCountBesideEachOtherWhateverRunTheyAreOf) {
  Start("first");
  Start("second");
  Start("open", "none");
  w_.PlayRoundFrom(DigestOf("start"), DigestOf("M"), "first", 0, three_);
  w_.PlayRoundFrom(DigestOf("M"), DigestOf("N"), "first", 1, all_);
  w_.PlayRoundFrom(DigestOf("start"), DigestOf("L"), "open", 0, all_);
  const RunId first = *RunId::Parse("first");
  const SumsByRun beside = From("start", "second");
  ASSERT_EQ(beside.size(), 2u);
  EXPECT_EQ(beside.at(first), std::set{Over({"etri-site", "kt-site", "snu-site"})});
  EXPECT_TRUE(beside.at(*RunId::Parse("open")).empty()) << "it hides nothing";
  EXPECT_EQ(SumsIn(beside), beside.at(first));
  EXPECT_THAT(BesideText(beside), AllOf(HasSubstr("(first)"), HasSubstr("another --seed")));
  EXPECT_EQ(SumsIn(From("M", "second")).size(), 1u);
  EXPECT_TRUE(From("N", "second").empty()) << "no round began from it";
  EXPECT_TRUE(SumsIn(From("start", "first")).empty()) << "its own are in its history";
  EXPECT_EQ(BesideText(From("start", "first")), "");
  EXPECT_EQ(SumsOf(w_.Now().state(), first).size(), 2u);
}

}  // namespace
}  // namespace dure::standing
