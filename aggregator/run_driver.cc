#include "aggregator/run_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aggregator/merge.h"
#include "federation/canonical.h"
#include "federation/codec/lane.h"
#include "federation/crash_point.h"
#include "federation/derivation/derivation.h"
#include "federation/error_code.h"
#include "federation/limits.h"
#include "federation/wire_hook.h"
#include "policy/ledger/events.h"
#include "policy/standing/manifest.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::seconds kDiskRetry{1};
constexpr std::chrono::milliseconds kReadyAfter{600};  // what the last round left is spare by then

std::string_view KindOf(const round::Append& append) {
  if (std::holds_alternative<round::RecordProposed>(append.record)) return "proposed";
  if (std::holds_alternative<round::RecordSubmission>(append.record)) return "submission";
  if (std::holds_alternative<round::RecordReceipted>(append.record)) return "receipted";
  if (std::holds_alternative<round::RecordAbandoned>(append.record)) return "abandoned";
  if (std::holds_alternative<round::RecordClosed>(append.record)) return "closed";
  return "opened";
}

// The entries that a roster names: the opening of the round, then the admissions.
round::Roster WithEntriesAsTold(const SiteId& site, round::Roster roster) {
  CanonicalWriter entries;
  entries.U64(roster.opened_index);
  for (const round::AdmittedDataset& one : roster.admitted) entries.U64(one.entry);
  Bytes bytes = entries.Take();
  PassWire("aggregator.roster", site.str(), bytes);
  CanonicalReader reader(bytes);
  roster.opened_index = reader.U64();
  for (round::AdmittedDataset& one : roster.admitted) one.entry = reader.U64();
  return roster;
}

// A test's liar has sites start from another base, end with another model, or train on what no
// entry admits.
round::Message AsTold(const SiteId& site, round::Message message) {
  if (auto* roster = std::get_if<round::Roster>(&message)) {
    return WithEntriesAsTold(site, std::move(*roster));
  }
  auto* plan = std::get_if<round::Plan>(&message);
  auto* ended = std::get_if<round::RunEnded>(&message);
  if (plan == nullptr && ended == nullptr) return message;
  round::Base& base = plan != nullptr ? plan->plan.base : ended->last;
  Bytes bytes = CanonicalWriter().Raw32(base.model).Raw32(base.momentum).Raw32(base.scales).Take();
  PassWire(plan != nullptr ? "aggregator.base" : "aggregator.last", site.str(), bytes);
  CanonicalReader reader(bytes);
  for (Digest* part : {&base.model, &base.momentum, &base.scales}) *part = reader.Raw32();
  return message;
}

}  // namespace

RunDriver::RunDriver(Workshop& shop, round::Rounds rounds, std::vector<SiteId> invited,
                     uint64_t parameter_count, std::optional<Protection> protection)
    : shop_(shop),
      rounds_(std::move(rounds)),
      invited_(std::move(invited)),
      parameter_count_(parameter_count),
      protection_(std::move(protection)),
      view_(rounds_.manifest(), shop.loop.Now()),
      coalitions_(shop, rounds_.manifest()),
      queue_(shop.loop, {[this](const round::Effect& effect) { return Perform(effect); },
                         {},
                         [this] {
                           view_.WaitFor(rounds_.WaitsFor());
                           view_.Tick(shop_.loop.Now());
                         }}),
      keeping_(shop.say, "keep the state of run " + rounds_.manifest().run.str(), shop.scratch),
      merging_(shop.say, "merge for run " + rounds_.manifest().run.str(), shop.scratch) {
  std::ranges::sort(invited_);
  if (!rounds_.manifest().masked()) return;
  masking_ = std::make_unique<MaskingDesk>(
      shop_, rounds_, parameter_count_, [this](const round::Event& event) {
        const auto* merged = std::get_if<round::Merged>(&event);
        return merged ? Conclude(*merged) : Feed(event);
      });
}

RunDriver::~RunDriver() { *alive_ = false; }

Result<std::unique_ptr<RunDriver>> RunDriver::Create(Workshop& shop, round::RunManifest manifest,
                                                     std::vector<SiteId> invited) {
  DURE_ASSIGN(const uint64_t count, ParameterCountOf(manifest.initial_model, shop.store));
  DURE_ASSIGN(auto protection, Protection::Of(manifest, count));
  round::Rounds rounds(std::move(manifest), invited);
  return std::unique_ptr<RunDriver>(
      new RunDriver(shop, std::move(rounds), std::move(invited), count, std::move(protection)));
}

Result<std::unique_ptr<RunDriver>> RunDriver::Restore(Workshop& shop, ByteView state,
                                                      std::vector<SiteId> invited) {
  DURE_ASSIGN(round::Rounds rounds, round::Rounds::Load(state, shop.loop.Now()));
  DURE_ASSIGN(const uint64_t count, ParameterCountOf(rounds.base().model, shop.store));
  DURE_ASSIGN(auto protection, Protection::Of(rounds.manifest(), count));
  auto driver = std::unique_ptr<RunDriver>(
      new RunDriver(shop, std::move(rounds), std::move(invited), count, std::move(protection)));
  driver->view_.Resume(driver->rounds_);
  if (driver->masking_) DURE_TRY(driver->masking_->Restore());
  return driver;
}

bool RunDriver::Invites(const SiteId& site) const {
  return invited_.empty() || std::ranges::binary_search(invited_, site);
}

std::vector<Digest> RunDriver::Needs() const {
  std::vector<Digest> needs = rounds_.Readable();
  const round::RunManifest& manifest = rounds_.manifest();
  needs.insert(needs.end(), {manifest.initial_model, manifest.tokenizer, rounds_.base().model,
                             rounds_.base().momentum, rounds_.base().scales});
  return needs;
}

void RunDriver::Start() {
  RemoveLeaving();
  Feed(round::Started{});
  if (rounds_.phase() == round::RunPhase::kEnded) TellEnd();
  coalitions_.Say();
  if (masking_) masking_->Resume();
}

void RunDriver::Take(const SiteId& site, const round::Masked& message) {
  if (masking_) masking_->Take(site, message.message);
}

Result<uint64_t> RunDriver::ContributionBytes() const {
  if (masking_) return masking_->PayloadBytes();
  return codec::ContributionBytes(derivation::LaneOf(rounds_.manifest()), parameter_count_);
}

void RunDriver::Feed(const round::Event& event) {
  queue_.Push(rounds_.Handle(shop_.loop.Now(), event));
  if (!masking_) return;
  if (const auto* back = std::get_if<round::SiteConnected>(&event)) masking_->Connected(back->site);
  masking_->Look();
}

bool RunDriver::Perform(const round::Effect& effect) {
  if (std::holds_alternative<round::Persist>(effect)) {
    journal::Change change = with_state_;
    // The state of now: it may already hold what later effects of the queue stand for, and then a
    // restart emits those again.
    change.Put("run/" + rounds_.manifest().run.str() + "/state", rounds_.Save(shop_.loop.Now()));
    NoteLeaving(change);
    CrashPoint("aggregator.before-persist");
    const bool kept = keeping_.Note(shop_.journal.Apply(change));
    if (kept) with_state_ = {};
    CrashPoint("aggregator.after-persist");
    return kept;
  }
  if (const auto* send = std::get_if<round::Send>(&effect)) {
    CrashPoint("aggregator.before-send", round::KindName(send->message));
    shop_.send(send->site, AsTold(send->site, send->message));
    CrashPoint("aggregator.after-send", round::KindName(send->message));
  } else if (const auto* append = std::get_if<round::Append>(&effect)) {
    Do(*append);
  } else if (const auto* decide = std::get_if<round::DecideAdmissions>(&effect)) {
    Do(*decide);
  } else if (const auto* verify = std::get_if<round::VerifySubmission>(&effect)) {
    Do(*verify);
  } else if (const auto* merge = std::get_if<round::StartMerge>(&effect)) {
    Do(*merge);
  } else if (const auto* timer = std::get_if<round::SetTimer>(&effect)) {
    Do(*timer);
  } else if (const auto* announce = std::get_if<round::Announce>(&effect)) {
    view_.Take(announce->notice, shop_.loop.Now());
    if (announce->notice.kind == round::NoticeKind::kEnded) TellEnd();
  } else if (const auto* remove = std::get_if<round::RemoveBlobs>(&effect)) {
    CrashPoint("aggregator.before-remove");
    RemoveSoon(*remove);
  }
  return true;
}

void RunDriver::TellEnd() { shop_.ended(rounds_.manifest().run, rounds_.reason()); }

void RunDriver::KeepFilesReady(size_t cohort) {
  shop_.loop.At(shop_.loop.Now() + kReadyAfter, [this, alive = alive_, cohort] {
    if (!*alive || rounds_.phase() != round::RunPhase::kCollecting) return;
    (void)shop_.workers.Run(
        [base = rounds_.base(), manifest = rounds_.manifest(), cohort, &store = shop_.store,
         scratch = shop_.scratch] { KeepReadyForRound(base, manifest, cohort, store, scratch); });
  });
}

void RunDriver::Do(const round::Append& effect) {
  CrashPoint("aggregator.before-append", KindOf(effect));
  if (const auto* opened = std::get_if<round::RecordOpened>(&effect.record)) {
    KeepFilesReady(opened->cohort.size());
  }
  auto answer = [this, alive = alive_, kind = KindOf(effect)](round::Event event) {
    CrashPoint("aggregator.after-append", kind);
    if (!*alive) return;
    auto* refused = std::get_if<round::AppendRefused>(&event);
    const bool over = refused != nullptr && kind == "opened" &&
                      refused->reason == CodeWord(ErrorCode::kFailedPrecondition);
    if (over) {
      shop_.say(rounds_.at().Text() +
                ": not opened: what was admitted would not be now; asked again");
      refused->reason = round::kAdmissionOver;
    }
    const auto* appended = std::get_if<round::Appended>(&event);
    if (kind == "submission" && appended != nullptr && IsVoid(*appended)) {
      return Feed(round::AppendRefused{appended->key, "void"});
    }
    const bool proposed = kind == "proposed" && std::holds_alternative<round::Appended>(event);
    const bool ended = rounds_.phase() == round::RunPhase::kEnded;
    if (proposed && ended) return TellEnd();  // taken back while it was being recorded
    if (proposed) return Approve(event);
    Feed(event);
    if (kind == "closed") coalitions_.Say();
  };
  if (const auto* opened = std::get_if<round::RecordOpened>(&effect.record)) {
    return shop_.deliberation.OpenRound(*opened, effect.key, std::move(answer));
  }
  shop_.record.Append(effect, Describe(), std::move(answer));
}

void RunDriver::Approve(const round::Event& proposed) {
  auto approved = [this, alive = alive_, proposed](const Status& status) {
    if (!*alive) return;
    if (status) return Feed(proposed);
    if (status.error().code == ErrorCode::kPermissionDenied) {
      return Feed(round::AppendRefused{std::get<round::Appended>(proposed).key, "rejected"});
    }
    shop_.loop.At(shop_.loop.Now() + kDiskRetry, [this, alive, proposed] {
      if (*alive) Approve(proposed);
    });
  };
  shop_.deliberation.Approve(rounds_.manifest().run, approved);
}

void RunDriver::Do(const round::DecideAdmissions& effect) {
  CrashPoint("aggregator.before-admission");
  // Nothing is decided of a site that is set apart: its data is not asked for.
  round::DecideAdmissions question = effect;
  const auto apart = masking_ ? masking_->SetApart(effect.candidates) : std::vector<SiteId>();
  std::erase_if(question.candidates, [&apart](const round::Candidate& one) {
    return std::ranges::binary_search(apart, one.site);
  });
  for (const SiteId& site : apart) {
    shop_.say(effect.at.Text() + ": masking: " + site.str() +
              " is set apart: with the sums already released, one with it would show its part");
  }
  auto answer = [this, alive = alive_, apart](round::AdmissionsDecided decided) {
    if (!*alive) return;
    CrashPoint("aggregator.admitted");
    for (const SiteId& site : apart) decided.sites.push_back({site, {}, {}, true});
    Feed(decided);
  };
  auto wanted = [this, alive = alive_, at = effect.at] {
    return *alive && rounds_.phase() == round::RunPhase::kAdmitting && rounds_.at() == at;
  };
  shop_.admissions.Decide(question, std::move(wanted), std::move(answer));
}

void RunDriver::Do(const round::StartMerge& effect) {
  if (std::string reason = WhyNotMerged(effect); !reason.empty()) {
    shop_.loop.Post([this, alive = alive_, at = effect.at, reason = std::move(reason)] {
      if (*alive) Feed(round::MergeFailed{at, reason});
    });
    return;
  }
  summing_ = effect.contributions.size();
  if (masking_) return masking_->Sum(effect);
  auto work = [effect, manifest = rounds_.manifest(), parts = coalitions_.PartsOf(effect),
               &shop = shop_]() -> Result<Merging> {
    CrashPoint("aggregator.before-merge");
    Merging merged;
    DURE_ASSIGN(merged.whole, Merge(effect, manifest, shop.store, shop.scratch, shop.threads));
    DURE_ASSIGN(merged.parts,
                Coalitions::Make(parts, manifest, shop.store, shop.scratch, shop.threads));
    ReturnIdleMemory();
    return merged;
  };
  auto answer = [this, effect](const Result<Merging>& merged) {
    CrashPoint("aggregator.after-merge");
    if (merging_.Note(merged)) {
      TakeMerge(effect, *merged);
    } else if (merged.error().code == ErrorCode::kExhausted ||
               merged.error().code == ErrorCode::kUnavailable) {
      // The contributions are safe; the disk may have room again in a while.
      shop_.loop.At(shop_.loop.Now() + kDiskRetry, [this, alive = alive_, effect] {
        if (*alive) Do(effect);
      });
    } else {
      Feed(round::MergeFailed{effect.at, CodeWord(merged.error().code)});
    }
  };
  loop::RunFor(alive_, shop_.loop, shop_.workers, work, answer);
}

void RunDriver::TakeMerge(const round::StartMerge& effect, const Merging& merged) {
  with_state_.Put(ModelKey(merged.whole.next.model), {});
  for (const ledger::Coalition& one : merged.parts.coalitions) {
    with_state_.Put(ModelKey(one.model), {});
  }
  coalitions_.Keep(with_state_, effect.at, merged.parts);
  // Of one contribution the sum is the contribution itself, which another life may merge again.
  round::RemoveBlobs gone;
  const round::Base& next = merged.whole.next;
  for (const Digest& digest : merged.parts.leftovers) {
    const auto is_it = [&](const round::Contribution& one) { return one.blob == digest; };
    const bool stays = std::ranges::any_of(effect.contributions, is_it) ||
                       digest == merged.whole.aggregate || digest == next.momentum ||
                       digest == next.scales;
    if (!stays) gone.blobs.push_back(digest);
  }
  Conclude({effect.at, merged.whole.aggregate, next, {}, merged.whole.shares});
  Do(gone);
}

void RunDriver::Do(const round::SetTimer& effect) {
  const uint64_t timer = ++timer_;
  shop_.loop.At(effect.at, [this, alive = alive_, timer] {
    if (*alive && timer == timer_) Feed(round::Timer{});
  });
}

std::string RunDriver::ModelKey(const Digest& model) const {
  return "run/" + rounds_.manifest().run.str() + "/model/" + model.Hex();
}

ledger::RunProposed RunDriver::Describe() const {
  const round::RunManifest& manifest = rounds_.manifest();
  std::map<std::string, std::string> fields = standing::FieldsOf(manifest);
  fields.emplace("parameters", std::to_string(parameter_count_));
  if (protection_) fields.merge(protection_->Fields());
  return {{}, {}, std::move(fields), invited_, standing::BoundsOf(manifest)};
}

}  // namespace dure::aggregator
