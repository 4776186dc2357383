#include "cli/supposing.h"

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "policy/rules/schema.h"

namespace dure::cli {
namespace {

using rules::Fact;
using rules::Facts;
using rules::Value;

// The record tells `second` by `first`: whoever supposes the first supposes the second, too.
struct Told {
  std::string_view first;
  std::string_view second;
  bool is_set;  // the second holds the first's text as its only item
};
constexpr Told kOfGrants[] = {{"request.purpose", "grant.purposes", true},
                              {"request.country", "grant.country", false}};
constexpr Told kOfRuns[] = {{"run.purpose", "request.purpose", false}};

std::span<const Told> ToldOf(const standing::GrantRequest&) { return kOfGrants; }
std::span<const Told> ToldOf(const standing::AdmissionRequest&) { return kOfRuns; }
std::span<const Told> ToldOf(const standing::MeasuringRequest&) { return kOfRuns; }

void Put(Facts& facts, std::string_view path, const Fact& fact) {
  facts.Put({rules::FactPath(path), fact});
}

// What else is so when that fact is. `but`: what was supposed by itself stays.
void Follow(std::span<const Told> told, std::string_view path, const Fact& fact,
            const std::set<std::string_view>& but, Facts& facts) {
  for (const Told& pair : told) {
    if (path == pair.first && !but.contains(pair.second)) {
      const std::string* text = fact.value.text();
      const bool as_set = pair.is_set && text != nullptr;
      Put(facts, pair.second, as_set ? Fact{fact.presence, Value::TextSet({*text})} : fact);
    }
    // A set may say more than one thing; only a text tells the other.
    if (path == pair.second && !pair.is_set && !but.contains(pair.first)) {
      Put(facts, pair.first, fact);
    }
  }
}

template <typename Request>
class Supposition {
 public:
  Supposition(const standing::Standing& before, const Request& request,
              const std::vector<Facts::Entry>& what_if)
      : before_(before), request_(request), facts_(standing::FactsOf(before, request)) {
    for (const Facts::Entry& entry : what_if) supposed_.insert(entry.path.text());
    for (const Facts::Entry& entry : what_if) {
      facts_.Put(entry);
      as_if_.Put(entry);
      for (Facts* facts : {&facts_, &as_if_}) {
        Follow(told_, entry.path.text(), entry.fact, supposed_, *facts);
      }
    }
  }

  Result<Supposed> Decide() const {
    DURE_ASSIGN(const auto policies, standing::PoliciesOf(before_, request_, as_if_));
    const rules::Action action = standing::ActionOf(before_, request_);
    Supposed supposed{standing::DecideUnder(policies, action, facts_), {}};
    supposed.changes = rules::ChangesThatAdmit(
        policies, supposed.decision.action, facts_, rules::ConsortiumSchema(),
        [this](const rules::Change& change, const Facts& changed) {
          return Admits(change, changed);
        });
    OncePerFact(supposed.changes);
    return supposed;
  }

 private:
  bool Admits(const rules::Change& change, Facts changed) const {
    if (IsToldBySet(change.path)) return false;
    Facts as_if = as_if_;
    Put(as_if, change.path, change.to);
    for (Facts* facts : {&changed, &as_if}) {
      Follow(told_, change.path, change.to, supposed_, *facts);
    }
    const auto policies = standing::PoliciesOf(before_, request_, as_if);
    if (!policies) return false;
    const rules::Action action = standing::ActionOf(before_, request_);
    return standing::DecideUnder(*policies, action, changed).outcome == rules::Outcome::kAdmit;
  }

  // Nothing makes such a fact another but the one that tells it.
  bool IsToldBySet(const std::string& path) const {
    return std::ranges::any_of(
        told_, [&](const Told& pair) { return pair.is_set && pair.second == path; });
  }

  // One of two facts that say the same is enough.
  void OncePerFact(std::vector<rules::Change>& changes) const {
    for (const Told& pair : told_) {
      std::erase_if(changes, [&](const rules::Change& one) {
        const rules::Change by_first{std::string(pair.first), one.to};
        return one.path == pair.second && std::ranges::find(changes, by_first) != changes.end();
      });
    }
  }

  const standing::Standing& before_;
  const Request& request_;
  const std::span<const Told> told_ = ToldOf(request_);
  std::set<std::string_view> supposed_;  // of the what-ifs, which outlive this
  Facts facts_;
  Facts as_if_;
};

}  // namespace

Result<Supposed> Suppose(const standing::Standing& before,
                         const standing::AdmissionRequest& request,
                         const std::vector<Facts::Entry>& what_if) {
  return Supposition(before, request, what_if).Decide();
}
Result<Supposed> Suppose(const standing::Standing& before,
                         const standing::MeasuringRequest& request,
                         const std::vector<Facts::Entry>& what_if) {
  return Supposition(before, request, what_if).Decide();
}
Result<Supposed> Suppose(const standing::Standing& before, const standing::GrantRequest& request,
                         const std::vector<Facts::Entry>& what_if) {
  return Supposition(before, request, what_if).Decide();
}

}  // namespace dure::cli
