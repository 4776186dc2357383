#include <algorithm>

#include "policy/terms/decimal.h"
#include "policy/terms/licence.h"
#include "policy/terms/spdx.h"
#include "policy/terms/terms.h"

namespace dure::terms {
namespace {

class Checker {
 public:
  explicit Checker(const Terms& terms) : terms_(terms) {}

  std::vector<Problem> Take() {
    Version();
    Use();
    Duo();
    Licences();
    Territories();
    Times();
    Limits();
    Personal();
    Duties();
    Rest();
    return std::move(problems_);
  }

 private:
  void Blame(std::string field, std::string value, std::string allowed) {
    problems_.push_back({std::move(field), std::move(value), std::move(allowed)});
  }

  void Version() {
    if (terms_.version < 1 || terms_.version > 1'000'000)
      Blame("version", std::to_string(terms_.version), "a number from 1; a change is the next one");
  }

  // Purposes that the use class itself rules out.
  void Use() {
    for (const Purpose purpose : terms_.purposes) {
      const bool commercial = IsCommercial(purpose) && terms_.use == UseClass::kNonCommercial;
      const bool other = !IsResearch(purpose) && terms_.use == UseClass::kResearchOnly;
      if (!commercial && !other) continue;
      Blame("purposes", std::string(Word(purpose)),
            "no purpose that use = " + std::string(Word(terms_.use)) + " rules out");
    }
  }

  void Duo() {
    int permissions = 0;
    size_t values = 0;
    uint32_t last = 0;
    for (const DuoCode& code : terms_.duo) {
      const std::string problem = DuoProblem(code);
      if (!problem.empty()) Blame("duo", FormatDuo(code.number), problem);
      values += code.values.size();
      if (code.number == last) Blame("duo", FormatDuo(code.number), "each code once");
      last = code.number;
      const DuoMeaning* meaning = FindDuo(code.number);
      if (meaning == nullptr) continue;
      permissions += meaning->is_permission ? 1 : 0;
      CheckUseAgainst(*meaning);
    }
    if (values > kDuoValuesMax)
      Blame("duo", std::to_string(values) + " values",
            "at most " + std::to_string(kDuoValuesMax) + " over all codes");
    if (permissions > 1)
      Blame("duo", std::to_string(permissions) + " permissions",
            "one of NRES, GRU, HMB, DS and POA; the others only narrow it");
  }

  void CheckUseAgainst(const DuoMeaning& meaning) {
    const bool narrow = meaning.effect == DuoEffect::kNonCommercial ||
                        meaning.effect == DuoEffect::kNotForProfit ||
                        meaning.effect == DuoEffect::kNotForProfitNonCommercial;
    const bool wide = terms_.use == UseClass::kOpen || terms_.use == UseClass::kCommercialAllowed;
    if (narrow && wide)
      Blame("use", std::string(Word(terms_.use)),
            "non-commercial, not-for-profit-org or research-only, because duo has " +
                std::string(meaning.shorthand));
  }

  void Licences() {
    const auto read = [&](const char* field, const std::string& text) {
      SpdxExpression expression;
      if (text.empty()) return expression;
      auto parsed = ParseSpdx(text);
      if (!parsed) {
        Blame(field, text, "an SPDX licence expression: " + parsed.error().message);
      } else if (parsed->text != text) {
        Blame(field, text, "written as " + parsed->text);
      } else {
        expression = std::move(*parsed);
      }
      return expression;
    };
    const SpdxExpression data = read("licence.data", terms_.licence.data);
    for (const auto& choice : read("licence.model", terms_.licence.model).choices) {
      if (choice.size() > 1)
        Blame("licence.model", terms_.licence.model, "one licence, or several joined by OR");
    }
    if (data.choices.empty()) return;
    const auto every_choice = [&](bool LicenceTraits::*trait) {
      return std::all_of(data.choices.begin(), data.choices.end(), [&](const auto& choice) {
        return std::any_of(choice.begin(), choice.end(),
                           [&](const auto& licence) { return TraitsOf(licence).*trait; });
      });
    };
    CheckNonCommercial(every_choice(&LicenceTraits::non_commercial));
    CheckNoDerivatives(every_choice(&LicenceTraits::no_derivatives));
  }

  void CheckNonCommercial(bool non_commercial) {
    const bool wide = terms_.use == UseClass::kOpen || terms_.use == UseClass::kCommercialAllowed;
    if (!non_commercial) return;
    if (wide)
      Blame("use", std::string(Word(terms_.use)),
            "non-commercial or narrower, because " + terms_.licence.data + " is non-commercial");
    for (const Purpose purpose : terms_.purposes) {
      if (IsCommercial(purpose))
        Blame("purposes", std::string(Word(purpose)),
              "no commercial purpose, because " + terms_.licence.data + " is non-commercial");
    }
  }

  void CheckNoDerivatives(bool no_derivatives) {
    if (!no_derivatives || terms_.Of(Action::kExportWeights) != Permission::kAllow) return;
    Blame("actions.export-weights", "allow",
          "ask or deny, because " + terms_.licence.data +
              " lets nothing that was adapted be passed on; a further permission of the rights "
              "holder is written licence.data = \"" +
              terms_.licence.data + " OR LicenseRef-NAME\"");
  }

  void CheckPlaces(const char* field, const Places& places) {
    if (places.anywhere && !places.countries.empty())
      Blame(field, "*", "* alone, or countries without it");
    CheckCountries(field, places.countries);
  }

  void CheckCountries(const char* field, const std::set<std::string>& countries) {
    for (const std::string& country : countries) {
      if (!IsCountry(country))
        Blame(field, country, "countries by their ISO 3166 code in capitals, such as KR");
    }
  }

  void Territories() {
    const auto& places = terms_.territories;
    CheckPlaces("territories.processing", places.processing);
    CheckCountries("territories.processingExcluded", places.processing_excluded);
    CheckPlaces("territories.storage", places.storage);
    CheckCountries("territories.storageForbidden", places.storage_forbidden);
    CheckPlaces("territories.exports", places.exports);
    Contradiction("territories.processing", places.processing, "processingExcluded",
                  places.processing_excluded);
    Contradiction("territories.storage", places.storage, "storageForbidden",
                  places.storage_forbidden);
  }

  void Contradiction(const char* field, const Places& allowed, const char* other,
                     const std::set<std::string>& forbidden) {
    for (const std::string& country : allowed.countries) {
      if (forbidden.contains(country))
        Blame(field, country, std::string("no country that ") + other + " names too");
    }
  }

  void Times() {
    const auto& time = terms_.time;
    if (time.valid_from && time.valid_until && *time.valid_until < *time.valid_from)
      Blame("time.validUntil", FormatInstant(*time.valid_until),
            "not before validFrom, " + FormatInstant(*time.valid_from));
    if (time.delete_after && time.valid_from && *time.delete_after < *time.valid_from)
      Blame("time.deleteAfter", FormatInstant(*time.delete_after),
            "not before validFrom, " + FormatInstant(*time.valid_from));
  }

  void AtLeastOne(const char* field, const std::optional<uint64_t>& value, uint64_t most) {
    if (value && (*value < 1 || *value > most))
      Blame(field, std::to_string(*value), "a number from 1 to " + std::to_string(most));
  }

  void Limits() {
    const auto& limits = terms_.limits;
    AtLeastOne("limits.maxRounds", limits.max_rounds, 1'000'000);
    AtLeastOne("limits.maxRuns", limits.max_runs, 1'000'000);
    AtLeastOne("limits.minParticipants", limits.min_participants, 256);
    AtLeastOne("limits.minCohort", limits.min_cohort, 256);
    if (limits.epsilon_max_micro && *limits.epsilon_max_micro > kMillionthsMax)
      Blame("limits.epsilonMax", FormatMillionths(*limits.epsilon_max_micro), "at most 1000000000");
  }

  void Personal() {
    const auto& personal = terms_.personal;
    const bool about_people = personal.data_class == PersonalClass::kPseudonymised ||
                              personal.data_class == PersonalClass::kIdentifiable;
    const std::string data_class(Word(personal.data_class));
    if (about_people && personal.basis == Basis::kNotNeeded)
      Blame("personal.basis", "not-needed", "the legal ground, because the data is " + data_class);
    if (about_people && !personal.no_reidentification)
      Blame("personal.noReidentification", "false",
            "true, because the data is " + data_class + " (PIPA art. 28-5)");
    if (personal.data_class == PersonalClass::kNone && personal.special == Tristate::kYes)
      Blame("personal.special", "yes", "no or unknown, because there is no personal data");
    if (personal.data_class == PersonalClass::kIdentifiable &&
        personal.basis == Basis::kPseudonymisedResearch)
      Blame("personal.basis", "pseudonymised-research",
            "another ground: the data is identifiable, not pseudonymised (PIPA art. 28-2)");
  }

  void Duties() {
    if (terms_.duties.size() > kDutiesMax)
      Blame("duties", std::to_string(terms_.duties.size()) + " duties",
            "at most " + std::to_string(kDutiesMax));
    // By kind: the order in a set is not the order in which somebody wrote them.
    for (const Duty& duty : terms_.duties)
      OneDuty("duties[" + std::string(Word(duty.kind)) + "]", duty);
  }

  // `needed`, or absent because the kind has no such field.
  void Part(const std::string& field, bool present, bool belongs, bool needed,
            const std::string& what) {
    if (present && !belongs) Blame(field, "", "no such field for this kind of duty");
    if (!present && needed) Blame(field, "", what);
  }

  void OneDuty(const std::string& field, const Duty& duty) {
    const auto is = [&](DutyKind kind) { return duty.kind == kind; };
    const bool attribute = is(DutyKind::kAttribute);
    const bool dated = is(DutyKind::kShareResults) || is(DutyKind::kDeleteEvidence);
    Part(field + ".text", duty.text.has_value(), attribute, attribute, "the line to be shown");
    Part(field + ".by", duty.by.has_value(), dated, false, "");
    Part(field + ".everyDays", duty.every_days.has_value(), is(DutyKind::kReport),
         is(DutyKind::kReport), "the days between reports");
    Part(field + ".withinHours", duty.within_hours.has_value(), is(DutyKind::kNotifyIncident),
         is(DutyKind::kNotifyIncident), "the hours within which to tell");
    Part(field + ".formula", !duty.formula.empty(), is(DutyKind::kPayShare),
         is(DutyKind::kPayShare), "the code of a formula");
    AtLeastOne((field + ".everyDays").c_str(), duty.every_days, 36'500);
    AtLeastOne((field + ".withinHours").c_str(), duty.within_hours, 8'760);
    if (!duty.formula.empty() && !IsCode(duty.formula))
      Blame(field + ".formula", duty.formula, "a code of letters, digits and -");
  }

  void Rest() {
    if (terms_.withdrawal.notice_days > 36'500)
      Blame("withdrawal.noticeDays", std::to_string(terms_.withdrawal.notice_days),
            "at most 36500");
    if (!terms_.withdrawal.allowed && !terms_.withdrawal.scopes.empty())
      Blame("withdrawal.scopes", "", "nothing, because withdrawal.allowed is false");
    if (terms_.tdm.reserved == Tristate::kYes && terms_.tdm.evidence == TdmEvidence::kNone)
      Blame("tdm.evidence", "none", "where the reservation stands: " + AllWords<TdmEvidence>());
  }

  const Terms& terms_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> Check(const Terms& terms) { return Checker(terms).Take(); }

}  // namespace dure::terms
