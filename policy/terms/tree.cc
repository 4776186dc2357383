#include "policy/terms/tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/terms/tree_reader.h"
#include "policy/terms/tree_writer.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

// Notes which fields there are; a walk over blank terms visits all but those inside lists.
class PathList {
 public:
  template <typename Fields>
  void Group(const char* name, Fields&& fields) {
    const std::string outer = prefix_;
    prefix_ += std::string(name) + ".";
    fields();
    prefix_ = outer;
  }
  template <typename T, typename Fields>
  void Each(const char* name, std::set<T>&, Fields&& fields) {
    T item;
    Group((std::string(name) + "[]").c_str(), [&] { fields(item); });
  }
  template <typename E>
  void Choice(const char* name, E&, E) {
    Add(name);
  }
  template <typename E>
  void Choices(const char* name, std::set<E>&) {
    Add(name);
  }
  void Constant(const char*, std::string_view) {}
  void Code(const char* name, std::string&) { Add(name); }
  void Spdx(const char* name, std::string&) { Add(name); }
  void Flag(const char* name, bool&, bool) { Add(name); }
  void Count(const char* name, uint64_t&, uint64_t) { Add(name); }
  void Count(const char* name, std::optional<uint64_t>&) { Add(name); }
  void Millionths(const char* name, std::optional<uint64_t>&) { Add(name); }
  void Time(const char* name, std::optional<Instant>&, DayPart) { Add(name); }
  void Commitment(const char* name, std::optional<Digest>&) { Add(name); }
  void Where(const char* name, Places&) { Add(name); }
  void Countries(const char* name, std::set<std::string>&) { Add(name); }
  void Duo(DuoCode&) {
    Add("code");
    Add("values");
  }
  std::vector<std::string> paths;

 private:
  void Add(const char* name) { paths.push_back(prefix_ + name); }
  std::string prefix_;
};

template <typename Walk>
void WalkPeople(Walk& walk, Terms& terms) {
  walk.Group("personal", [&] {
    Personal& personal = terms.personal;
    walk.Choice("class", personal.data_class, PersonalClass::kUnknown);
    walk.Choice("special", personal.special, Tristate::kUnknown);
    walk.Choice("basis", personal.basis, Basis::kUnknown);
    walk.Commitment("assessmentCommit", personal.assessment);
    walk.Flag("noReidentification", personal.no_reidentification, true);
    walk.Time("processingRecordUntil", personal.processing_record_until, DayPart::kLastSecond);
  });
  walk.Choices("consent", terms.consent);
  walk.Each("duties", terms.duties, [&](Duty& duty) {
    walk.Choice("kind", duty.kind, static_cast<DutyKind>(kWordCount<DutyKind>));
    walk.Commitment("textCommit", duty.text);
    walk.Time("by", duty.by, DayPart::kLastSecond);
    walk.Count("everyDays", duty.every_days);
    walk.Count("withinHours", duty.within_hours);
    walk.Code("formula", duty.formula);
  });
}

template <typename Walk>
void WalkBounds(Walk& walk, Terms& terms) {
  walk.Group("territories", [&] {
    walk.Where("processing", terms.territories.processing);
    walk.Countries("processingExcluded", terms.territories.processing_excluded);
    walk.Where("storage", terms.territories.storage);
    walk.Countries("storageForbidden", terms.territories.storage_forbidden);
    walk.Where("exports", terms.territories.exports);
  });
  walk.Group("time", [&] {
    walk.Time("validFrom", terms.time.valid_from, DayPart::kFirstSecond);
    walk.Time("validUntil", terms.time.valid_until, DayPart::kLastSecond);
    walk.Time("embargoUntil", terms.time.embargo_until, DayPart::kLastSecond);
    walk.Time("deleteAfter", terms.time.delete_after, DayPart::kLastSecond);
  });
  walk.Group("limits", [&] {
    walk.Count("maxRounds", terms.limits.max_rounds);
    walk.Count("maxRuns", terms.limits.max_runs);
    walk.Millionths("epsilonMax", terms.limits.epsilon_max_micro);
    walk.Count("minParticipants", terms.limits.min_participants);
    walk.Count("minCohort", terms.limits.min_cohort);
  });
}

// The one list of fields. Its order is the order of canonical bytes: never change it.
template <typename WalkT>
void WalkTerms(WalkT& walk, Terms& terms) {
  walk.Constant("format", kTermsFormat);
  walk.Count("version", terms.version, 0);
  walk.Choice("use", terms.use, UseClass::kUnknown);
  walk.Each("duo", terms.duo, [&](DuoCode& code) { walk.Duo(code); });
  walk.Choices("purposes", terms.purposes);
  walk.Group("actions", [&] {
    for (size_t i = 0; i < kWordCount<Action>; ++i) {
      walk.Choice(Word(static_cast<Action>(i)).data(), terms.actions[i], Permission::kUnknown);
    }
  });
  walk.Group("licence", [&] {
    walk.Spdx("data", terms.licence.data);
    walk.Spdx("model", terms.licence.model);
    walk.Commitment("copyrightCommit", terms.licence.copyright);
    walk.Commitment("patentCommit", terms.licence.patent);
    walk.Commitment("trademarkCommit", terms.licence.trademark);
  });
  WalkBounds(walk, terms);
  WalkPeople(walk, terms);
  walk.Group("tdm", [&] {
    walk.Choice("reserved", terms.tdm.reserved, Tristate::kUnknown);
    walk.Choice("evidence", terms.tdm.evidence, TdmEvidence::kNone);
  });
  walk.Group("withdrawal", [&] {
    walk.Flag("allowed", terms.withdrawal.allowed, true);
    walk.Count("noticeDays", terms.withdrawal.notice_days, 0);
    walk.Choices("scopes", terms.withdrawal.scopes);
  });
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

ordered_json ToTree(const Terms& terms) {
  Terms copy = terms;
  TreeWriter writer;
  WalkTerms(writer, copy);
  return writer.Take();
}

Terms FromTree(const ordered_json& tree, std::vector<Problem>& problems) {
  Terms terms;
  TreeReader reader(tree, problems);
  WalkTerms(reader, terms);
  reader.Finish();
  return terms;
}

std::vector<std::string> FieldPaths() {
  Terms blank;
  PathList list;
  WalkTerms(list, blank);
  return list.paths;
}

std::string Nearest(const std::vector<std::string>& words, const std::string& word) {
  if (word.size() > 64) return {};
  std::string nearest;
  size_t least = word.size() / 3 + 1;
  for (const std::string& candidate : words) {
    const size_t distance = EditDistance(candidate, word);
    if (distance > least || (distance == least && !nearest.empty())) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

}  // namespace dure::terms
