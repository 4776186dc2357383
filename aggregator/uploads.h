// Uploads: whose each contribution is, and which of them no round will ever name.
//
// A contribution is marked as one site's own, durably, before its first byte is here: nobody may
// fetch it. Of what a site uploads and no round uses it keeps as many as there are runs that would
// take one of that size: another takes the place of the oldest, whose bytes go, so that no member
// fills the disk with what it never submits, and no attempt that failed leaves its upload behind.
// While what made room is still being removed nothing takes its place, and an attempt takes few
// offers of one site: each costs a mark for good.
// What no run would take goes at Sweep. While the daemon runs the marks stay: an offer that was let
// in may still bring such bytes, and they are private. At a start nothing can, and those without a
// byte here are forgotten.
//
// On the loop. Removal is the caller's, since it waits for the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "federation/blob/store.h"
#include "federation/ids.h"
#include "federation/journal/journal.h"

namespace dure::aggregator {

class Uploads {
 public:
  // What the runs say of a blob or of a site.
  struct Runs {
    std::function<bool(const Digest&)> use;  // a round that goes on, or what everybody may read
    // How many runs go on that would take a contribution of that many bytes from that site; of 0
    // bytes: of any size.
    std::function<size_t(const SiteId&, uint64_t bytes)> would_take;
  };

  // Both outlive it. `remove` forgets the blob and its spool. Errors as the journal.
  static Result<Uploads> Open(journal::Journal& journal, const blob::BlobStore& store,
                              std::function<void(const Digest&)> remove);

  bool Contains(const Digest& digest) const { return marks_.contains(digest); }
  // Whether this site itself offered what is here: another's digest anybody can read in the record.
  bool IsBy(const SiteId& site, const Digest& digest) const;
  // Any site did, and it has not been removed: a round may yet name it, or it goes at Sweep.
  bool Holds(const Digest& digest) const;
  // The site may upload it now, to this attempt of a run. kUnavailable: it has offered too much
  // that was new in this attempt, or the disk still holds what this takes the place of; errors of
  // the journal. Then it may not.
  Status Allow(const SiteId& site, const Digest& digest, uint64_t bytes, const Runs& runs,
               std::string_view attempt);
  // What `remove` was asked for has gone.
  void Removed(const Digest& digest);
  // Somebody else removed it: its round is over.
  void Forget(const Digest& digest);
  void Sweep(const Runs& runs);

 private:
  struct Upload {
    Digest digest;
    uint64_t bytes = 0;  // 0: marked by a version that did not say
  };
  Uploads(journal::Journal& journal, std::function<void(const Digest&)> remove)
      : journal_(&journal), remove_(std::move(remove)) {}
  void ForgetMarksBut(const std::set<Digest>& here);
  void Drop(const SiteId& site, const Digest& digest);

  journal::Journal* journal_;
  std::function<void(const Digest&)> remove_;
  std::map<Digest, std::string> marks_;         // and what the journal says of each
  std::map<SiteId, std::vector<Upload>> here_;  // used or not; in order of offer
  struct Offers {
    std::string attempt;
    uint32_t count = 0;
  };
  std::map<SiteId, Offers> offers_;              // of the attempt that each offered to last
  std::map<SiteId, std::set<Digest>> removing_;  // by whom it was offered
};

}  // namespace dure::aggregator
