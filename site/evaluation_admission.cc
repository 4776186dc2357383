// On which of the lent data a model may be measured: asked of the aggregator, checked here.
#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "policy/ledger/words.h"
#include "policy/standing/admission.h"
#include "policy/standing/measurable.h"
#include "site/evaluation_desk.h"
#include "site/evaluation_pace.h"

namespace dure::site {

using nlohmann::json;

namespace {

const std::string kNoData = "this site lends no data that may be evaluated on";

}  // namespace

// The site's own rules refuse to have this measured. Their sentences stay in its log.
bool EvaluationDesk::OwnRulesRefuse(const Request& request,
                                    const standing::MeasuringRequest& asked) const {
  if (!shop_.rules.policy) return false;
  Result<std::vector<rules::Reason>> reasons = Fail(ErrorCode::kInternal, "not asked");
  shop_.scribe.WithStanding([&](const standing::Auditor& record) {
    reasons = standing::ObjectionsOf(*shop_.rules.policy, record.standing(), asked);
  });
  const std::string said = "evaluation " + std::to_string(request.id) + ": the own policy ";
  if (!reasons) {
    shop_.say(said + "cannot decide: " + reasons.error().message);
    return true;
  }
  for (const rules::Reason& reason : *reasons) {
    shop_.say(said + "says no to " + asked.what.dataset.str() + ", " + reason.rule + ": " +
              reason.because.en);
  }
  return !reasons->empty();
}

// Why the site's own rules forbid to measure on it, or what this copy of the record comes to. The
// numbers go on the record, so both must be allowed. Empty: nothing stands in the way.
std::string EvaluationDesk::WhyNot(const Request& request, const round::OfferedDataset& one,
                                   bool own_rules_only) const {
  const standing::MeasuringRequest asked{request.run,
                                         request.model,
                                         shop_.site,
                                         {one.dataset, one.version},
                                         rules::Instant::At(shop_.loop.WallNow())};
  const std::string not_on = "; " + one.dataset.str() + ": ";
  if (OwnRulesRefuse(request, asked))
    return not_on + ledger::WordsAndCode("own-policy", ledger::Language::kEnglish);
  if (own_rules_only) return {};
  Result<standing::Ruling> ruling = Fail(ErrorCode::kInternal, "not asked");
  shop_.scribe.WithStanding([&](const standing::Auditor& record) {
    ruling = standing::Decide(record.standing(), asked);
  });
  if (!ruling) return not_on + ruling.error().message;
  std::string why;
  if (ruling->allowed()) return why;
  for (const rules::Reason& reason : ruling->decision.reasons) {
    why += not_on + reason.rule + ": " + reason.because.en;
  }
  return why;
}

// Only a model that the record knows is fetched and measured, whoever asks: others could be made to
// tell by their figures what is in the text.
void EvaluationDesk::LookUp(const Request& request) {
  shop_.scribe.Sync([this, alive = alive_, request](const Status& synced) {
    if (!*alive) return;
    if (!synced) return AskAgain(request, synced.error(), &EvaluationDesk::LookUp);
    bool known = false;
    shop_.scribe.WithStanding([&](const standing::Auditor& record) {
      known = standing::IsMeasurable(record.standing().state(), request.run, request.model);
    });
    if (known) return Fetch(request);
    Refuse(request, Error{ErrorCode::kPermissionDenied,
                          standing::WhyNotMeasurable(request.run, request.model)});
  });
}

// What its own rules keep back is not asked for; the rest is decided on the record.
void EvaluationDesk::AskWhatMayBe(const Request& request) {
  std::vector<round::OfferedDataset> asked;
  std::string why;
  for (const round::OfferedDataset& one : shop_.lending.offered()) {
    const std::string not_this = WhyNot(request, one, request.decides);
    why += not_this;
    if (not_this.empty()) asked.push_back(one);
  }
  if (asked.empty()) return Refuse(request, Error{ErrorCode::kPermissionDenied, kNoData + why});
  if (!request.decides) return Evaluate(request, asked, {});
  json question = {{"id", request.id}, {"datasets", json::array()}};
  for (const round::OfferedDataset& one : asked) {
    question["datasets"].push_back({{"dataset", one.dataset.str()}, {"version", one.version}});
  }
  auto work = [dial = std::atomic_load(&dial_), text = question.dump()] {
    return transport::AdminLink(*dial).Call("evaluation.decide", text);
  };
  auto done = [this, alive = alive_, request, asked](const Result<std::string>& answer) {
    if (*alive) HearWhatMayBe(request, asked, answer);
  };
  if (Status queued = shop_.calls.RunThen(shop_.loop, work, done); !queued) {
    Refuse(request, queued.error());
  }
}

void EvaluationDesk::HearWhatMayBe(const Request& request,
                                   const std::vector<round::OfferedDataset>& asked,
                                   const Result<std::string>& answer) {
  if (!answer) return AskAgain(request, answer.error(), &EvaluationDesk::AskWhatMayBe);
  const auto decided = ParseMeasuringDecided(*answer);
  if (!decided) return Refuse(request, decided.error());
  if (!decided->known) return Done();
  std::vector<round::OfferedDataset> on;
  std::vector<ledger::DatasetUsed> used;
  std::string why;
  for (const MeasuringDecided::One& one : decided->decided) {
    const auto offered = std::ranges::find_if(asked, [&](const round::OfferedDataset& each) {
      return each.dataset == one.used.what.dataset && each.version == one.used.what.version;
    });
    if (offered == asked.end()) continue;
    if (one.admit) {
      on.push_back(*offered);
      used.push_back(one.used);
    } else {
      why += "; " + one.used.what.dataset.str() + ": " + one.reason;
    }
  }
  if (on.empty()) return Refuse(request, Error{ErrorCode::kPermissionDenied, kNoData + why});
  // Not a step before this copy has replayed what was decided.
  shop_.scribe.Sync([this, alive = alive_, request, on, used](const Status& synced) {
    if (!*alive) return;
    if (!synced) return AskAgain(request, synced.error(), &EvaluationDesk::AskWhatMayBe);
    for (const round::OfferedDataset& one : on) {
      const std::string not_this = WhyNot(request, one, /*own_rules_only=*/false);
      if (not_this.empty()) continue;
      return Refuse(request, Error{ErrorCode::kPermissionDenied, kNoData + not_this});
    }
    Evaluate(request, on, used);
  });
}

void EvaluationDesk::AskAgain(const Request& request, const Error& error, Step step) {
  if (!MayTryAgain(error, questions_)) return Refuse(request, error);
  if (questions_ == 0) {
    shop_.say("evaluation " + std::to_string(request.id) +
              ": not decided yet, and asked again: " + error.message);
  }
  shop_.loop.At(shop_.loop.Now() + PauseAfter(questions_++), [this, alive = alive_, request, step] {
    if (*alive) (this->*step)(request);
  });
}

}  // namespace dure::site
