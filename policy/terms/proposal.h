// The model's own licence, proposed from the licences of everything behind it.
//
// Share-alike, non-commercial and attribution go on to the model, no-derivatives lets no model out,
// two share-alikes that do not name each other contradict, and an owner may ask for a licence
// (licence.model). Among the licences that satisfy all, the freest is proposed. A proposal is a
// help for people who decide; it is not legal advice, and says so where it is shown. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "policy/terms/combine.h"

namespace dure::terms {

// What cannot hold together: every cause with the expression that it says.
struct LicenceConflict {
  std::map<Cause, std::string> between;  // an empty text: the licence is unknown
  bool operator==(const LicenceConflict&) const = default;
};

struct LicenceProposal {
  std::string licence;                       // one SPDX identifier; empty: none satisfies all
  std::map<Cause, std::string> attribution;  // whose licence asks to be named, and the licence
  std::map<Cause, std::string> share_alike;
  std::map<Cause, std::string> non_commercial;
  std::vector<LicenceConflict> conflicts;  // empty if there is a licence
  bool operator==(const LicenceProposal&) const = default;
};

LicenceProposal ProposeLicence(const ModelTerms& terms);

// "CC-BY-SA-4.0 (nli v1 licence.data) and GPL-2.0-only (code v1 licence.data) cannot hold
// together."
std::string Sentence(const LicenceConflict& conflict, Language language);

}  // namespace dure::terms
