// What one site remembers of a run's masked rounds: which sums were released over whom, what it
// signed last, and what its peers said of theirs. On it rest "one release a round" and the rule
// against differences; it is part of the site's durable state and is never cut short. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "federation/digest.h"
#include "federation/masking/cohort.h"

namespace dure::masking {

// The newest round whose sum a site helped to release, and over what.
struct Released {
  RoundNumber round;
  Digest transcript;
  bool operator==(const Released&) const = default;
};

// A sum over these sites of one segment, the same coordinates in every round.
struct ReleasedSum {
  uint32_t segment = 0;
  std::vector<SiteId> sites;  // ascending
  auto operator<=>(const ReleasedSum&) const = default;
};

// Who can bring an attempt to a sum: so many of these sites give shares, of which so many at most
// do whatever is asked of them. The empty one says nothing, and excludes no other.
struct Quorum {
  std::vector<SiteId> cohort;  // ascending
  uint32_t threshold = 0;
  uint32_t corrupt_max = 0;
  bool operator==(const Quorum&) const = default;
};

// Whether of two attempts at one number at most one comes to a sum. An honest site gives shares for
// one of them; sites that collude, for both. With t1 + t2 > |both cohorts together| + those that
// may collude in both, there are not enough of them. For equal cohorts it is the threshold's own
// rule, 2t > N + f; one site fewer is always enough, and many fewer are not.
bool Exclude(const Quorum& one, const Quorum& other);

// What a sum must not show, by itself and beside others.
struct DifferenceRule {
  bool forbid = true;
  uint32_t batch_members = 2;  // what fewer members put in together (or one)
  uint32_t helpers = 0;        // what one member put in, to so many sites and the aggregator
};
DifferenceRule RuleAgainstDifferences(const CohortRules& rules, uint32_t helpers);

class History;

// Of sites that could all be in a round: those to sum, so that with the sums released before nobody
// is isolated. All, if that may be; else without those who were in no sum yet; else the sites of
// the largest former sum that are all there. None of that: all again, and the rule refuses them,
// since somebody who was in a sum must be waited for. `beside` as in CheckDifferences: former sums,
// too.
std::vector<SiteId> ChooseCohort(const History& history, const DifferenceRule& rule,
                                 RoundNumber round, const std::vector<Seat>& seats,
                                 const std::set<ReleasedSum>& beside = {});

class History {
 public:
  // The last release this site gave its shares to; none: none yet.
  const std::optional<Released>& released() const { return released_; }

  // What a peer claims in its advertisement, or released for all that is known here.
  // kStale: its round was released with another transcript than is known here, or the peer's
  // history went back behind what it claimed before.
  Objection CheckPeer(const SiteId& peer, const std::optional<Released>& claimed) const;
  void NotePeer(const SiteId& peer, const std::optional<Released>& claimed);

  // What the aggregator names as the last release. kStale: another transcript of it is known here,
  // or this site has released a later round.
  Objection CheckPrevious(const std::optional<Released>& previous) const;

  // Whether a new attempt at this round may begin: kAlreadyReleased, kStale.
  Objection CheckOpening(RoundNumber round, uint32_t attempt) const;

  // Whether a sum over `candidate`, beside those that may be released, shows what the rule forbids:
  // isolates so few members, or a member and so few sites of others. kMembership. `member_of` names
  // the member of every site of the candidate; sites of past sums that it leaves out count as
  // members of their own. Sums of an earlier attempt at the same round do not count if the two
  // exclude each other. `beside`: sums of other runs over what may be the same updates. They count
  // as well; but whom they isolate by themselves is shown already, and nothing is refused for it.
  Objection CheckDifferences(const DifferenceRule& rule, RoundNumber round,
                             const ReleasedSum& candidate,
                             const std::map<SiteId, MemberId>& member_of, const Quorum& quorum = {},
                             const std::set<ReleasedSum>& beside = {}) const;

  // The same of sums that are known for released alone, this site's own last among them: what an
  // opening can be held against before anybody has said what it released.
  Objection CheckReleased(const DifferenceRule& rule, const ReleasedSum& candidate,
                          const std::map<SiteId, MemberId>& member_of,
                          const std::set<ReleasedSum>& beside = {}) const;

  // The site is about to sign this transcript: its sums count from now on as released.
  // kSurvivorSet: another transcript was signed for this attempt. kAlreadyReleased.
  Objection Sign(RoundNumber round, uint32_t attempt, const Digest& transcript,
                 std::vector<ReleasedSum> sums, Quorum quorum = {});
  // The site is about to give its shares: what the same round's earlier attempts had signed, and
  // this one excludes, was not released. REQUIRES: Sign for the same.
  void Release(RoundNumber round, uint32_t attempt, const Digest& transcript);
  // The sites of a later attempt have said what they released. Of what this site only signed at one
  // number, that is forgotten which came to no sum and never will: so many of its cohort gave no
  // shares for it that the rest, and as many liars as may collude, are fewer than its threshold.
  // Whoever advertises keys has wiped those of the attempts before, and begins none of them again.
  // Who has released a later number since says nothing of this one.
  void Disprove(const std::map<SiteId, std::optional<Released>>& claims);
  // Sums of rounds in which this site had no part, as the log names them.
  void Learn(const ReleasedSum& sum) { sums_.insert(sum); }

  const std::set<ReleasedSum>& sums() const { return sums_; }
  // With those that were signed last.
  std::set<ReleasedSum> MayBeReleased() const;

  template <typename A>
  void Visit(A& a) {
    a(released_, signed_, signed_attempt_, attempts_, sums_, peers_);
  }
  // The form before: of what was signed last it has the sums alone. They count as released.
  struct Before {
    History& history;
    template <typename A>
    void Visit(A& a) {
      std::set<ReleasedSum> pending;
      a(history.released_, history.signed_, history.signed_attempt_, pending, history.sums_,
        history.peers_);
      history.sums_.merge(pending);
    }
  };

 private:
  struct Attempted {
    Quorum quorum;
    std::set<ReleasedSum> sums;
    template <typename A>
    void Visit(A& a) {
      a(quorum.cohort, quorum.threshold, quorum.corrupt_max, sums);
    }
  };

  std::optional<Released> released_;
  std::optional<Released> signed_;
  uint32_t signed_attempt_ = 0;
  std::vector<Attempted> attempts_;  // at signed_'s round that may be released; signed_ is the last
  std::set<ReleasedSum> sums_;       // of earlier rounds
  std::map<SiteId, Released> peers_;
};

}  // namespace dure::masking
