#include "policy/standing/lent.h"

#include <algorithm>
#include <limits>

#include "policy/terms/compile.h"

namespace dure::standing {

using rules::Value;

namespace {

constexpr size_t kSaidMax = 16;  // uses of one dataset that are asked for in turn

}  // namespace

Result<std::shared_ptr<const rules::PolicyDocument>> ReadyTerms::For(const terms::ModelTerms& terms,
                                                                     const terms::Use& use) const {
  const auto asked =
      std::tie(use.action, use.purpose, use.beneficiary, use.country, use.used_for, use.every_term);
  const std::lock_guard lock(mutex_);
  for (const Said& said : said_) {
    const auto [from, until] = std::minmax(said.at, use.at);
    if (asked == said.asked && !terms::HangsOnTime(terms, from, until)) return said.document;
  }
  std::vector<terms::Clause> clauses = terms::Allows(terms, use).clauses;
  for (Said& said : said_) {
    if (asked != said.asked || said.clauses != clauses) continue;
    said.at = use.at;
    return said.document;
  }
  DURE_ASSIGN(rules::PolicyDocument made, terms::PolicyFor(terms, use));
  auto document = std::make_shared<const rules::PolicyDocument>(std::move(made));
  if (std::ranges::any_of(clauses, terms::TellsTime)) return document;
  if (said_.size() >= kSaidMax) said_.clear();
  said_.push_back({asked, use.at, std::move(clauses), document});
  return document;
}

uint64_t TokensRegistered(const terms::Passport& passport) {
  if (passport.tokens) return *passport.tokens;
  uint64_t ends = 0;
  uint64_t all = 0;
  const bool beyond = __builtin_add_overflow(passport.lines, passport.files, &ends) ||
                      __builtin_add_overflow(passport.bytes, ends, &all);
  return beyond ? std::numeric_limits<uint64_t>::max() : all;
}

std::shared_ptr<const Lent> LentBy(const DatasetVersion& what, const MemberId& custodian,
                                   const DatasetEntry& entry) {
  const terms::Source source{what.dataset.str(), what.version};
  auto lent = std::make_shared<Lent>();
  lent->terms = terms::TermsOf(source, entry.terms);
  lent->limits = terms::LimitsOf(source, entry.terms);
  lent->limits_before = terms::LimitsOf(source, entry.terms, /*every_term=*/false);
  lent->refusal = terms::RefusalOf(source);
  rules::Facts& facts = lent->facts;
  facts = terms::FactsOf(entry.terms);
  facts.Set("dataset.terms.signedBy", Value::Text(custodian.str()));
  facts.Set("dataset.terms.digest", Value::Text(Sha256(AsBytes(entry.terms_text)).Hex()));
  facts.Set("dataset.terms.version", Value::Count(what.version));
  const auto passport = terms::ParseCanonicalPassport(entry.passport);
  if (!passport) return lent;
  lent->tokens = TokensRegistered(*passport);
  facts.Set("dataset.rightsHolder", Value::Text(passport->rights_holder));
  facts.Set("dataset.classification", Value::Text(terms::Word(passport->classification)));
  if (passport->records) facts.Set("dataset.samplesRegistered", Value::Count(*passport->records));
  if (passport->tokens) facts.Set("dataset.tokensRegistered", Value::Count(*passport->tokens));
  return lent;
}

}  // namespace dure::standing
