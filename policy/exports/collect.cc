#include "policy/exports/collect.h"

#include <algorithm>
#include <charconv>

#include "policy/ledger/merkle.h"
#include "policy/lineage/lineage.h"
#include "policy/rules/decision.h"
#include "policy/standing/standing.h"

namespace dure::exports {
namespace {

constexpr size_t kPageBytes = 4 * 1024 * 1024;

std::optional<terms::Instant> TimeOf(const std::string& text) {
  return terms::ParseInstant(text, terms::DayPart::kFirstSecond);
}

// A decision's entry, kept until it is known whether it concerns the model.
struct Decided {
  uint64_t index = 0;
  ledger::Event event;
};

class Collector {
 public:
  Collector(const ledger::LogReader& log, terms::Language language)
      : log_(log), language_(language) {}

  Status Read(uint64_t as_of) {
    if (as_of > log_.Head().head.size) {
      return Fail(ErrorCode::kInvalid, "this copy has " + std::to_string(log_.Head().head.size) +
                                           " entries, not " + std::to_string(as_of));
    }
    while (standing_.size() < as_of) {
      DURE_ASSIGN(const auto page, log_.Read(standing_.size(), as_of, kPageBytes));
      for (const Bytes& bytes : page) {
        const auto entry = ledger::ParseEntry(bytes);
        if (!entry) {
          return Within(entry.error(), "reading entry " + std::to_string(standing_.size()));
        }
        Take(*entry);
      }
    }
    return {};
  }

  Result<Dossier> Make(const Digest& model) {
    DURE_ASSIGN(story_, lineage::LineageOf(State(), model));
    Dossier dossier;
    dossier.federation = log_.log_key().name;
    dossier.as_of = standing_.size();
    dossier.root = tree_.Root();
    dossier.log_key = log_.log_key().Vkey();
    dossier.made_at = latest_;
    dossier.model = ModelOf();
    AddMembers(dossier);
    DURE_TRY(AddDatasets(dossier));
    for (const lineage::RoundStory& round : story_.rounds) dossier.rounds.push_back(RoundOf(round));
    for (const standing::Evaluation& one : story_.evaluations) {
      dossier.evaluations.push_back(EvaluationOf(one));
    }
    DURE_TRY(AddDecisions(dossier));
    AddPolicies(dossier);
    dossier.allowed = story_.terms;
    return dossier;
  }

 private:
  const standing::State& State() const { return standing_.state(); }
  Place At(uint64_t index) const { return {index, tree_.Leaf(index)}; }

  void Take(const ledger::OpenedEntry& entry) {
    const uint64_t index = standing_.size();
    times_.push_back(TimeOf(entry.record.occurred_at));
    if (times_.back()) latest_ = std::max(latest_, *times_.back());
    tree_.Append(entry.leaf);
    const ledger::Event& event = entry.record.event;
    const bool decides = std::holds_alternative<ledger::AdmissionDecided>(event) ||
                         std::holds_alternative<ledger::EvaluationDecided>(event) ||
                         std::holds_alternative<ledger::GrantDecided>(event);
    if (decides) decided_.push_back({index, event});
    if (const auto* said = std::get_if<ledger::MemberDescribed>(&event)) {
      described_.try_emplace(said->member.str(), index);
    }
    (void)standing_.Take(entry);
    // A text that is in force from here on is the one of this entry, whoever proposed it.
    for (const auto& [digest, text] : State().texts) texts_.try_emplace(digest, index);
  }

  Evaluation EvaluationOf(const standing::Evaluation& one) const {
    const ledger::EvaluationReported& said = one.reported;
    Evaluation made{.model = said.model,
                    .site = said.site.str(),
                    .nll = said.nll,
                    .bytes = said.bytes,
                    .tokens = said.tokens,
                    .at = times_[one.index],
                    .place = At(one.index)};
    if (!said.on) return made;
    for (const ledger::DatasetUsed& used : said.on->datasets) {
      const std::string name = used.what.dataset.str();
      made.datasets.push_back({name, used.what.version});
      if (State().datasets.at(used.what.dataset).withdrawn) made.withdrawn.insert(name);
    }
    if (said.on->sequences > 0) made.sequences = said.on->sequences;
    made.code = said.on->code;
    if (!said.on->interval) return made;
    made.interval = {said.on->interval->low, said.on->interval->high};
    made.draws = said.on->interval->draws;
    made.seed = said.on->interval->seed;
    return made;
  }

  Model ModelOf() const {
    Model model;
    model.digest = story_.model;
    const RunId run = story_.rounds.back().at.run;
    model.name = run.str();
    model.provider = log_.log_key().name.substr(0, log_.log_key().name.find('/'));
    const auto known = State().runs.find(run);
    if (known == State().runs.end()) return model;
    for (const auto& [key, value] : known->second.fields) {
      if (key == "purpose") {
        model.purpose = value;
      } else if (key == "riskClass") {
        model.high_impact = value == "high-impact";
      } else if (key == "parameters") {
        uint64_t count = 0;
        const char* end = value.data() + value.size();
        const auto read = std::from_chars(value.data(), end, count);
        if (read.ec == std::errc() && read.ptr == end) model.parameters = count;
      } else if (key == "tokenizer") {
        const auto digest = Digest::FromHex(value);
        if (digest) model.tokenizer = *digest;
      } else if (key == "architecture") {
        model.architecture = value;
      } else if (key == "task") {
        model.task = value;
        model.generative = value == "text-generation";
      } else if (!value.empty()) {
        model.hyperparameters[key] = value;
      }
    }
    return model;
  }

  void AddMembers(Dossier& dossier) const {
    for (const MemberId& id : story_.members) {
      Member member{id.str(), std::nullopt, std::nullopt, {}};
      const auto known = State().members.find(id);
      if (known != State().members.end() && known->second.described) {
        member.house = std::string(ledger::Name(known->second.house));
        member.country = known->second.country;
      }
      const auto at = described_.find(id.str());
      if (at != described_.end()) member.place = At(at->second);
      dossier.members.push_back(std::move(member));
    }
    std::map<std::string, std::string> sites;
    for (const lineage::RoundStory& round : story_.rounds) {
      for (const auto& one : round.contributed) sites[one.site.str()] = one.member.str();
    }
    for (const auto& [site, member] : sites) dossier.sites.push_back({site, member});
  }

  Status AddDatasets(Dossier& dossier) const {
    for (const lineage::DatasetStory& one : story_.datasets) {
      const auto known = State().datasets.find(one.what.dataset);
      if (known == State().datasets.end()) continue;
      const auto version = known->second.versions.find(one.what.version);
      if (version == known->second.versions.end()) continue;
      const standing::DatasetEntry& entry = version->second;
      Dataset dataset;
      // An older record may hold a passport that nobody looked at (policy/standing).
      const auto passport = terms::ParseCanonicalPassport(entry.passport);
      if (passport) {
        dataset.passport = *passport;
      } else {
        dataset.passport.rights_holder = "not-recorded";
      }
      dataset.passport.dataset = one.what.dataset.str();
      dataset.passport.custodian = known->second.custodian.str();
      dataset.passport.version = one.what.version;
      dataset.terms = entry.terms;
      dataset.site = entry.site.str();
      dataset.registered_at = times_[entry.index];
      dataset.place = At(entry.index);
      if (one.withdrawn) {
        dataset.withdrawal = At(*one.withdrawn);
        dataset.withdrawn_at = times_[*one.withdrawn];
      }
      dossier.datasets.push_back(std::move(dataset));
    }
    return {};
  }

  Round RoundOf(const lineage::RoundStory& story) const {
    Round round;
    round.run = story.at.run.str();
    round.number = story.at.round.value;
    round.attempt = story.at.attempt;
    round.base_model = story.base_model;
    round.model = story.model;
    round.opened_at = times_[story.opened];
    round.closed_at = times_[story.closed];
    for (const lineage::Contributed& one : story.contributed) {
      Contribution made{one.site.str(), {}, {}, {}, {}, {}, At(one.submission)};
      if (one.weight != 0) {  // else it is masked
        made.tokens = one.tokens;
        made.steps = one.steps;
        made.weight = one.weight;
      }
      if (one.accelerator_seconds != 0) made.accelerator_seconds = one.accelerator_seconds;
      for (const auto& what : one.datasets) {
        made.datasets.push_back({what.dataset.str(), what.version});
      }
      round.contributions.push_back(std::move(made));
    }
    for (const auto& out : story.left_out) round.excluded[out.site.str()] = out.reason;
    if (story.sums) {
      round.tokens = story.sums->tokens;
      round.steps = story.sums->steps;
    } else {
      round.tokens = round.steps = 0;
      for (const lineage::Contributed& one : story.contributed) {
        *round.tokens += one.tokens;
        *round.steps += one.steps;
      }
    }
    round.opened = At(story.opened);
    round.closed = At(story.closed);
    return round;
  }

  // Of the rounds behind the model, and of who asked to use it.
  std::optional<Decision> DecisionOf(const Decided& decided, std::string& json) const {
    Decision decision;
    decision.at = times_[decided.index];
    decision.place = At(decided.index);
    if (const auto* grant = std::get_if<ledger::GrantDecided>(&decided.event)) {
      if (grant->model != story_.model) return std::nullopt;
      decision.kind = ledger::Name(grant->kind);
      decision.subject = grant->grantee.str();
      decision.granted = grant->granted;
      decision.policy = grant->policies;
      decision.as_of = grant->as_of;
      json = grant->decision;
      return decision;
    }
    if (const auto* measuring = std::get_if<ledger::EvaluationDecided>(&decided.event)) {
      if (measuring->model != story_.model) return std::nullopt;
      decision.kind = "measuring";
      decision.subject = measuring->what.dataset.str() + " v" +
                         std::to_string(measuring->what.version) + " of " + measuring->site.str() +
                         " for " + measuring->run.str();
      decision.granted = measuring->admit;
      decision.policy = measuring->policies;
      decision.as_of = measuring->as_of;
      json = measuring->decision;
      return decision;
    }
    const auto& said = std::get<ledger::AdmissionDecided>(decided.event);
    const ledger::RoundAttempt at{said.run, said.round, said.attempt};
    const bool behind = std::ranges::any_of(
        story_.rounds, [&](const lineage::RoundStory& round) { return round.at == at; });
    if (!behind) return std::nullopt;
    decision.kind = "admission";
    decision.subject = said.what.dataset.str() + " v" + std::to_string(said.what.version) + " in " +
                       said.run.str() + " round " + std::to_string(said.round.value);
    decision.granted = said.admit;
    decision.policy = said.policies;
    decision.as_of = said.as_of;
    json = said.decision;
    return decision;
  }

  Status AddDecisions(Dossier& dossier) const {
    for (const Decided& one : decided_) {
      std::string json;
      std::optional<Decision> decision = DecisionOf(one, json);
      if (!decision) continue;
      DURE_ASSIGN(const rules::Decision recorded, rules::DecisionFromJson(json));
      for (const rules::Reason& reason : recorded.reasons) {
        const bool korean = language_ == terms::Language::kKorean;
        decision->reasons.push_back(reason.rule + ": " +
                                    (korean ? reason.because.ko : reason.because.en));
      }
      dossier.decisions.push_back(std::move(*decision));
    }
    return {};
  }

  // The texts that decisions of the dossier were made under.
  void AddPolicies(Dossier& dossier) const {
    std::vector<Digest> texts;
    for (const Decision& decision : dossier.decisions) {
      const auto edition = State().editions.find(decision.policy);
      if (edition == State().editions.end()) continue;
      texts.insert(texts.end(), edition->second.begin(), edition->second.end());
    }
    std::ranges::sort(texts);
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    for (const Digest& digest : texts) {
      Policy policy{digest, std::nullopt, std::nullopt, {}};
      if (const auto* document = standing_.Document(digest)) policy.name = document->policy.name.en;
      if (const auto at = texts_.find(digest); at != texts_.end()) {
        policy.place = At(at->second);
        policy.in_force_from = times_[at->second];
      }
      dossier.policies.push_back(std::move(policy));
    }
  }

  const ledger::LogReader& log_;
  terms::Language language_;
  standing::Standing standing_;
  ledger::MerkleTree tree_;
  std::vector<std::optional<terms::Instant>> times_;  // by entry
  terms::Instant latest_;
  std::vector<Decided> decided_;
  std::map<std::string, uint64_t> described_;  // member -> entry
  std::map<Digest, uint64_t> texts_;           // policy text -> entry that put it in force
  lineage::ModelLineage story_;
};

}  // namespace

Result<Dossier> Collect(const ledger::LogReader& log, uint64_t as_of, const Digest& model,
                        terms::Language reasons) {
  Collector collector(log, reasons);
  DURE_TRY(collector.Read(as_of));
  return collector.Make(model);
}

Digest DigestOf(const Export& made) {
  if (made.files.size() == 1) return Sha256(AsBytes(made.files.front().text));
  std::string lines;
  for (const File& file : made.files) {
    lines += Sha256(AsBytes(file.text)).Hex() + "  " + file.name + "\n";
  }
  return Sha256(AsBytes(lines));
}

}  // namespace dure::exports
