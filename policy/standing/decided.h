// Whether a recorded decision holds beside the one that is due at its place. Inside this room only.
#pragma once

#include "policy/standing/admission.h"
#include "policy/standing/fold.h"

namespace dure::standing {

struct Decided {
  bool allowed = false;  // as its entry says
  const std::string& decision;
  std::string about;  // "reviews of kt-site for first round 0"
};
// It holds where codes and facts are those of `due`, and its sentences, too, if they are in this
// build's words (rules/agreement.h). The words of a log never become older: decision-differs,
// words-went-back.
MaybeBreach DecisionHolds(const Standing& now, const Ruling& due, const Decided& said);

}  // namespace dure::standing
