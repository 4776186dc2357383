#include "policy/standing/lent.h"

#include <limits>

#include "policy/terms/compile.h"

namespace dure::standing {

using rules::Value;

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
