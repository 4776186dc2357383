// What somebody whose use of a model was refused can do about it: ask owners to agree, where that
// is all that is missing; or nothing, where terms forbid it. Pure; any thread.
#pragma once

#include <map>
#include <string>

#include "cli/grant.h"

namespace dure::cli {

struct DatasetOwner {
  std::string member;
  bool withdrawn = false;  // with the models made of it: no consent and no new terms change that
};

// Lines without a newline at the end, by the reasons of a refusal: whose officer agrees, and with
// which command; which data was withdrawn, or whose terms do not allow it; or that the model has to
// be measured first. Empty where none is the case.
// `grantee` is who asks; `owners` by dataset; one that it lacks is called an owner.
std::string ConsentHint(const rules::Decision& decision, const GrantAsk& ask,
                        const std::string& grantee,
                        const std::map<std::string, DatasetOwner>& owners, bool korean);

}  // namespace dure::cli
