// Tables after RFC 4180, one row a thing, each with its place in the record.
#include <algorithm>

#include "policy/exports/parts.h"

namespace dure::exports {
namespace {

using Row = std::vector<std::string>;

// A spreadsheet takes what begins with one of these for a formula; a Korean one the wide ones, too.
bool LooksLikeAFormula(const std::string& text) {
  constexpr std::string_view kStarts[] = {"=",  "+",  "-",  "@",  "\t", "\r",
                                          "\n", "＝", "＋", "－", "＠"};
  return std::any_of(std::begin(kStarts), std::end(kStarts),
                     [&](std::string_view start) { return text.starts_with(start); });
}

std::string Cell(std::string text) {
  if (LooksLikeAFormula(text)) text.insert(0, "'");
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Line(const Row& row) {
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) line += (i == 0 ? "" : ",") + Cell(row[i]);
  return line + "\r\n";
}

File Table(const std::string& name, Row header, const std::vector<Row>& rows) {
  std::string text = Line(header);
  for (const Row& row : rows) text += Line(row);
  return {.name = name + ".csv",
          .media_type = "text/csv; charset=utf-8; header=present",
          .text = std::move(text)};
}

void Add(Row& row, const Place& place) {
  row.push_back(std::to_string(place.index));
  row.push_back(place.leaf.Hex());
}

File Datasets(const Dossier& dossier) {
  std::vector<Row> rows;
  for (const Dataset& dataset : dossier.datasets) {
    const terms::Passport& passport = dataset.passport;
    Row row = {passport.dataset,
               std::to_string(passport.version),
               passport.custodian,
               passport.rights_holder,
               dataset.terms.licence.data.empty() ? kNotRecorded : dataset.terms.licence.data,
               std::string(terms::Word(dataset.terms.use)),
               std::string(terms::Word(dataset.terms.personal.data_class)),
               std::to_string(passport.bytes),
               CountOrAbsent(passport.tokens),
               TimeOrAbsent(dataset.registered_at),
               dataset.withdrawal ? TimeOrAbsent(dataset.withdrawn_at) : "no"};
    Add(row, dataset.place);
    rows.push_back(std::move(row));
  }
  return Table(
      "datasets",
      {"dataset", "version", "custodian", "rights_holder", "licence", "use", "personal_data",
       "bytes", "tokens", "registered_at", "withdrawn_at", "ledger_index", "leaf_hash"},
      rows);
}

File Rounds(const Dossier& dossier) {
  std::vector<Row> rows;
  for (const Round& round : dossier.rounds) {
    Row row = {round.run,
               std::to_string(round.number),
               std::to_string(round.attempt),
               round.base_model.Hex(),
               round.model.Hex(),
               std::to_string(round.contributions.size()),
               std::to_string(round.excluded.size()),
               CountOrAbsent(round.tokens),
               CountOrAbsent(round.steps),
               TimeOrAbsent(round.opened_at),
               TimeOrAbsent(round.closed_at)};
    Add(row, round.closed);
    rows.push_back(std::move(row));
  }
  return Table("rounds",
               {"run", "round", "attempt", "base_model", "model", "contributions", "excluded",
                "tokens", "steps", "opened_at", "closed_at", "ledger_index", "leaf_hash"},
               rows);
}

File Contributions(const Dossier& dossier) {
  std::vector<Row> rows;
  for (const Round& round : dossier.rounds) {
    for (const Contribution& contribution : round.contributions) {
      std::string datasets;
      for (const terms::Source& source : contribution.datasets)
        datasets += (datasets.empty() ? "" : " ") + NameOf(source);
      const std::string member = MemberOf(dossier, contribution.site);
      Row row = {round.run,
                 std::to_string(round.number),
                 contribution.site,
                 member.empty() ? kNotRecorded : member,
                 datasets.empty() ? kNotRecorded : datasets,
                 CountOrAbsent(contribution.tokens),
                 CountOrAbsent(contribution.steps),
                 CountOrAbsent(contribution.weight),
                 CountOrAbsent(contribution.accelerator_seconds)};
      Add(row, contribution.place);
      rows.push_back(std::move(row));
    }
  }
  return Table("contributions",
               {"run", "round", "site", "member", "datasets", "tokens", "steps", "weight",
                "accelerator_seconds", "ledger_index", "leaf_hash"},
               rows);
}

File Decisions(const Dossier& dossier) {
  std::vector<Row> rows;
  for (const Decision& decision : dossier.decisions) {
    std::string reasons;
    for (const std::string& reason : decision.reasons)
      reasons += (reasons.empty() ? "" : "\n") + reason;
    Row row = {decision.kind,
               decision.subject,
               decision.granted ? "granted" : "refused",
               reasons,
               decision.policy.Hex(),
               std::to_string(decision.as_of),
               TimeOrAbsent(decision.at)};
    Add(row, decision.place);
    rows.push_back(std::move(row));
  }
  return Table("decisions",
               {"kind", "subject", "outcome", "reasons", "policy", "as_of", "at", "ledger_index",
                "leaf_hash"},
               rows);
}

File Evaluations(const Dossier& dossier) {
  std::vector<Row> rows;
  for (const Evaluation& evaluation : dossier.evaluations) {
    const Score score = ScoreOf(evaluation);
    const auto interval = BitsInterval(evaluation);
    Row row = {evaluation.model.Hex(),
               evaluation.site,
               DataText(evaluation),
               NumberText(score.perplexity),
               NumberText(score.bits_per_byte),
               interval ? NumberText(interval->first) : kNotRecorded,
               interval ? NumberText(interval->second) : kNotRecorded,
               CountOrAbsent(evaluation.draws),
               CountOrAbsent(evaluation.seed),
               CountOrAbsent(evaluation.sequences),
               std::to_string(evaluation.tokens),
               evaluation.code ? evaluation.code->Hex() : kNotRecorded,
               TimeOrAbsent(evaluation.at)};
    Add(row, evaluation.place);
    rows.push_back(std::move(row));
  }
  return Table("evaluations",
               {"model", "site", "datasets", "perplexity", "bits_per_byte", "bits_per_byte_low",
                "bits_per_byte_high", "draws", "seed", "sequences", "tokens", "code", "at",
                "ledger_index", "leaf_hash"},
               rows);
}

// A table has no place for remarks; they are one more table.
File About(const Dossier& dossier) {
  std::vector<Row> rows = {{"template_version", TemplateVersion(Format::kCsv)},
                           {"federation", dossier.federation},
                           {"as_of", std::to_string(dossier.as_of)},
                           {"root", dossier.root.Hex()},
                           {"log_key", OrAbsent(dossier.log_key)},
                           {"made_at", terms::FormatInstant(dossier.made_at)},
                           {"model", dossier.model.digest.Hex()}};
  for (const std::string& caveat : DoesNotProve(Format::kCsv, terms::Language::kEnglish))
    rows.push_back({"does_not_prove", caveat});
  return Table("about", {"name", "value"}, rows);
}

}  // namespace

std::vector<File> MakeCsv(const Dossier& dossier) {
  return {About(dossier),         Datasets(dossier),  Rounds(dossier),
          Contributions(dossier), Decisions(dossier), Evaluations(dossier)};
}

}  // namespace dure::exports
