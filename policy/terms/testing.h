// Terms for tests: those of the real sets of text that the demonstrations use, and sound terms that
// leave nothing out.
#pragma once

#include "policy/terms/terms.h"

namespace dure::terms::testing {

// Everything allowed everywhere, under CC0-1.0.
inline Terms OpenTerms() {
  Terms terms;
  terms.use = UseClass::kOpen;
  for (size_t i = 0; i < kWordCount<Purpose>; ++i) terms.purposes.insert(static_cast<Purpose>(i));
  terms.actions.fill(Permission::kAllow);
  terms.licence.data = "CC0-1.0";
  terms.territories.processing.anywhere = true;
  terms.territories.storage.anywhere = true;
  terms.territories.exports.anywhere = true;
  terms.personal.data_class = PersonalClass::kNone;
  terms.personal.special = Tristate::kNo;
  terms.personal.basis = Basis::kNotNeeded;
  terms.tdm.reserved = Tristate::kNo;
  return terms;
}

// As OpenTerms, under another licence and with an attribution to make.
inline Terms AttributedTerms(const std::string& licence) {
  Terms terms = OpenTerms();
  terms.use = UseClass::kCommercialAllowed;
  terms.licence.data = licence;
  terms.duties.insert({.kind = DutyKind::kAttribute, .text = Sha256(AsBytes(licence))});
  return terms;
}

// Research only, pseudonymised, in Korea, for a time.
inline Terms ResearchTerms() {
  Terms terms = OpenTerms();
  terms.use = UseClass::kResearchOnly;
  terms.purposes = {Purpose::kStatistics, Purpose::kScientificResearch};
  terms.actions.fill(Permission::kDeny);
  terms.Of(Action::kTrain) = Permission::kAllow;
  terms.Of(Action::kEvaluate) = Permission::kAllow;
  terms.Of(Action::kServe) = Permission::kAsk;
  terms.licence.data = "LicenseRef-hospital-agreement";
  terms.territories.processing = {.countries = {"KR"}};
  terms.territories.storage = {.countries = {"KR"}};
  terms.territories.exports = {.countries = {"KR", "JP"}};
  terms.time.valid_from = ParseInstant("2026-01-01", DayPart::kFirstSecond);
  terms.time.valid_until = ParseInstant("2027-12-31", DayPart::kLastSecond);
  terms.limits.max_rounds = 40;
  terms.limits.epsilon_max_micro = 8'500'000;
  terms.limits.min_participants = 3;
  terms.personal.data_class = PersonalClass::kPseudonymised;
  terms.personal.special = Tristate::kYes;
  terms.personal.basis = Basis::kPseudonymisedResearch;
  terms.consent = {ConsentDuty::kExport, ConsentDuty::kPurposeChange};
  terms.duties.insert({.kind = DutyKind::kReport, .every_days = 90});
  terms.tdm.reserved = Tristate::kYes;
  terms.tdm.evidence = TdmEvidence::kContract;
  terms.withdrawal.notice_days = 30;
  terms.withdrawal.scopes = {WithdrawalScope::kFutureRounds, WithdrawalScope::kRestart};
  return terms;
}

// Every field said, for round trips.
inline Terms FullTerms() {
  Terms terms = ResearchTerms();
  terms.version = 3;
  terms.duo = {{.number = 7, .values = {"MONDO:0004992"}},
               {.number = 22, .values = {"JP", "KR"}},
               {.number = 24, .values = {"2027-01-01T00:00:00Z"}},
               {.number = 46}};
  terms.licence.model = "LicenseRef-consortium OR CC-BY-NC-4.0";
  terms.licence.copyright = Sha256(AsBytes("c"));
  terms.licence.patent = Sha256(AsBytes("p"));
  terms.licence.trademark = Sha256(AsBytes("t"));
  terms.territories.processing_excluded = {"US"};
  terms.territories.storage_forbidden = {"CN", "US"};
  terms.time.embargo_until = ParseInstant("2026-06-30", DayPart::kLastSecond);
  terms.time.delete_after = ParseInstant("2028-06-30", DayPart::kLastSecond);
  terms.limits.max_runs = 2;
  terms.limits.min_cohort = 4;
  terms.personal.assessment = Sha256(AsBytes("a"));
  terms.personal.processing_record_until = ParseInstant("2031-01-01", DayPart::kLastSecond);
  terms.duties.insert({.kind = DutyKind::kAttribute, .text = Sha256(AsBytes("line"))});
  terms.duties.insert({.kind = DutyKind::kShareResults, .by = Instant{1'800'000'000}});
  terms.duties.insert({.kind = DutyKind::kReturnDerived});
  terms.duties.insert({.kind = DutyKind::kDeleteEvidence});
  terms.duties.insert({.kind = DutyKind::kNotifyIncident, .within_hours = 72});
  terms.duties.insert({.kind = DutyKind::kPayShare, .formula = "annex-b"});
  return terms;
}

}  // namespace dure::terms::testing
