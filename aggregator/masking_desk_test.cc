// That a number of the masking protocol is used up once and never again, whenever the aggregator
// dies, and whatever its disk takes.
#include "aggregator/masking_desk.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>

#include "aggregator/testing.h"
#include "federation/masking/testing/world.h"
#include "federation/round/testing.h"

namespace dure::aggregator {
namespace {

using identity::Must;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// No file may grow.
class DiskThatTakesNothing {
 public:
  DiskThatTakesNothing() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit tiny{1, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tiny);
  }
  ~DiskThatTakesNothing() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class NobodyAsks final : public Admissions {
 public:
  std::string WaitsFor(const RunId&) const override { return {}; }
  void Decide(const round::DecideAdmissions&, std::function<bool()>,
              std::function<void(round::AdmissionsDecided)>) override {}
};

class MaskingDeskTest : public testing::Test {
 protected:
  MaskingDeskTest() {
    shop_.send = [](const SiteId&, const round::Message&) {};
    shop_.say = [](const std::string&) {};
  }
  ~MaskingDeskTest() override { Die(); }

  // What an aggregator has on its disk that died over an attempt of four sites, of which every one
  // gave its shares; none of them came, unless the attempt is finished.
  void Leave(const round::RoundAttempt& at, bool finished) {
    masking::World world({.sites = 4});
    world.tamper = [finished](bool to_site, uint32_t, Bytes& message) {
      const auto said = masking::DecodeMessage(message);
      const bool reveals = said && std::holds_alternative<masking::Signed<masking::Reveal>>(*said);
      if (!finished && !to_site && reveals) message.clear();
    };
    world.Open(0);
    world.RunUntilQuiet();
    ASSERT_EQ(world.aggregator().phase(), finished ? masking::AggregatorPhase::kFinished
                                                   : masking::AggregatorPhase::kRevealing);
    CanonicalWriter out;
    out.U32(2).U64(0).Text("").Bool(false).U32(0);
    out.Bool(true).U64(at.round.value).U32(at.attempt).Blob(world.aggregator().Save());
    Must(journal_->Apply(journal::Change().Put(kKey, out.Bool(false).Take())));
  }
  // Another life; what the last one was to do is lost.
  void Live() {
    Die();
    loop_.Wait([this] {
      desk_ =
          std::make_unique<MaskingDesk>(shop_, rounds_, 1500, [this](const round::Event& event) {
            told_.push_back(std::get<round::AttemptFailed>(event).reason);
          });
      Must(desk_->Restore());
    });
  }
  void Resume() {
    Live();
    loop_.Wait([this] { desk_->Resume(); });
  }
  // Other contributions than the survivors': it fails.
  void SumOthers() {
    Live();
    loop_.Wait([this] {
      desk_->Sum({.at = rounds_.at(), .base = {}, .contributions = {}, .weight_sum = 0});
    });
  }
  // The rounds come to the attempt that they are at.
  void Collect() {
    loop_.Wait([this] {
      const SiteId sites[] = {round::kA, round::kB};
      const auto handle = [this](const round::Event& event) { rounds_.Handle({}, event); };
      handle(round::Started{});
      handle(round::Appended{"run/proposed", 0, {}, {}});
      round::AdmissionsDecided decided{rounds_.at(), {}};
      for (const SiteId& site : sites) {
        handle(round::SiteConnected{site});
        handle(round::Received{site,
                               round::Ready{rounds_.at(), rounds_.base(), round::Offered(site)}});
        decided.sites.push_back({site, round::Granted(site), {}});
      }
      rounds_.Handle(round::At(20), round::Timer{});
      handle(decided);
      handle(round::Appended{rounds_.at().Text() + "/opened", 1, {}, {}});
      ASSERT_EQ(rounds_.phase(), round::RunPhase::kCollecting);
    });
  }
  void Look() {
    loop_.Wait([this] { desk_->Look(); });
  }
  void Die() {
    loop_.Wait([this] { desk_.reset(); });
  }
  uint64_t NumbersUsed() const {
    const Bytes kept = Must(journal_->Get(kKey)).value();
    CanonicalReader in(kept);
    EXPECT_EQ(in.U32(), 2U);
    return in.U64();
  }
  round::RoundAttempt AnotherAttempt(uint64_t round) const {
    return {rounds_.manifest().run, {round}, rounds_.at().attempt + 1};
  }

  static constexpr char kKey[] = "run/run/masking";
  identity::TestConsortium consortium_;
  identity::TemporaryFolder folder_;
  const identity::Identity self_ = SelfIn(folder_);
  loop::EventLoop loop_;
  loop::WorkerPool workers_{1};
  std::unique_ptr<journal::Journal> journal_ =
      Must(journal::Journal::Open((folder_ / "journal.db").string()));
  std::unique_ptr<blob::BlobStore> store_ = blob::MemoryBlobStore();
  std::unique_ptr<Record> record_ = Must(Record::Open(folder_.str(), self_, loop_, {}));
  std::unique_ptr<Deliberation> deliberation_ =
      Must(Deliberation::Open(folder_.str(), *record_, loop_));
  NobodyAsks admissions_;
  Workshop shop_{.loop = loop_,
                 .workers = workers_,
                 .journal = *journal_,
                 .store = *store_,
                 .record = *record_,
                 .deliberation = *deliberation_,
                 .admissions = admissions_,
                 .authority = *consortium_.authority,
                 .self = self_,
                 .scratch = folder_.str(),
                 .threads = 1,
                 .send = {},
                 .is_connected = {},
                 .say = {},
                 .ended = {},
                 .remove = {},
                 .needed_elsewhere = {},
                 .uploaded_by = {}};
  round::Rounds rounds_{round::TestManifest(), {round::kA, round::kB}};
  std::unique_ptr<MaskingDesk> desk_;
  std::vector<std::string> told_;  // why attempts failed
};

TEST_F(MaskingDeskTest, WhatFailedIsToldOnceItIsKept) {
  Leave(rounds_.at(), false);
  {
    const DiskThatTakesNothing full;
    SumOthers();
    EXPECT_THAT(told_, IsEmpty()) << "a restart would not know of it";
    Die();
  }
  EXPECT_EQ(NumbersUsed(), 0U);
  SumOthers();
  EXPECT_THAT(told_, ElementsAre("masking-survivors"));
  EXPECT_EQ(NumbersUsed(), 1U);
  SumOthers();
  EXPECT_THAT(told_, ElementsAre("masking-survivors", "masking-survivors"));
  EXPECT_EQ(NumbersUsed(), 1U) << "it died over it, and counts it once";
}

TEST_F(MaskingDeskTest, ASumThatFailedCountsOnceToo) {
  Leave(AnotherAttempt(0), true);
  Resume();
  EXPECT_EQ(NumbersUsed(), 1U) << "there is no sum of it in the record";
  Resume();
  EXPECT_EQ(NumbersUsed(), 1U);
  Leave(AnotherAttempt(1), true);
  Resume();
  EXPECT_EQ(NumbersUsed(), 0U) << "the sum of a round that is over";
}

// As a version before left it whose disk took the record's entry and not this.
TEST_F(MaskingDeskTest, AnAttemptThatTheRoundsWentOnWithoutUsesUpItsNumber) {
  Leave(AnotherAttempt(0), false);
  {
    const DiskThatTakesNothing full;
    Resume();
    Die();
  }
  EXPECT_EQ(NumbersUsed(), 0U) << "it could not be kept";
  Resume();
  EXPECT_EQ(NumbersUsed(), 1U);
  Resume();
  EXPECT_EQ(NumbersUsed(), 1U);
  EXPECT_THAT(told_, IsEmpty()) << "the rounds know";
}

// As one left it whose disk took the half, and not that the rounds collect.
TEST_F(MaskingDeskTest, AnAttemptGivenUpBeforeTheRoundsComeToItIsToldOnceTheyDo) {
  Leave(rounds_.at(), false);
  Resume();
  EXPECT_EQ(NumbersUsed(), 1U);
  Look();
  EXPECT_THAT(told_, IsEmpty()) << "they would not hear it yet";
  Collect();
  Look();
  EXPECT_THAT(told_, ElementsAre("masking")) << "or they wait for their deadline";
  Look();
  EXPECT_THAT(told_, ElementsAre("masking"));
}

TEST_F(MaskingDeskTest, WhatWasGivenUpBeforeTheRoundsCameToItIsToldOnceItIsKept) {
  Leave(rounds_.at(), false);
  const DiskThatTakesNothing full;
  Resume();
  Collect();
  Look();
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_EQ(NumbersUsed(), 0U);
  Die();
}

}  // namespace
}  // namespace dure::aggregator
