#include "policy/rules/constitution.h"

#include "federation/check.h"
#include "policy/rules/parse.h"

namespace dure::rules {

const std::vector<PolicyDocument>& Constitution() {
  static const std::vector<PolicyDocument> documents = [] {
    std::vector<PolicyDocument> read;
    for (const ConstitutionText& text : ConstitutionTexts()) {
      Result<PolicyDocument> document = ReadPolicy(text.text, text.name);
      DURE_CHECK(document.has_value(), "the shipped constitution reads");
      read.push_back(std::move(*document));
    }
    return read;
  }();
  return documents;
}

}  // namespace dure::rules
