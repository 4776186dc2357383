#include "cli/restrictions.h"

#include <algorithm>
#include <utility>

#include "policy/standing/behind.h"

namespace dure::cli {
namespace {

// What is said of one use: "not allowed. Dataset ds-7 v2 says ...", a text a clause.
std::vector<std::string> Answers(const terms::ModelTerms& model_terms, const terms::Use& use,
                                 terms::Language language) {
  const terms::Answer answer = terms::Allows(model_terms, use);
  const bool korean = language == terms::Language::kKorean;
  if (answer.clauses.empty()) return {korean ? "모든 권리자가 허용" : "allowed by every owner"};
  std::vector<std::string> texts;
  for (const terms::Clause& clause : answer.clauses) {
    texts.push_back(terms::PlainWord(clause.outcome, language) + ". " +
                    terms::Sentence(clause, use, language));
  }
  return texts;
}

// A text, and of which actions it is said.
using Said = std::pair<std::string, std::string>;

void Add(std::string text, const std::string& to_do, bool korean, std::vector<Said>& said) {
  const auto found = std::ranges::find(said, text, &Said::first);
  if (found == said.end()) {
    said.emplace_back(std::move(text), to_do);
  } else {
    found->second += (korean ? "·" : " or ") + to_do;
  }
}

}  // namespace

std::vector<std::string> RestrictionsOf(const standing::State& state, const Digest& model,
                                        const std::string& country, terms::Instant now,
                                        terms::Language language) {
  const bool korean = language == terms::Language::kKorean;
  const terms::ModelTerms behind = standing::TermsBehind(state, model);
  const std::string where = country.empty() ? (korean ? "(알 수 없음)" : "(not known)") : country;
  std::vector<std::string> lines;
  for (const auto purpose :
       {terms::Purpose::kScientificResearch, terms::Purpose::kCommercialService}) {
    terms::Use use;
    use.purpose = purpose;
    use.beneficiary = terms::IsCommercial(purpose) ? terms::Beneficiary::kForProfit
                                                   : terms::Beneficiary::kNonProfit;
    use.country = country;
    use.at = now;
    use.used_for = standing::UsedFor(state, model);
    std::vector<Said> said;
    for (const auto action : {terms::Action::kExportWeights, terms::Action::kServe}) {
      use.action = action;
      for (std::string& text : Answers(behind, use, language)) {
        Add(std::move(text), terms::PlainWord(action, language), korean, said);
      }
    }
    const std::string for_what = terms::PlainWord(purpose, language);
    for (const auto& [text, to_do] : said) {
      lines.push_back(to_do +
                      (korean ? ", 목적 " + for_what + ", 국가 " + where + ": "
                              : ", for " + for_what + ", in " + where + ": ") +
                      text);
    }
  }
  return lines;
}

}  // namespace dure::cli
