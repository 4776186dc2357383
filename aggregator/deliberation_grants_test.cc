// What stays in the record for good is said once: grants that are asked for again, and the keys
// that a site announces.
#include <gmock/gmock.h>

#include "aggregator/deliberation.h"
#include "aggregator/deliberation_testing.h"

namespace dure::aggregator {
namespace {

using standing::testing::World;

// A model that one masked round made of kt's notes.
class GrantsTest : public OvertakenTest {
 protected:
  GrantsTest() {
    Say("kt", Lending("notes"));
    ledger::RunProposed proposed{run_, Sha256(AsBytes("manifest")), {}};
    proposed.fields = {
        {"purpose", "scientific-research"},  {"beneficiaries", "non-profit"}, {"sector", ""},
        {"riskClass", "ordinary"},           {"masking", "pairwise"},         {"quorum", "1"},
        {"initialModel", first_model_.Hex()}};
    proposed.bounds = World::Bounds();
    proposed.bounds->norm.reset();
    Must(record_->Write(proposed, "proposed"));
    Must(record_->Write(ledger::RunApproved{run_, Now().policies, {}}, "approved"));
    std::promise<uint64_t> admitted;
    loop_.Wait([&] {
      deliberation_->Admit({run_, RoundNumber{0}, 0}, round::TestSite("kt"),
                           {Must(DatasetId::Parse("notes")), 1},
                           [&](auto said) { admitted.set_value(Must(std::move(said)).index); });
    });
    PlayRound(admitted.get_future().get());
    request_.kind = ledger::UseKind::kServe;
    request_.model = model_;
    request_.grantee = Must(MemberId::Parse("kt"));
    request_.purpose = "scientific-research";
    request_.territory = "KR";
  }
  standing::State Now() const { return Audit().standing().state(); }
  void PlayRound(uint64_t admission) {
    const ledger::RoundAttempt at{run_, {0}, 0};
    const SiteId kt = round::TestSite("kt");
    Must(record_->Write(ledger::RoundOpened{at, first_model_, {kt}}, "opened"));
    auto said = World::Submitted(at, first_model_, {"kt", "notes"}, admission);
    said.site = kt;
    said.weight = said.tokens = said.steps = 0;
    said.norm.reset();
    const Signer& signer = *signers_.at("kt");
    const ledger::Actor actor{Must(MemberId::Parse("kt")), signer.Key(), ledger::Role::kSite};
    const auto sealed = Must(ledger::SealNext(*log_, actor, signer, record_->Now(), said));
    const uint64_t index = Must(log_->Append(sealed.bytes, "")).receipt.index;
    ledger::RoundClosed closed;
    closed.at = at;
    closed.model = closed.aggregate = closed.momentum = closed.scales = model_;
    closed.sums = ledger::MaskedSums{standing::testing::kWeight, 5000, 8, 0};
    closed.submissions = {{index, kt, 0}};
    Must(record_->Write(closed, "closed"));
  }
  // The entry that answers.
  uint64_t Ask() {
    std::promise<uint64_t> index;
    loop_.Wait([&] {
      deliberation_->Grant(request_,
                           [&](auto granted) { index.set_value(Must(std::move(granted)).index); });
    });
    return index.get_future().get();
  }
  // The aggregator's clock as somebody who asks again later finds it.
  void LetTimePass() {
    loop_.Wait([&] { record_->NotBefore(record_->Now() + std::chrono::hours(1)); });
  }

  const Digest model_ = Sha256(AsBytes("made"));
  standing::GrantRequest request_;
};

TEST_F(GrantsTest, WhatIsAskedForAgainIsAnsweredWithTheEntryThatIsThere) {
  const uint64_t first = Ask();
  const uint64_t size = log_->Head().head.size;
  LetTimePass();
  EXPECT_EQ(Ask(), first);
  EXPECT_EQ(log_->Head().head.size, size);
  request_.purpose = "commercial-service";  // another question
  const uint64_t other = Ask();
  EXPECT_EQ(other, size);
  EXPECT_EQ(Ask(), other);
  EXPECT_FALSE(Audit().dissent());
}

TEST_F(GrantsTest, WhatComesOutOtherwiseByNowIsDecidedAnew) {
  request_.kind = ledger::UseKind::kExport;
  const uint64_t first = Ask();
  ledger::IncidentReported incident;
  incident.kind = ledger::IncidentKind::kDataExposed;
  Say("etri-desk", incident);  // while one is open nothing leaves (P6.7)
  const uint64_t refused = Ask();
  EXPECT_GT(refused, first);
  EXPECT_FALSE(Now().grants.at(refused).decided.granted);
  EXPECT_EQ(Ask(), refused);
  EXPECT_FALSE(Audit().dissent());
}

TEST_F(GrantsTest, ARefusalThatNamesTheMomentIsAnsweredAgainWhileNothingElseChanges) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.version = 2;
  terms.time.embargo_until = terms::Instant{7'226'582'400};  // 2199
  Say("kt", ledger::DatasetRegistered{{Must(DatasetId::Parse("notes")), 2},
                                      round::TestSite("kt"),
                                      World::PassportOf("notes", "kt"),
                                      terms::ToCanonical(terms)});
  const uint64_t refused = Ask();
  EXPECT_FALSE(Now().grants.at(refused).decided.granted);
  LetTimePass();
  EXPECT_EQ(Ask(), refused);
}

TEST_F(GrantsTest, AGrantThatWasTakenBackIsDecidedAnew) {
  const uint64_t first = Ask();
  ASSERT_TRUE(Now().grants.at(first).decided.granted) << "there is something to take back";
  Must(record_->Write(ledger::GrantRevoked{first, "owner"}, "back"));
  EXPECT_GT(Ask(), first);
}

TEST_F(OvertakenTest, ASiteAnnouncesFewKeysADayAndNobodyElseWaitsForIt) {
  const auto announce = [&](const std::string& name, uint8_t seed) {
    const auto key = Must(ledger::CosignerKey::Make(name + std::string(ledger::kAuditorSuffix),
                                                    standing::testing::SignerOf(seed)->Key()));
    const Signer& signer = *signers_.at(name);
    const ledger::Actor actor{Must(MemberId::Parse(name)), signer.Key(), ledger::Role::kSite};
    return Must(ledger::SealNext(
                    *log_, actor, signer, record_->Now(),
                    ledger::CosignerAnnounced{round::TestSite(name.c_str()), key.Vkey()}))
        .bytes;
  };
  const auto take = [&](const std::string& name, const Bytes& envelope) {
    std::promise<Result<ledger::Appended>> answer;
    loop_.Wait([&] {
      deliberation_->Take(signers_.at(name)->Key(), envelope,
                          [&](auto appended) { answer.set_value(std::move(appended)); });
    });
    return answer.get_future().get();
  };
  const auto said_at_once = [&](const Bytes& envelope) {
    std::promise<void> answered;
    loop_.Wait([&] {
      deliberation_->Take(signers_.at("kt")->Key(), envelope, [](auto first) { Must(first); });
      deliberation_->Take(signers_.at("kt")->Key(), envelope, [&](auto second) {
        EXPECT_TRUE(Must(second).existed) << "no announcement more, and it takes no place";
        answered.set_value();
      });
    });
    answered.get_future().wait();
  };
  for (uint8_t seed = 50; seed < 53; ++seed) said_at_once(announce("kt", seed));
  const Bytes last = announce("kt", 53);
  Must(take("kt", last));
  const auto refused = take("kt", announce("kt", 54));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(Must(take("kt", last)).existed) << "after a lost answer";
  Must(take("etri", announce("etri", 55)));
  Say("kt", Lending("notes"));
}

}  // namespace
}  // namespace dure::aggregator
