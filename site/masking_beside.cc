// What was summed elsewhere of what may be the same updates: in other runs from the same model.
#include "site/masking_desk.h"

namespace dure::site {

standing::SumsByRun MaskingDesk::Beside() const {
  standing::SumsByRun others;
  shop_.scribe.WithStanding([&](const standing::Auditor& auditor) {
    const standing::State& state = auditor.standing().state();
    const masking::Agreed& agreed = half_.context().agreed;
    others = standing::SumsFrom(state, agreed.model, agreed.run);
    for (auto& [run, sums] : others) {
      // Of a run's sums the record names each, with its base, once its round is closed. Whatever
      // else this site signed there is of a round that is not, or of one that was summed twice.
      std::set<masking::ReleasedSum> more = shop_.summed_in(run);
      for (const masking::ReleasedSum& recorded : standing::SumsOf(state, run)) {
        more.erase(recorded);
      }
      sums.merge(more);
    }
  });
  return others;
}

void MaskingDesk::CountBeside() { half_.CountBeside(standing::SumsIn(Beside())); }

}  // namespace dure::site
