// What `dure share` says, in English and Korean: the one place for its words.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/standing/shares.h"
#include "policy/standing/valuation.h"

namespace dure::cli {

struct ShareTexts {
  bool korean = false;

  std::string Shares(const std::vector<ledger::ShareOfMember>& shares) const;
  std::string Formula(const standing::ShareFormula& formula) const;
  // What the formula made of each member's contributions.
  std::string Explained(const std::map<MemberId, standing::ShareInput>& inputs,
                        const std::vector<standing::SharePart>& parts,
                        const standing::ShareFormula& formula) const;
  // What the models without some members lost, and so what each brought.
  std::string Measured(const RunId& run, const std::string& method,
                       const standing::Valuation& valuation) const;
  std::string Refused(const std::string& method, const standing::ValuationRefusal& refusal) const;
  std::string FormulaCaveat() const;
  std::string MeasuredCaveat() const;
};

}  // namespace dure::cli
