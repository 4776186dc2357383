#include "policy/rules/decide.h"

#include <algorithm>

#include "policy/rules/evaluate.h"
#include "policy/rules/explain.h"
#include "policy/rules/format.h"
#include "policy/rules/sentence.h"

namespace dure::rules {
namespace {

constexpr size_t kReasonsUsual = 16;  // a refusal rarely has more

PolicyRef RefOf(const PolicyDocument& document) {
  return {document.policy.layer, document.policy.name.en, document.policy.version, document.digest};
}

std::string Written(const Fact& fact) {
  if (fact.presence == Presence::kUnknown) return "<unknown>";
  if (fact.presence == Presence::kAbsent) return "absent";
  return Cut(fact.value.ToText(), kWrittenBytesMax);
}

// A permit's own sentence says why it permits; where it did not, only its facts can say why not.
Sentence Lacking(const Rule& rule, const std::vector<FactSeen>& facts) {
  const auto all = [&](Language language) {
    std::string text;
    for (const FactSeen& fact : facts) {
      text += (text.empty() ? "" : "; ") + SayFact(fact, ReasonClass::kNothingPermits, language);
    }
    return text;
  };
  return {
      "Rule " + rule.id + " would permit it, but " + all(Language::kEnglish) + ".",
      "규칙 " + rule.id + "의 허용 조건이 충족되지 않았습니다. " + all(Language::kKorean) + "."};
}

class Judge {
 public:
  Judge(const Program& program, Action action, const Facts& facts)
      : program_(program), slots_(program, action, facts) {
    decision_.action = action;
  }

  Decision Run() {
    for (const CompiledRule& rule : program_.rules) {
      const Truth truth = Evaluate(program_, slots_, rule.root);
      if (Takes(rule.rule->effect, truth)) Take(rule, truth);
    }
    if (!against_.empty() || permits_.empty()) return Denied();
    decision_.outcome = Outcome::kAdmit;
    for (const CompiledRule* permit : permits_) {
      decision_.permissions.push_back(
          {permit->rule->id, RefOf(*permit->document), BecauseOf(*permit)});
    }
    for (const CompiledRule* oblige : obliges_) Owe(*oblige);
    return std::move(decision_);
  }

 private:
  struct Against {
    const CompiledRule* rule;
    ReasonClass reason_class;
  };
  struct WrittenFact {
    uint32_t slot;
    std::string text;
  };

  void Take(const CompiledRule& rule, Truth truth) {
    switch (rule.rule->effect) {
      case Effect::kPermit:
        permits_.push_back(&rule);
        return;
      case Effect::kOblige:
        obliges_.push_back(&rule);
        return;
      case Effect::kForbid:
      case Effect::kRequire:
        break;
    }
    const ReasonClass by_effect = rule.rule->effect == Effect::kForbid
                                      ? ReasonClass::kForbidden
                                      : ReasonClass::kRequirementNotMet;
    if (against_.empty()) against_.reserve(kReasonsUsual);
    against_.push_back({&rule, truth == Truth::kUnknown ? ReasonClass::kUnknownFact : by_effect});
  }

  // A rule's own sentence in both languages; its title or its facts where it has none.
  Sentence BecauseOf(const CompiledRule& compiled) {
    const Rule& rule = *compiled.rule;
    Sentence sentence;
    if (!rule.because.en.empty()) {
      sentence.en = Filled(compiled.because_en, Language::kEnglish);
    } else {
      sentence.en = rule.title.en.empty() ? Format(rule.condition) : rule.title.en;
    }
    if (!rule.because.ko.empty()) {
      sentence.ko = Filled(compiled.because_ko, Language::kKorean);
    } else {
      sentence.ko = rule.title.ko.empty() ? sentence.en : rule.title.ko;
    }
    return sentence;
  }

  // Good until the next.
  const std::string& Filled(const SentencePieces& pieces, Language language) {
    Fill(pieces, slots_.all(), decision_.action, language, sentence_);
    return sentence_;
  }

  // The same fact stands behind many reasons. Good until the next.
  const std::string& WrittenAt(uint32_t slot) {
    const auto before = std::ranges::find(written_, slot, &WrittenFact::slot);
    if (before != written_.end()) return before->text;
    return written_.emplace_back(WrittenFact{slot, Written(slots_.At(slot))}).text;
  }

  void Describe(const Seen& seen, FactSeen& fact) {
    const Atom& atom = *seen.node->atom;
    fact.path = atom.path;
    fact.op = Name(atom.op);
    fact.actual = WrittenAt(seen.node->left);
    if (seen.node->right != Node::kLiteral) {
      fact.expected = WrittenAt(seen.node->right);
      fact.expected_path = atom.right.path;
    } else if (HasRightSide(atom.op)) {
      fact.expected = program_.literals[seen.node->literal];
    }
    if (seen.truth != Truth::kUnknown) fact.holds = seen.truth == Truth::kTrue;
  }

  Reason& AddReason(const CompiledRule& rule, ReasonClass reason_class) {
    Reason& reason = decision_.reasons.emplace_back();
    reason.rule = rule.rule->id;
    reason.policy = RefOf(*rule.document);
    reason.reason_class = reason_class;
    WhyIs(program_, slots_, rule.root, seen_);
    reason.facts.resize(seen_.size());
    for (size_t i = 0; i < seen_.size(); ++i) Describe(seen_[i], reason.facts[i]);
    reason.basis = rule.rule->basis;
    return reason;
  }

  void Owe(const CompiledRule& oblige) {
    for (const CompiledDuty& compiled : oblige.duties) {
      const Duty& duty = *compiled.duty;
      Obligation owed;
      owed.rule = oblige.rule->id;
      owed.policy = RefOf(*oblige.document);
      owed.kind = duty.kind;
      owed.text.en = Filled(compiled.en, Language::kEnglish);
      owed.text.ko = duty.text.ko.empty() ? owed.text.en : Filled(compiled.ko, Language::kKorean);
      owed.limit = duty.limit;
      owed.count = duty.count;
      owed.unit = duty.unit;
      owed.basis = oblige.rule->basis;
      decision_.obligations.push_back(std::move(owed));
    }
  }

  Decision Denied() {
    decision_.reasons.reserve(against_.size());
    for (const Against& against : against_) {
      Reason& reason = AddReason(*against.rule, against.reason_class);
      reason.because = BecauseOf(*against.rule);
    }
    if (!decision_.reasons.empty()) return std::move(decision_);
    for (const CompiledRule& rule : program_.rules) {
      if (rule.rule->effect != Effect::kPermit) continue;
      Reason& reason = AddReason(rule, ReasonClass::kNothingPermits);
      reason.because = Lacking(*rule.rule, reason.facts);
    }
    if (decision_.reasons.empty()) decision_.reasons.push_back(NoPermit());
    return std::move(decision_);
  }

  Reason NoPermit() const {
    const std::string action(Name(decision_.action));
    Reason reason;
    reason.rule = "no-permit";
    reason.reason_class = ReasonClass::kNothingPermits;
    reason.facts.push_back({"request.action", "is one of", "{}", "", action, false});
    reason.because.en = "No rule of the policies in force permits " + action + ".";
    reason.because.ko = "시행 중인 정책에 " + WithParticle(KoreanName(decision_.action), "을(를)") +
                        " 허용하는 규칙이 없습니다.";
    return reason;
  }

  const Program& program_;
  const Slots slots_;
  std::vector<const CompiledRule*> permits_;
  std::vector<const CompiledRule*> obliges_;
  std::vector<Against> against_;  // what refuses it: all of it, before its reasons are written
  std::vector<Seen> seen_;        // of the reason being written
  std::vector<WrittenFact> written_;
  std::string sentence_;  // being filled
  Decision decision_;
};

}  // namespace

Decision Decide(const PolicySet& policies, Action action, const Facts& facts) {
  return Judge(policies.For(action), action, facts).Run();
}

std::optional<Outcome> OutcomeBy(const PolicySet& policies, Action action,
                                 std::span<const Facts* const> facts) {
  const Program& program = policies.For(action);
  const Slots slots(program, action, facts);
  const auto is_known = [&](uint32_t slot) {
    return slot == Node::kLiteral || slots.At(slot).presence != Presence::kUnknown;
  };
  for (const Node& node : program.nodes) {
    const bool compares = node.form == Condition::Form::kAtom;
    if (compares && !(is_known(node.left) && is_known(node.right))) return std::nullopt;
  }
  bool permits = false;
  for (const CompiledRule& rule : program.rules) {
    const Effect effect = rule.rule->effect;
    if (effect == Effect::kOblige || !Takes(effect, Evaluate(program, slots, rule.root))) continue;
    if (effect != Effect::kPermit) return Outcome::kDeny;
    permits = true;
  }
  return permits ? Outcome::kAdmit : Outcome::kDeny;
}

}  // namespace dure::rules
