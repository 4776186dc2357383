#include "policy/ledger/events.h"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "federation/limits.h"
#include "policy/ledger/dsse.h"
#include "policy/ledger/merkle.h"
#include "policy/ledger/report.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::Consortium;
using testing::DigestOf;

class EventsTest : public ::testing::Test {
 protected:
  Record Of(Event event) const {
    Record record;
    record.federation = c_.log_key.name;
    record.actor = c_.site;
    record.actor_seq = 7;
    record.prev_actor_digest = DigestOf("previous");
    record.anchor = {3, DigestOf("root")};
    record.occurred_at = "2026-11-24T01:02:03Z";
    record.event = std::move(event);
    return record;
  }
  std::vector<Event> OneOfEach() const {
    std::vector<Event> all = OfRounds();
    for (Event& event : OfPolicy()) all.push_back(std::move(event));
    for (Event& event : OfUse()) all.push_back(std::move(event));
    return all;
  }
  std::vector<Event> OfPolicy() const {
    const Tally tally{{{House::kPublic, 3, 2, 0, 1}, {House::kSmallFirm, 1, 0, 1, 0}}, {20, 22}};
    return {MemberDescribed{c_.site.member, House::kAcademic, "KR"},
            CosignerAnnounced{c_.site_id, "hospital-a-1/auditor+00000000+AA=="},
            CharterDeclared{},
            PolicyDeclared{"policy \"P1\"\n"},
            PolicyProposed{ProposalKind::kEmergency, DigestOf("old"), "정책 \"P2\"\n"},
            VoteCast{19, DigestOf("leaf"), Choice::kNo},
            VoteCast{19, DigestOf("leaf"), Choice::kNo, DigestOf("reasons")},
            PolicyAdopted{19, DigestOf("new"), tally},
            PolicyRejected{19, "quorum", tally},
            RunApproved{c_.run, DigestOf("new"), {}},
            RunHalted{c_.run, "withdrawn"}};
  }
  std::vector<Event> OfUse() const {
    const DatasetVersion what{*DatasetId::Parse("reviews"), 2};
    const std::string decision = R"({"outcome":"deny"})";
    return {
        DatasetRegistered{what, c_.site_id, R"({"tokens":5})", R"({"use":"open"})"},
        DatasetWithdrawn{what.dataset, "owner", WithdrawalScope::kRestart, "2027-01-01T00:00:00Z"},
        DatasetWithdrawn{what.dataset, "court", WithdrawalScope::kRestart, "2027-01-01T00:00:00Z",
                         DigestOf("order")},
        WithdrawalClosed{31, {33, 40}},
        AdmissionDecided{c_.run, {4}, 1, c_.site_id, what, false, DigestOf("p"), 30, decision},
        GrantDecided{UseKind::kServe, DigestOf("model"), c_.other.member, "commercial-service",
                     "KR", "", false, DigestOf("p"), 50, decision},
        GrantRevoked{51, "withdrawn"},
        ShareComputed{
            c_.run,
            DigestOf("f"),
            60,
            7,
            {{c_.site.member, 600000, 500000, 700000}, {c_.other.member, 400000, 400000, 400000}}},
        DisclosureExported{"prov", "prov-1", DigestOf("model"), DigestOf("file"), 61},
        DisclosureExported{"prov", "prov-1", DigestOf("model"), DigestOf("file"), 61, "authority"},
        ConsentGiven{what.dataset, c_.run, UseKind::kExport, "", {}},
        ConsentGiven{
            what.dataset, {}, UseKind::kServe, "benchmark", DigestOf("m"), c_.other.member, true},
        IncidentReported{IncidentKind::kKeyCompromised, "hospital-a", {3, 9}, DigestOf("report")},
        IncidentClosed{70, "fixed", {71}},
        DutyFulfilled{40, 2, DigestOf("notice")},
        CoalitionsMade{50,
                       CoalitionKind::kGroup,
                       {{{"private"}, DigestOf("m1")}, {{"public"}, DigestOf("m2")}}},
        EvaluationDecided{c_.run, DigestOf("m"), c_.site_id, what, true, DigestOf("p"), 50,
                          decision}};
  }
  std::vector<Event> OfRounds() const {
    const RoundAttempt at{c_.run, {12}, 3};
    return {c_.Genesis(),
            c_.Admitted(),
            KeyRevoked{c_.site.member, c_.site.key, "lost-key"},
            RunProposed{c_.run,
                        DigestOf("m"),
                        {{"rounds", "3"}, {"말", "한국어 \"quoted\""}},
                        {c_.site_id, c_.other_id},
                        RunBounds{{DigestOf("trainer")}, 2.5, 60, 4096, 3, 1000}},
            RoundOpened{at, c_.base, {c_.site_id, c_.other_id}},
            ContributionSubmitted{at,
                                  c_.site_id,
                                  c_.base,
                                  DigestOf("blob"),
                                  1u << 20,
                                  1u << 30,
                                  8,
                                  2,
                                  {{{*DatasetId::Parse("reviews"), 2}, 17}},
                                  DigestOf("trainer"),
                                  0.1,
                                  7200},
            ContributionReceipted{at, 5, DigestOf("leaf"), false, "too-late"},
            RoundClosed{at,
                        {{5, c_.site_id, 9}},
                        {{c_.other_id, "late"}},
                        DigestOf("a"),
                        DigestOf("b"),
                        DigestOf("c"),
                        DigestOf("d")},
            RoundAbandoned{at, c_.base, "no-quorum"},
            EvaluationReported{DigestOf("model"), c_.site_id, 12345.0625, 1000, 250},
            Figure()};
  }
  EvaluationReported Figure() const {
    EvaluationReported figure{DigestOf("model"), c_.site_id, 2000, 1000, 250};
    figure.on = {c_.run,
                 {{{*DatasetId::Parse("notes"), 1}, 9}, {{*DatasetId::Parse("reviews"), 2}, 17}},
                 4,
                 Interval{1.9, 2.125, 1000, 77},
                 DigestOf("trainer")};
    return figure;
  }
  const Consortium c_;
};

TEST_F(EventsTest, AClosedRoundTellsItsRuleAndEachShare) {
  RoundClosed closed = std::get<RoundClosed>(
      c_.Closed(0, {{5, c_.site_id, 1 << 20, 1 << 21}, {6, c_.other_id, 1 << 20, 0}}));
  closed.merge = "krum=1";
  const auto sealed = SealRecord(Of(closed), *c_.site_signer);
  ASSERT_TRUE(sealed) << sealed.error().message;
  EXPECT_EQ(OpenEntry(sealed->bytes, c_.verifier)->record.event, Event(closed));
  EXPECT_THAT(EntrySentence(0, *OpenEntry(sealed->bytes, c_.verifier)),
              ::testing::AllOf(::testing::HasSubstr("200 % of an even share"),
                               ::testing::HasSubstr("left out by the merge"),
                               ::testing::HasSubstr("merged by krum=1")));

  RoundClosed unnamed = closed;
  unnamed.merge.clear();
  EXPECT_FALSE(SealRecord(Of(unnamed), *c_.site_signer));
  RoundClosed partly = closed;
  partly.submissions[0].share.reset();
  EXPECT_FALSE(SealRecord(Of(partly), *c_.site_signer));
}

TEST_F(EventsTest, AContributionSaysItsTimeOnAcceleratorsUnlessItIsMasked) {
  ContributionSubmitted said = std::get<ContributionSubmitted>(c_.Submitted(0));
  const auto none = SealRecord(Of(said), *c_.site_signer);
  EXPECT_EQ(AsText(ParseEnvelope(none->bytes)->payload).find("accelerator"), std::string::npos);
  EXPECT_THAT(EntrySentence(0, *OpenEntry(none->bytes, c_.verifier)),
              ::testing::HasSubstr("5000 tokens, 8 steps, contribution"));
  said.accelerator_seconds = 7200;
  const auto sealed = SealRecord(Of(said), *c_.site_signer);
  ASSERT_TRUE(sealed) << sealed.error().message;
  const auto opened = OpenEntry(sealed->bytes, c_.verifier);
  EXPECT_EQ(opened->record.event, Event(said));
  EXPECT_THAT(EntrySentence(0, *opened),
              ::testing::HasSubstr("8 steps, 7200 accelerator-seconds, contribution"));
  EXPECT_THAT(EntrySentence(0, *opened, Language::kKorean),
              ::testing::HasSubstr("8스텝, 가속기 사용 7200초, 기여 파일"));

  said.accelerator_seconds = uint64_t{1} << 40;
  EXPECT_TRUE(SealRecord(Of(said), *c_.site_signer));
  said.accelerator_seconds += 1;
  EXPECT_FALSE(SealRecord(Of(said), *c_.site_signer));
  said.accelerator_seconds = 7200;
  said.weight = said.tokens = said.steps = 0;
  EXPECT_FALSE(SealRecord(Of(said), *c_.site_signer)) << "masked";
  said.accelerator_seconds = 0;
  const auto masked = SealRecord(Of(said), *c_.site_signer);
  ASSERT_TRUE(masked) << masked.error().message;
  std::string payload(AsText(ParseEnvelope(masked->bytes)->payload));
  payload.insert(payload.find("\"masked\":true"), "\"acceleratorSeconds\":7200,");
  EXPECT_FALSE(OpenEntry(SealEnvelope(kInTotoPayloadType, AsBytes(payload), "", *c_.site_signer),
                         c_.verifier));
}

TEST_F(EventsTest, AFigureSaysOnWhatItWasMeasuredAndHowSureItIs) {
  const auto sealed = SealRecord(Of(Figure()), *c_.site_signer);
  ASSERT_TRUE(sealed) << sealed.error().message;
  const auto opened = OpenEntry(sealed->bytes, c_.verifier);
  EXPECT_THAT(EntrySentence(0, *opened),
              ::testing::AllOf(::testing::HasSubstr("(notes version 1, reviews version 2)"),
                               ::testing::HasSubstr("2.000 a byte (95 %: 1.900 to 2.125)")));
  EXPECT_THAT(EntrySentence(0, *opened, Language::kKorean),
              ::testing::HasSubstr("바이트당 2.000 (95 % 구간 1.900~2.125)"));
  EvaluationReported figure = Figure();
  figure.on->interval = std::nullopt;
  figure.on->sequences = 0;  // a trainer that says neither
  EXPECT_TRUE(SealRecord(Of(figure), *c_.site_signer));
  figure.on->datasets.clear();
  EXPECT_FALSE(SealRecord(Of(figure), *c_.site_signer));
  for (const Interval& none : {Interval{2, 1, 9, 0}, Interval{-1, 1, 9, 0}, Interval{1, 2, 0, 0}}) {
    figure = Figure();
    figure.on->interval = none;
    EXPECT_FALSE(SealRecord(Of(figure), *c_.site_signer)) << none.low;
  }
}

TEST_F(EventsTest, EveryTypeRoundTripsThroughItsEnvelope) {
  std::set<EventType> types;
  for (const Event& event : OneOfEach()) types.insert(TypeOf(event));
  ASSERT_EQ(types.size(), kEventTypes);
  for (const Event& event : OneOfEach()) {
    const Record record = Of(event);
    const auto sealed = SealRecord(record, *c_.site_signer);
    ASSERT_TRUE(sealed.has_value()) << sealed.error().message;
    const auto opened = OpenEntry(sealed->bytes, c_.verifier);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(opened->record, record) << Name(TypeOf(event));
    EXPECT_EQ(opened->leaf, LeafHash(sealed->bytes));
    EXPECT_EQ(opened->payload_digest, sealed->payload_digest);
  }
}

// docs/reference/events.md is what people read the record by: a row for each type, and in it each
// field that an event of it can have.
TEST_F(EventsTest, TheReferenceHasEveryTypeWithItsFields) {
  std::ifstream in(std::string(DURE_SOURCE_DIR) + "/docs/reference/events.md");
  std::map<std::string, std::string> rows;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("**Duties**")) break;  // tables of what is no event follow
    if (!line.starts_with("| ")) continue;
    std::istringstream names(line.substr(2, line.find(" |", 2) - 2));
    for (std::string name; std::getline(names >> std::ws, name, ',');) rows[name] = line;
  }
  const std::set<std::string> of_every = {"federation", "actor",      "actorSeq", "prevActorDigest",
                                          "anchor",     "occurredAt", "type"};
  for (const Event& event : OneOfEach()) {
    const std::string name(Name(TypeOf(event)));
    ASSERT_TRUE(rows.contains(name)) << name;
    const auto sealed = SealRecord(Of(event), *c_.site_signer);
    const auto statement =
        nlohmann::json::parse(AsText(ParseEnvelope(sealed->bytes)->payload))["predicate"];
    for (const auto& [field, value] : statement.items()) {
      EXPECT_TRUE(of_every.contains(field) || rows[name].find(field) != std::string::npos)
          << name << " has " << field;
    }
  }
}

TEST_F(EventsTest, IsAnInTotoStatementThatNamesItsSubjectByDigest) {
  const auto sealed = SealRecord(Of(c_.Submitted(0)), *c_.site_signer);
  const std::string payload(AsText(ParseEnvelope(sealed->bytes)->payload));
  EXPECT_THAT(payload, ::testing::HasSubstr("\"_type\":\"https://in-toto.io/Statement/v1\""));
  EXPECT_THAT(payload,
              ::testing::HasSubstr(
                  "\"predicateType\":\"https://dure.dev/ledger/contribution-submitted/v1\""));
  EXPECT_THAT(payload,
              ::testing::HasSubstr("\"digest\":{\"sha256\":\"" + DigestOf("blob a").Hex() + "\"}"));
}

TEST_F(EventsTest, RefusesEverySingleByteChangeOfAnEntry) {
  const Bytes good = SealRecord(Of(c_.Submitted(0)), *c_.site_signer)->bytes;
  const Record record = Of(c_.Submitted(0));
  for (size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    const auto opened = OpenEntry(bad, c_.verifier);
    // The key id is an unauthenticated hint: a change there alters the leaf, not the meaning.
    if (!opened) continue;
    EXPECT_EQ(opened->record, record) << i;
    EXPECT_NE(opened->leaf, LeafHash(good)) << i;
  }
}

TEST_F(EventsTest, RefusesASignatureByAnotherKeyThanTheOneNamed) {
  const Bytes good = SealRecord(Of(c_.Submitted(0)), *c_.site_signer)->bytes;
  const Envelope envelope = *ParseEnvelope(good);
  const Bytes forged = SealEnvelope(envelope.payload_type, envelope.payload, "", *c_.other_signer);
  EXPECT_EQ(OpenEntry(forged, c_.verifier).error().code, ErrorCode::kUnauthenticated);
}

TEST_F(EventsTest, RefusesStatementsThatSayLessOrOtherwise) {
  const Bytes good = SealRecord(Of(c_.Submitted(0)), *c_.site_signer)->bytes;
  const std::string payload(AsText(ParseEnvelope(good)->payload));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = payload;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    return OpenEntry(SealEnvelope(kInTotoPayloadType, AsBytes(changed), "", *c_.site_signer),
                     c_.verifier);
  };
  EXPECT_TRUE(with("\"tokens\":", "\"unknownField\":1,\"tokens\":").has_value());
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"weight\":1000", "\"weight\":-1"},
           {"\"weight\":1000", "\"weight\":1e3"},
           {"\"weight\":1000", "\"weight\":\"1000\""},
           {"\"weight\":1000", "\"weight\":9007199254740993"},
           {"\"weight\":1000", "\"weight\":1000,\"weight\":2000"},
           {"\"tokens\":5000", "\"token\":5000"},
           {"\"tokens\":5000", "\"acceleratorSeconds\":0,\"tokens\":5000"},
           {"\"tokens\":5000", "\"acceleratorSeconds\":1.5,\"tokens\":5000"},
           {"\"tokens\":5000", "\"acceleratorSeconds\":1099511627777,\"tokens\":5000"},
           {"contribution-submitted/v1", "contribution-submitted/v2"},
           {"Statement/v1", "Statement/v0.1"},
           {"2026-11-24T01:02:03Z", "2026-11-24 01:02:03Z"},
           {"\"role\":\"site\"", "\"role\":\"owner\""},
           {"\"site\":\"hospital-a-1\"", "\"site\":\"../a\""},
           {DigestOf("blob a").Hex(), DigestOf("blob b").Hex()}}) {
    EXPECT_FALSE(with(from, to).has_value()) << to;
  }
}

TEST_F(EventsTest, NeverSignsWhatItsOwnReaderWouldRefuse) {
  RoundClosed twice =
      std::get<RoundClosed>(c_.Closed(0, {{5, c_.site_id, 9}, {5, c_.other_id, 9}}));
  EXPECT_EQ(SealRecord(Of(twice), *c_.site_signer).error().code, ErrorCode::kInvalid);
  EvaluationReported nan{DigestOf("m"), c_.site_id, std::numeric_limits<double>::quiet_NaN(), 1, 1};
  EXPECT_FALSE(SealRecord(Of(nan), *c_.site_signer).has_value());
  EXPECT_FALSE(
      SealRecord(Of(KeyRevoked{c_.site.member, c_.site.key, "Not A Code"}), *c_.site_signer)
          .has_value());
  EXPECT_FALSE(
      SealRecord(Of(RunProposed{c_.run, {}, {{"k", "\xff"}}}), *c_.site_signer).has_value());
  RunProposed large{c_.run, {}, {}};
  for (int i = 0; i < 64; ++i) large.fields["field-" + std::to_string(i)] = std::string(512, 'x');
  EXPECT_TRUE(SealRecord(Of(large), *c_.site_signer).has_value());
}

TEST_F(EventsTest, TheLargestRoundFitsAnEntry) {
  RoundClosed closed = std::get<RoundClosed>(c_.Closed(limits::kRoundsMax, {}));
  for (size_t i = 0; i < limits::kSitesMax; ++i) {
    const SiteId site =
        *SiteId::Parse("a-site-with-a-long-name-of-forty-char-" + std::to_string(100 + i));
    closed.submissions.push_back({(uint64_t{1} << 40) + i, site, 1u << 20});
  }
  const auto sealed = SealRecord(Of(closed), *c_.site_signer);
  ASSERT_TRUE(sealed.has_value()) << sealed.error().message;
  EXPECT_LE(sealed->bytes.size(), limits::kEntryBytesMax);
}

TEST_F(EventsTest, OpensInParallelWithTheSameAnswers) {
  std::vector<Bytes> entries;
  for (int i = 0; i < 50; ++i) {
    Record record = Of(c_.Submitted(0));
    record.actor_seq = static_cast<uint64_t>(i);
    entries.push_back(SealRecord(record, *c_.site_signer)->bytes);
  }
  entries[17][300] ^= 1;
  const auto opened = OpenEntries(entries, c_.verifier, 4);
  for (size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(opened[i].has_value(), i != 17) << i;
    if (i != 17) {
      EXPECT_EQ(opened[i]->record.actor_seq, i);
    }
  }
}

}  // namespace
}  // namespace dure::ledger
