// dure grant: ask to use a model, agree to uses, see who may, take it back.
#include "cli/grant.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/consent_hint.h"
#include "cli/domicile.h"
#include "cli/find_model.h"
#include "cli/folders.h"
#include "cli/grant_text.h"
#include "cli/held_grants.h"
#include "cli/language.h"
#include "cli/newest_copy.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "federation/transport/json_fields.h"
#include "policy/rules/explain.h"
#include "policy/standing/behind.h"
#include "policy/standing/stops.h"
#include "policy/terms/instant.h"
#include "policy/terms/vocabulary.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

struct GrantOptions {
  std::string dir;
  GrantAsk ask;
  std::string dataset;
  std::string run;
  std::string grantee;
  bool standing = false;
  uint64_t entry = 0;
  std::string reason = "withdrawn";
};

std::string TextOf(const std::vector<rules::Reason>& reasons, bool korean) {
  std::string text;
  for (const rules::Reason& reason : reasons) {
    text += "\n  " + reason.rule + "  " + (korean ? reason.because.ko : reason.because.en);
  }
  return text;
}

std::vector<std::string> Purposes() {
  std::vector<std::string> words;
  for (size_t i = 0; i < terms::kWordCount<terms::Purpose>; ++i) {
    words.emplace_back(terms::Word(static_cast<terms::Purpose>(i)));
  }
  return words;
}

// As people name it; a whole digest is taken at its word, so that a folder without a copy may ask.
Result<Digest> ModelOf(const std::string& name, const std::string& dir, Context& context) {
  if (const auto model = Digest::FromHex(name)) return *model;
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  return FindModel(record->state(), name, context);
}

// A day is meant with its last second; one that is over would be refused, and recorded, for
// nothing.
Result<std::string> UntilOf(const std::string& said, const Context& context) {
  if (said.empty()) return said;
  const auto until = terms::ParseInstant(said, terms::DayPart::kLastSecond);
  if (!until) {
    return Fail(ErrorCode::kInvalid,
                Pick(context, "--until '" + said + "' is no day such as 2027-01-01",
                     "--until '" + said + "': 2027-01-01과 같은 날짜를 쓰십시오"));
  }
  if (until->seconds < rules::Instant::At(context.Now()).seconds) {
    return Fail(ErrorCode::kInvalid, Pick(context, "--until " + said + " is over already",
                                          "--until " + said + ": 이미 지난 때입니다"));
  }
  return terms::FormatInstant(*until);
}

std::map<std::string, DatasetOwner> OwnersIn(const standing::State& state) {
  std::map<std::string, DatasetOwner> owners;
  for (const auto& [id, dataset] : state.datasets) {
    owners[id.str()] = {dataset.custodian.str(), dataset.withdrawn.has_value()};
  }
  return owners;
}

// What whoever was refused can do; empty also where the folder holds no copy to know owners from.
std::string HintFor(const GrantAnswer& answer, const GrantAsk& ask, const std::string& dir,
                    Context& context) {
  const auto self = LoadSeat(dir, context.Now());
  const auto record = RecordCopy::Open(dir, context);
  if (!self || !record) return {};
  const std::string hint = ConsentHint(answer.decision, ask, self->member().str(),
                                       OwnersIn((*record)->state()), IsKorean(context));
  return hint.empty() ? "" : "\n" + hint;
}

Status Request(const GrantOptions& options, Context& context) {
  GrantAsk ask = options.ask;
  DURE_TRY(CheckCountry(ask.territory));
  DURE_ASSIGN(ask.until, UntilOf(ask.until, context));
  DURE_ASSIGN(const Digest model, ModelOf(ask.model, options.dir, context));
  ask.model = model.Hex();
  DURE_ASSIGN(const auto desk, OperatorDesk::Open(options.dir, context.Now()));
  DURE_ASSIGN(const GrantAnswer answer, AskGrant(desk, ask));
  if (context.json()) {
    context.PrintJson(
        ordered_json{{"entry", answer.entry},
                     {"granted", answer.granted},
                     {"decision", ordered_json::parse(rules::ToJson(answer.decision))}}
            .dump());
  } else {
    const bool korean = IsKorean(context);
    const auto language = korean ? rules::Language::kKorean : rules::Language::kEnglish;
    const std::string entry = std::to_string(answer.entry);
    context.Print(Pick(korean, (answer.granted ? "Granted, entry " : "Refused, entry ") + entry,
                       (answer.granted ? "허가, 항목 " : "거부, 항목 ") + entry) +
                  ".\n" +
                  rules::ExplainDecision(answer.decision, rules::ConsortiumSchema(), language));
  }
  if (answer.granted) return {};
  const std::string entry = std::to_string(answer.entry);
  return Fail(ErrorCode::kPermissionDenied,
              Pick(IsKorean(context), "the request is refused (entry " + entry + ")",
                   "요청이 거부되었습니다(항목 " + entry + ")") +
                  HintFor(answer, ask, options.dir, context));
}

// A yes to nobody, or to no run, would stand in the record for good and help nobody.
Status KnowsWhom(const standing::State& state, const ledger::ConsentGiven& event,
                 const Context& context) {
  if (!event.run.empty() && !state.runs.contains(event.run)) {
    return Fail(NoSuchRun(event.run.str(), context));
  }
  const MemberId& whom = event.grantee;
  if (whom.empty() || state.members.contains(whom)) return {};
  std::string members;
  for (const auto& [id, member] : state.members) {
    members += (members.empty() ? "" : ", ") + id.str();
  }
  return Fail(
      ErrorCode::kNotFound,
      Pick(context, "no member \"" + whom.str() + "\" is in the record; there are " + members,
           "기록에 \"" + whom.str() + "\"라는 회원이 없습니다. 회원: " + members));
}

Status Consent(const GrantOptions& options, Context& context) {
  ledger::ConsentGiven event;
  DURE_ASSIGN(event.dataset, DatasetId::Parse(options.dataset));
  if (options.run.empty()) {
    DURE_ASSIGN(event.kind, ledger::ParseUseKind(options.ask.kind));
    event.purpose = options.ask.purpose;
    event.standing = options.standing;
    if (!options.grantee.empty()) {
      DURE_ASSIGN(event.grantee, MemberId::Parse(options.grantee));
    } else if (!options.standing) {
      return Fail(ErrorCode::kInvalid,
                  Pick(context,
                       "whose use is it? --to MEMBER agrees to one use by that member; "
                       "--standing agrees for good, with --to for that member alone",
                       "누구의 이용에 동의합니까? --to 회원은 그 회원의 이용 한 번에, --standing은 "
                       "계속해서 동의합니다(--to와 함께 쓰면 그 회원에게만)"));
    }
    if (!options.ask.model.empty()) {
      DURE_ASSIGN(event.model, ModelOf(options.ask.model, options.dir, context));
    }
  } else if (options.standing || !options.grantee.empty()) {
    return Fail(ErrorCode::kInvalid,
                Pick(context, "--to and --standing are about uses of models, not about a run",
                     "--to와 --standing은 학습이 아니라 모델의 이용에 쓰입니다"));
  } else {
    DURE_ASSIGN(event.run, RunId::Parse(options.run));
  }
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, identity::Roles{identity::Role::kOfficer}, context));
  DURE_TRY(desk.clerk->Follow());
  Status known;
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    const standing::State& state = own.standing().state();
    known = HasDataset(state, event.dataset, context);
    if (known) known = KnowsWhom(state, event, context);
  });
  DURE_TRY(known);
  return Record(desk, event,
                Pick(context, "Agreed for " + options.dataset,
                     "데이터셋 " + options.dataset + "의 이용에 동의했습니다"),
                context);
}

bool IsOver(const ledger::GrantDecided& e, rules::Instant now) {
  const auto until = rules::Instant::Parse(e.until);
  return until && *until < now;
}

// The reasons for which a grant that stands may not be used now.
Result<std::vector<rules::Reason>> StopsNow(const RecordCopy& record, const standing::Grant& grant,
                                            rules::Instant now) {
  if (!grant.decided.granted || grant.revoked) return std::vector<rules::Reason>{};
  return standing::StopsOf(record.auditor().standing(), grant.decided, now);
}

Status List(const std::string& dir, Context& context) {
  const bool korean = IsKorean(context);
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  const rules::Instant now = rules::Instant::At(context.Now());
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [index, grant] : record->state().grants) {
    const ledger::GrantDecided& e = grant.decided;
    const auto ended = standing::EndedBy(record->state(), e.model, now);
    DURE_ASSIGN(const auto stops, StopsNow(*record, grant, now));
    const std::string status = !e.granted       ? "refused"
                               : grant.revoked  ? "revoked"
                               : ended          ? "ended"
                               : IsOver(e, now) ? "expired"
                               : !stops.empty() ? "stopped"
                                                : "granted";
    const auto end = standing::EndOfGrants(record->state(), e.model);
    const bool stands = status == "granted" || status == "stopped";
    // One that is over by itself before is ended by nobody.
    const bool ends = end && (status == "ended" || (stands && !IsOver(e, end->at)));
    ordered_json stopped = ordered_json::array();
    for (const rules::Reason& stop : stops) stopped.push_back(stop.rule);
    list.push_back({{"entry", index},
                    {"status", status},
                    {"kind", Name(e.kind)},
                    {"model", e.model.Hex()},
                    {"grantee", e.grantee.str()},
                    {"purpose", e.purpose},
                    {"territory", e.territory},
                    {"until", e.until},
                    {"withdrawal", status == "ended" ? ordered_json(*ended) : nullptr},
                    {"ends", ends ? ordered_json(end->at.ToText()) : nullptr},
                    {"stoppedBy", status == "stopped" ? stopped : ordered_json::array()}});
    text += GrantText(index, e, status, korean);
    if (ends) text += EndText(*end, status == "ended", korean);
    if (status == "stopped") text += TextOf(stops, korean).substr(1) + "\n";
  }
  context.Print(context.json()
                    ? ordered_json{{"grants", list}}.dump()
                    : (!text.empty() ? text
                                     : Pick(korean, "Nobody asked to use a model yet.",
                                            "아직 모델 이용을 요청한 기관이 없습니다.")));
  return {};
}

Error StoppedError(const HeldGrants::Stopped& stopped, const Context& context) {
  const std::string entry = std::to_string(stopped.grant);
  return {ErrorCode::kPermissionDenied,
          Pick(context,
               "the grant of entry " + entry +
                   " may not be used while a rule of the consortium stands against it:",
               "항목 " + entry + "의 이용 허가는 컨소시엄 규칙이 막고 있어 지금 쓸 수 없습니다.") +
              TextOf(stopped.rules, IsKorean(context))};
}

Status Revoke(const GrantOptions& options, Context& context) {
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, identity::Roles{identity::Role::kOfficer}, context));
  const ledger::GrantRevoked event{options.entry, options.reason};
  const std::string entry = std::to_string(options.entry);
  return Record(desk, event,
                Pick(context, "Revoked the grant of entry " + entry,
                     "항목 " + entry + "의 이용 허가를 취소했습니다"),
                context);
}

}  // namespace

Result<GrantAnswer> AskGrant(const OperatorDesk& desk, const GrantAsk& ask) {
  const nlohmann::json request = {{"kind", ask.kind},
                                  {"model", ask.model},
                                  {"purpose", ask.purpose},
                                  {"territory", ask.territory},
                                  {"until", ask.until}};
  DURE_ASSIGN(const std::string answer, desk.Ask("grant.request", transport::JsonLine(request)));
  DURE_ASSIGN(const nlohmann::json said,
              transport::ParseJsonObject(answer, "the aggregator's answer"));
  GrantAnswer given;
  given.granted = transport::FlagField(said, "granted");
  given.entry = transport::CountField(said, "index");
  DURE_ASSIGN(given.decision, rules::DecisionFromJson(transport::TextField(said, "decision")));
  return given;
}

Status EnsureExport(const std::string& dir, const GrantAsk& ask, Context& context) {
  DURE_TRY(CheckCountry(ask.territory));
  DURE_TRY(AwaitNewestCopy(dir, context));
  DURE_ASSIGN(const identity::Identity self, LoadSeat(dir, context.Now()));
  const rules::Instant now = rules::Instant::At(context.Now());
  std::map<std::string, DatasetOwner> owners;
  {
    DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
    owners = OwnersIn(record->state());
    DURE_ASSIGN(const HeldGrants held,
                HeldExports(record->auditor().standing(), ask, self.member(), now));
    if (held.usable) return {};
    if (held.stopped) return Fail(StoppedError(*held.stopped, context));
    for (const auto& [index, withdrawal] : held.ended) {
      // It is asked anew, and the answer names the dataset.
      const std::string grant = std::to_string(index);
      const std::string ended = std::to_string(withdrawal);
      context.Say(Pick(
          context, "the grant of entry " + grant + " ended with the withdrawal of entry " + ended,
          "항목 " + grant + "의 이용 허가는 항목 " + ended + "의 철회로 끝났습니다"));
    }
  }
  DURE_ASSIGN(const auto desk, OperatorDesk::Open(dir, context.Now()));
  DURE_ASSIGN(const GrantAnswer answer, AskGrant(desk, ask));
  const bool korean = IsKorean(context) && !context.json();
  const std::string entry = std::to_string(answer.entry);
  const std::string purpose = ledger::Words(ask.purpose, ledger::Language::kKorean);
  if (answer.granted) {
    context.Say(
        Pick(korean,
             "taking it away for " + ask.purpose + " is granted, entry " + entry + " of the record",
             "모델을 내보내도록 허가되었습니다(목적 " + purpose + ", 항목 " + entry + ")"));
    return {};
  }
  const std::string hint = ConsentHint(answer.decision, ask, self.member().str(), owners, korean);
  return Fail(
      ErrorCode::kPermissionDenied,
      Pick(korean,
           "this model may not be taken away for " + ask.purpose + " (entry " + entry + "):",
           "이 모델은 내보낼 수 없습니다(목적 " + purpose + ", 항목 " + entry + ").") +
          TextOf(answer.decision.reasons, korean) + (hint.empty() ? "" : "\n" + hint));
}

void AddGrantCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "grant", "ask to use a model, agree to uses, take it back");
  auto options = std::make_shared<GrantOptions>();
  Command request =
      AddVerb(noun, "request", "ask to export or serve a model; the answer is recorded",
              "dure grant request --model first --dir /srv/desk\n"
              "dure grant request --kind serve --purpose commercial-service --model 4c0ce92c76 "
              "--dir /srv/desk");
  request
      .Add("--model", options->ask.model,
           "its digest, the first digits of it, or a run for its newest")
      .Required();
  request.Add("--kind", options->ask.kind, "export, serve or share")
      .OneOf({"export", "serve", "share"})
      .ShowDefault();
  request.Add("--purpose", options->ask.purpose, "for what").OneOf(Purposes()).ShowDefault();
  request.Add("--territory", options->ask.territory, "where, ISO 3166").ShowDefault();
  request.Add("--until", options->ask.until, "until when: 2027-01-01, or 2027-01-01T00:00:00Z");
  AddLanguage(request, context);
  request.Add("--dir", options->dir, "the folder of whoever asks").Required();
  context.Do(request, [options, &context] { return Request(*options, context); });

  Command consent =
      AddVerb(noun, "consent", "say yes where your terms ask for it",
              "dure grant consent reviews --kind export --purpose benchmark --to kt --dir .\n"
              "dure grant consent reviews --kind serve --purpose benchmark --standing --dir .\n"
              "dure grant consent reviews --run spring --dir /srv/desk");
  consent.Add("dataset", options->dataset, "your dataset").Required();
  consent.Add("--run", options->run, "to this run; otherwise to a use of models");
  consent.Add("--kind", options->ask.kind, "export, serve or share")
      .OneOf({"export", "serve", "share"})
      .ShowDefault();
  consent.Add("--purpose", options->ask.purpose, "for what").OneOf(Purposes()).ShowDefault();
  consent.Add("--model", options->ask.model,
              "of this model only (a digest, its first digits, or a run); any by default");
  consent.Add("--to", options->grantee, "by this member");
  consent.Flag("--standing", options->standing, "for good; otherwise for one grant");
  consent.Add("--dir", options->dir, "the officer's folder").Required();
  AddLanguage(consent, context);
  context.Do(consent, [options, &context] { return Consent(*options, context); });

  auto dir = std::make_shared<std::string>();
  Command list =
      AddVerb(noun, "list", "list what was granted and refused",
              "dure grant list --dir /srv/desk\ndure grant list --dir /srv/desk --lang ko");
  list.Add("--dir", *dir, "a folder with a copy of the record").Required();
  AddLanguage(list, context);
  context.Do(list, [dir, &context] { return List(*dir, context); });

  Command revoke = AddVerb(noun, "revoke", "take back a grant of a model with your data in it",
                           "dure grant revoke 97 --reason contract-end --dir /srv/desk");
  revoke.Add("entry", options->entry, "the grant-decided entry").Required();
  revoke.Add("--reason", options->reason, "a code").ShowDefault();
  revoke.Add("--dir", options->dir, "the officer's folder").Required();
  AddLanguage(revoke, context);
  context.Do(revoke, [options, &context] { return Revoke(*options, context); });
}

}  // namespace dure::cli
