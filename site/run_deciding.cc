// Whether a run's next round is for this site: its own rules, the record, its files and its data.
#include "federation/error_code.h"
#include "model/text/tokenizer.h"
#include "policy/safeguard/safeguard.h"
#include "policy/standing/admission.h"
#include "site/data_text.h"
#include "site/run_desk.h"
#include "site/run_desk_work.h"
#include "site/trainer_files.h"
#include "site/update_work.h"

namespace dure::site {
namespace {

constexpr std::chrono::milliseconds kOfferRetry{50};  // until the loan is on record

}  // namespace

void RunDesk::Do(const round::DecideLocally& effect) {
  manifest_ = effect.manifest;
  (void)shop_.journal.Apply(journal::Change().Put(Key("manifest"), manifest_.Canonical()));
  const std::string objection = Objection(shop_.rules, effect.manifest, effect.plan.at.round, 0);
  if (!objection.empty()) return Object(effect.plan.at, objection);
  if (manifest_.masked() && masking_.lost()) return Object(effect.plan.at, std::string(kLost));
  CheckRecord(effect);
}

Status WriteRunFiles(const Workshop& shop, const RunFolder& folder,
                     const round::RunManifest& manifest) {
  folder.MakeReady();
  DURE_TRY(WriteWhole(folder.config(), AsBytes(manifest.model_config)));
  if (manifest.tokenizer.IsZero()) {
    return WriteWhole(folder.tokenizer(), AsBytes(text::Tokenizer::Bytes().json()));
  }
  if (!shop.store.Has(manifest.tokenizer)) {
    DURE_TRY(shop.data.Download(manifest.tokenizer, shop.store, shop.stop));
  }
  DURE_ASSIGN(const auto reader, shop.store.Open(manifest.tokenizer));
  return WriteWhole(folder.tokenizer(), reader->bytes());
}

void RunDesk::PrepareFiles(const round::DecideLocally& effect) {
  auto work = [this, effect, recorded = recorded_epsilon_]() -> Status {
    if (effect.manifest.privacy.any()) {
      DURE_TRY(safeguard::CheckRecorded(effect.manifest, recorded));
    }
    return WriteRunFiles(shop_, folder_, effect.manifest);
  };
  Run(shop_.transfers, work, [this, effect](Status ready) {
    if (ready) {
      PrepareData(effect);
      return;
    }
    shop_.say(effect.plan.at.Text() + ": not ready: " + ready.error().message);
    if (ready.error().code == ErrorCode::kUnavailable) {
      shop_.loop.At(shop_.loop.Now() + std::chrono::seconds(2), [this, alive = alive_, effect] {
        if (*alive && participation_.phase() == round::SitePhase::kDeciding) PrepareFiles(effect);
      });
      return;
    }
    Feed(round::Decided{effect.plan.at, false, CodeWord(ready.error().code), {}});
  });
}

// What the site's own policy says to this use of its data, as a code; the sentences are for its
// log.
std::string RunDesk::OwnObjection(const round::RoundAttempt& at,
                                  const round::OfferedDataset& offered) const {
  if (!shop_.rules.policy) return "";
  Result<std::vector<rules::Reason>> reasons = Fail(ErrorCode::kInternal, "not asked");
  shop_.scribe.WithStanding([&](const standing::Auditor& own) {
    const standing::AdmissionRequest request{{at.run, at.round, at.attempt},
                                             shop_.site,
                                             {offered.dataset, offered.version},
                                             rules::Instant::At(shop_.loop.WallNow())};
    reasons = standing::ObjectionsOf(*shop_.rules.policy, own.standing(), request);
  });
  if (!reasons) {
    shop_.say(at.Text() + ": the own policy cannot decide: " + reasons.error().message);
    return "own-policy";
  }
  for (const rules::Reason& reason : *reasons) {
    shop_.say(at.Text() + ": the own policy says no to " + offered.dataset.str() + ", " +
              reason.rule + ": " + reason.because.en);
  }
  return reasons->empty() ? "" : "own-policy";
}

void RunDesk::Offer(const round::RoundAttempt& at) {
  if (participation_.phase() != round::SitePhase::kDeciding) return;
  shop_.lending.LookAgain();
  if (shop_.lending.settled()) {
    const std::vector<round::OfferedDataset> offered = shop_.lending.offered();
    if (offered.empty()) return Feed(round::Decided{at, false, shop_.lending.objection(), {}});
    // The site's own policy may keep some of its data back, or all.
    std::vector<round::OfferedDataset> allowed;
    std::string own;
    for (const round::OfferedDataset& one : offered) {
      const std::string objection = KeepsBack(at, one) ? "not-permitted" : OwnObjection(at, one);
      if (objection.empty()) allowed.push_back(one);
      if (!objection.empty()) own = objection;
    }
    if (allowed.empty()) return Feed(round::Decided{at, false, own, {}});
    return ReservePrivacy(at, std::move(allowed));
  }
  shop_.loop.At(shop_.loop.Now() + kOfferRetry, [this, alive = alive_, at] {
    if (*alive) Offer(at);
  });
}

void RunDesk::PrepareData(const round::DecideLocally& effect) {
  if (effect.plan.at != participation_.at()) return;  // files that came after the next attempt
  seat::PrepareTask task;
  task.tokenizer_path = folder_.tokenizer().string();
  task.data = shop_.lending.Everything();
  task.work_dir = WorkFolderFor(shop_.dir, task.data).string();
  task.config_path = folder_.config().string();
  task.zero = shop_.zero;
  task.record_clip = effect.manifest.privacy.record_clip;
  // The next attempt asks for the same while this is under way: then it is that one's.
  preparing_at_ = effect.plan.at;
  if (preparing_task_ != 0 && task == preparing_) return;
  if (preparing_task_ != 0) shop_.trainer.Cancel(preparing_task_, false);
  preparing_ = task;
  Reach reach = ReachOf(task.data, folder_.given(), task.work_dir);
  preparing_task_ = shop_.trainer.Submit(
      std::move(task), std::move(reach),
      {{}, [this, alive = alive_, turn = ++preparing_turn_](const Result<Answer>& answer) {
         if (!*alive || turn != preparing_turn_) return;
         preparing_task_ = 0;
         Prepared(preparing_at_, answer);
       }});
}

void RunDesk::Prepared(const round::RoundAttempt& at, const Result<Answer>& answer) {
  if (!answer) return DeclineUnprepared(at, answer.error());
  const auto* prepared = std::get_if<seat::PreparedEvent>(&*answer);
  if (prepared != nullptr && !data_told_) shop_.say(at.Text() + ": " + DataText(*prepared));
  data_told_ = data_told_ || prepared != nullptr;
  const bool enough = prepared != nullptr && prepared->train_tokens > 1;
  if (!enough) return Feed(round::Decided{at, false, "no-tokens", {}});
  if (!CodeIsApproved(manifest_, shop_.trainer.code())) {
    shop_.say(at.Text() + ": the run approves other trainers than " + shop_.trainer.code().Hex());
    return Feed(round::Decided{at, false, "code-not-approved", {}});
  }
  Offer(at);
}

void RunDesk::DeclineUnprepared(const round::RoundAttempt& at, const Error& error) {
  // The trainer is not there, or cannot do what is asked of it.
  const bool of_trainer =
      shop_.trainer.lacks_trainer() || error.code == ErrorCode::kFailedPrecondition;
  shop_.say(at.Text() + ": declined, " + (of_trainer ? "" : "the data cannot be used: ") +
            error.message);
  Feed(round::Decided{at, false, (of_trainer ? "trainer-" : "data-") + CodeWord(error.code), {}});
}

}  // namespace dure::site
