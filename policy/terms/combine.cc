#include "policy/terms/combine.h"

#include <algorithm>

namespace dure::terms {
namespace {

template <typename T>
void Add(Said<T>& to, const Said<T>& from) {
  for (const auto& [value, causes] : from) to[value].insert(causes.begin(), causes.end());
}

template <typename T>
std::optional<T> Least(const Said<T>& said) {
  if (said.empty()) return std::nullopt;
  return said.begin()->first;
}

template <typename T>
std::optional<T> Most(const Said<T>& said) {
  if (said.empty()) return std::nullopt;
  return said.rbegin()->first;
}

CommonPlaces Common(const Said<Places>& said, const Said<std::string>* forbidden) {
  CommonPlaces common;
  for (const auto& item : said) {
    const Places& places = item.first;
    common.unknown |= places.unknown();
    if (places.anywhere) continue;
    if (common.anywhere) {
      common.countries = places.countries;
    } else {
      std::erase_if(common.countries,
                    [&](const auto& country) { return !places.countries.contains(country); });
    }
    common.anywhere = false;
  }
  if (forbidden == nullptr || forbidden->empty()) return common;
  if (common.anywhere) common.countries = AllCountries();
  common.anywhere = false;
  for (const auto& [country, causes] : *forbidden) common.countries.erase(country);
  return common;
}

// Yes is the strictest: special data, or a reservation, is never forgotten for what is unknown.
Tristate Worst(const Said<Tristate>& said) {
  if (said.contains(Tristate::kYes)) return Tristate::kYes;
  return said.contains(Tristate::kUnknown) ? Tristate::kUnknown : Tristate::kNo;
}

template <typename T>
std::set<T> Values(const Said<T>& said) {
  std::set<T> values;
  for (const auto& [value, causes] : said) values.insert(value);
  return values;
}

// Notes what one dataset says about itself.
class Teller {
 public:
  explicit Teller(const Source& source) : source_(source) {}

  std::set<Cause> Of(const std::string& field) const {
    return {{source_.dataset, source_.version, field}};
  }
  template <typename T>
  void Say(Said<T>& said, const T& value, const std::string& field) const {
    said[value] = Of(field);
  }
  template <typename T>
  void SayIf(Said<T>& said, const std::optional<T>& value, const std::string& field) const {
    if (value) said[*value] = Of(field);
  }
  template <typename T>
  void SayAll(Said<T>& said, const std::set<T>& values, const std::string& field) const {
    for (const T& value : values) said[value] = Of(field);
  }

 private:
  const Source& source_;
};

void TellPlacesAndTimes(const Teller& teller, const Terms& terms, ModelTerms& model) {
  const auto& places = terms.territories;
  teller.Say(model.processing, places.processing, "territories.processing");
  teller.SayAll(model.processing_excluded, places.processing_excluded,
                "territories.processingExcluded");
  teller.Say(model.storage, places.storage, "territories.storage");
  teller.SayAll(model.storage_forbidden, places.storage_forbidden, "territories.storageForbidden");
  teller.Say(model.exports, places.exports, "territories.exports");
  teller.SayIf(model.valid_from, terms.time.valid_from, "time.validFrom");
  teller.SayIf(model.valid_until, terms.time.valid_until, "time.validUntil");
  teller.SayIf(model.embargo_until, terms.time.embargo_until, "time.embargoUntil");
  teller.SayIf(model.delete_after, terms.time.delete_after, "time.deleteAfter");
  const auto& limits = terms.limits;
  teller.SayIf(model.max_rounds, limits.max_rounds, "limits.maxRounds");
  teller.SayIf(model.max_runs, limits.max_runs, "limits.maxRuns");
  teller.SayIf(model.epsilon_max_micro, limits.epsilon_max_micro, "limits.epsilonMax");
  teller.SayIf(model.min_participants, limits.min_participants, "limits.minParticipants");
  teller.SayIf(model.min_cohort, limits.min_cohort, "limits.minCohort");
}

}  // namespace

std::string RuleName(const Cause& cause) { return "terms:" + cause.dataset + "#" + cause.field; }

std::string ShortText(const Cause& cause) {
  return cause.dataset + " v" + std::to_string(cause.version) + " (" + cause.field + ")";
}

ModelTerms TermsOf(const Source& source, const Terms& terms) {
  const Teller teller(source);
  ModelTerms model;
  model.sources.insert(source);
  teller.Say(model.use, terms.use, "use");
  teller.SayAll(model.duo, terms.duo, "duo");
  if (terms.purposes.empty()) model.purposes_unknown = teller.Of("purposes");
  for (size_t i = 0; i < kWordCount<Purpose>; ++i) {
    const auto purpose = static_cast<Purpose>(i);
    if (!terms.purposes.empty() && !terms.purposes.contains(purpose))
      teller.Say(model.purposes_refused, purpose, "purposes");
  }
  for (size_t i = 0; i < kWordCount<Action>; ++i) {
    const std::string field = "actions." + std::string(Word(static_cast<Action>(i)));
    if (terms.actions[i] != Permission::kAllow)
      teller.Say(model.actions[i], terms.actions[i], field);
  }
  teller.Say(model.licences, terms.licence.data, "licence.data");
  if (!terms.licence.model.empty())
    teller.Say(model.model_licences, terms.licence.model, "licence.model");
  TellPlacesAndTimes(teller, terms, model);
  const auto& personal = terms.personal;
  teller.Say(model.personal, personal.data_class, "personal.class");
  teller.Say(model.special, personal.special, "personal.special");
  teller.Say(model.basis, personal.basis, "personal.basis");
  teller.Say(model.no_reidentification, personal.no_reidentification,
             "personal.noReidentification");
  teller.SayIf(model.processing_record_until, personal.processing_record_until,
               "personal.processingRecordUntil");
  teller.SayAll(model.consent, terms.consent, "consent");
  teller.SayAll(model.duties, terms.duties, "duties");
  teller.Say(model.tdm_reserved, terms.tdm.reserved, "tdm.reserved");
  teller.Say(model.withdrawal, terms.withdrawal, "withdrawal");
  return model;
}

ModelTerms Join(const ModelTerms& a, const ModelTerms& b) {
  ModelTerms all = a;
  all.sources.insert(b.sources.begin(), b.sources.end());
  all.withdrawn_at.insert(b.withdrawn_at.begin(), b.withdrawn_at.end());
  all.purposes_unknown.insert(b.purposes_unknown.begin(), b.purposes_unknown.end());
  Add(all.use, b.use);
  Add(all.duo, b.duo);
  Add(all.purposes_refused, b.purposes_refused);
  for (size_t i = 0; i < all.actions.size(); ++i) Add(all.actions[i], b.actions[i]);
  Add(all.licences, b.licences);
  Add(all.model_licences, b.model_licences);
  Add(all.processing, b.processing);
  Add(all.processing_excluded, b.processing_excluded);
  Add(all.storage, b.storage);
  Add(all.storage_forbidden, b.storage_forbidden);
  Add(all.exports, b.exports);
  Add(all.valid_from, b.valid_from);
  Add(all.valid_until, b.valid_until);
  Add(all.embargo_until, b.embargo_until);
  Add(all.delete_after, b.delete_after);
  Add(all.max_rounds, b.max_rounds);
  Add(all.max_runs, b.max_runs);
  Add(all.epsilon_max_micro, b.epsilon_max_micro);
  Add(all.min_participants, b.min_participants);
  Add(all.min_cohort, b.min_cohort);
  Add(all.personal, b.personal);
  Add(all.special, b.special);
  Add(all.basis, b.basis);
  Add(all.no_reidentification, b.no_reidentification);
  Add(all.processing_record_until, b.processing_record_until);
  Add(all.consent, b.consent);
  Add(all.duties, b.duties);
  Add(all.tdm_reserved, b.tdm_reserved);
  Add(all.withdrawal, b.withdrawal);
  return all;
}

Summary Summarise(const ModelTerms& terms) {
  Summary summary;
  summary.use = Values(terms.use);
  if (summary.use.size() > 1) {  // what narrows nothing is not worth a word beside what does
    summary.use.erase(UseClass::kOpen);
    if (summary.use.size() > 1) summary.use.erase(UseClass::kCommercialAllowed);
  }
  if (summary.use.empty()) summary.use.insert(UseClass::kOpen);
  for (size_t i = 0; i < kWordCount<Purpose>; ++i) {
    const auto purpose = static_cast<Purpose>(i);
    const bool refused = terms.purposes_refused.contains(purpose);
    if (!refused && terms.purposes_unknown.empty()) summary.purposes.insert(purpose);
  }
  for (size_t i = 0; i < summary.actions.size(); ++i)
    summary.actions[i] = Most(terms.actions[i]).value_or(Permission::kAllow);
  summary.processing = Common(terms.processing, &terms.processing_excluded);
  summary.storage = Common(terms.storage, &terms.storage_forbidden);
  summary.exports = Common(terms.exports, nullptr);
  summary.time = {.valid_from = Most(terms.valid_from),
                  .valid_until = Least(terms.valid_until),
                  .embargo_until = Most(terms.embargo_until),
                  .delete_after = Least(terms.delete_after)};
  summary.limits = {.max_rounds = Least(terms.max_rounds),
                    .max_runs = Least(terms.max_runs),
                    .epsilon_max_micro = Least(terms.epsilon_max_micro),
                    .min_participants = Most(terms.min_participants),
                    .min_cohort = Most(terms.min_cohort)};
  summary.personal = Most(terms.personal).value_or(PersonalClass::kNone);
  summary.special = Worst(terms.special);
  summary.consent = Values(terms.consent);
  summary.duties = Values(terms.duties);
  summary.tdm_reserved = Worst(terms.tdm_reserved);
  std::optional<uint64_t> notice;
  for (const auto& [withdrawal, causes] : terms.withdrawal) {
    if (withdrawal.allowed)
      notice = std::min(notice.value_or(withdrawal.notice_days), withdrawal.notice_days);
  }
  summary.notice_days = notice.value_or(0);
  return summary;
}

}  // namespace dure::terms
