// A simulated world: one aggregator and some sites, each the production state machine with a small
// driver; a virtual clock; a network and disks that fail as the recipe says. Everything follows
// from the seed.
//
// Life: construct, Run once. Safety phase: faults act and checkers watch. Then liveness: faults
// stop, links heal, and the run must come to its end. One world is used by one thread; worlds share
// nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/aggregator_node.h"
#include "tests/sim/bugs.h"
#include "tests/sim/datasets.h"
#include "tests/sim/oracle.h"
#include "tests/sim/scenario.h"
#include "tests/sim/secrecy.h"
#include "tests/sim/site_node.h"

namespace dure::sim {

inline Duration Seconds(double seconds) { return Duration(static_cast<int64_t>(seconds * 1e6)); }

struct Report {
  uint64_t seed = 0;
  std::string violation;  // empty: all held
  uint64_t trace = 0;     // the same for the same seed
  uint64_t events = 0;
  uint64_t crashes = 0;
  uint64_t rounds_closed = 0;
  uint64_t abandoned = 0;
  double seconds = 0;  // virtual
};

class World {
 public:
  World(const Scenario& scenario, const Faults& recipe, Bug bug, uint64_t seed, bool verbose);
  Report Run();

  // For the nodes.
  using Node = uint32_t;  // 0: the aggregator; i + 1: site i
  static constexpr Node kAggregator = 0;
  Duration now() const { return now_; }
  // Runs `task` after `delay`, unless the node has crashed since.
  void After(double seconds, Node node, std::function<void()> task);
  bool Happens(double probability);  // a fault; never once liveness is asked for
  double Between(double low, double high);
  uint64_t Draw() { return Next64(); }
  void SendToSite(uint32_t site, const round::Message& message);
  void SendToAggregator(uint32_t site, const round::Message& message);
  void Crash(Node node);  // and starts again within seconds
  void CrashFor(Node node, double seconds);
  bool Linked(uint32_t site) const { return links_[site].up; }
  const Faults& faults() const { return faults_; }
  const Scenario& scenario() const { return scenario_; }
  Bug bug() const { return bug_; }
  Datasets& datasets() { return datasets_; }
  // An owner withdraws one of the site's datasets as soon as the record takes it.
  void Withdraw(uint32_t site);
  bool Denied(const SiteId& site) const;  // for now, by the scenario
  Oracle& oracle() { return oracle_; }
  Secrecy& secrecy() { return secrecy_; }
  const std::vector<masking::Seat>& Seats() const { return seats_; }
  const masking::KeyAgreement& agreement() const;  // as the scenario says
  AggregatorNode& aggregator() { return *aggregator_; }
  std::vector<std::unique_ptr<SiteNode>>& sites() { return sites_; }
  // The bytes of every blob that ever was; who holds which is the nodes' business.
  Digest Remember(Bytes blob);
  const Bytes& Blob(const Digest& digest) const { return blobs_.at(digest); }
  void Trace(Node node, std::string_view what, std::string_view detail = {});
  void Violate(const std::string& what);

 private:
  struct Task {
    Duration at;
    uint64_t order = 0;
    Node node = 0;
    uint64_t life = 0;
    std::function<void()> run;
  };
  struct Link {
    bool up = false;
    Duration cut_until{0};
  };
  uint64_t Next64();
  Node Nobody() const { return static_cast<Node>(lives_.size() - 1); }  // never crashes
  void Carry(uint32_t site, Node to, const round::Message& message);
  void Deliver(uint32_t site, Node to, const round::Message& message);
  void Start(Node node);
  void Connect(uint32_t site);
  void Cut(uint32_t site, double seconds);
  void Do(const ScriptedEvent& event);
  void Revoke(uint32_t site);
  void Readmit(uint32_t site);
  void Operate();
  void BeginLiveness();
  bool Finished() const;
  void RunUntilFinished();
  uint32_t SiteNamed(const std::string& name) const;

  Scenario scenario_;
  Faults faults_;
  Bug bug_;
  uint64_t seed_;
  bool verbose_;
  uint64_t random_[4];
  Duration now_{0};
  uint64_t order_ = 0;
  std::vector<Task> tasks_;  // a heap
  std::vector<uint64_t> lives_;
  std::vector<Link> links_;
  std::set<uint32_t> revoked_;  // not let in; durable at the aggregator
  std::map<Digest, Bytes> blobs_;
  Datasets datasets_;
  std::map<SiteId, Duration> denied_until_;
  Oracle oracle_;
  Secrecy secrecy_;
  std::vector<masking::Seat> seats_;
  std::unique_ptr<AggregatorNode> aggregator_;
  std::vector<std::unique_ptr<SiteNode>> sites_;
  bool liveness_ = false;
  Report report_;
};

}  // namespace dure::sim
