#include "policy/rules/explain.h"

namespace dure::rules {
namespace {

bool IsKorean(Language language) { return language == Language::kKorean; }

std::string NameOf(std::string_view path, const Schema& schema, Language language) {
  const Attribute* attribute = schema.Find(path);
  if (attribute == nullptr) return std::string(path);
  return IsKorean(language) ? attribute->name_ko : "the " + attribute->name_en;
}

std::string RightText(const Atom& atom, const Schema& schema, Language language) {
  if (!atom.right.path.empty()) return NameOf(atom.right.path, schema, language);
  return Shown({Presence::kKnown, atom.right.value}, language, schema.Find(atom.path));
}

// A written value, such as {research-only, open}, in words.
std::string InWords(const std::string& written, const Attribute* attribute, Language language) {
  const bool korean = IsKorean(language);
  if (written == "{}") return korean ? "없음" : "none";
  if (written == "absent") return std::string(NoneOf(attribute, language));
  if (written == "<unknown>") return std::string(NotRecorded(language));
  if (attribute == nullptr || attribute->words.empty()) return written;
  const bool set = written.starts_with('{') && written.ends_with('}');
  std::string_view rest(written);
  if (set) rest = rest.substr(1, rest.size() - 2);
  std::string text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(", "), rest.size());
    const std::string_view code = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    const PlainWord* word = attribute->WordOf(code);
    text += text.empty() ? "" : ", ";
    text += word == nullptr ? code : std::string_view(korean ? word->ko : word->en);
  }
  return text;
}

// And behind the words as --what-if takes it.
std::string Spoken(const std::string& written, const Attribute* attribute, Language language) {
  const std::string text = InWords(written, attribute, language);
  const bool a_value = written != "{}" && written != "<unknown>";
  if (text == written || !a_value) return text;
  return text + (IsKorean(language) ? "(" : " (") + written + ")";
}

// The end of a Korean comparison, between the right side and the full stop.
std::string KoreanComparison(const std::string& left, Op op, const std::string& right) {
  const std::string subject = WithParticle(left, "이(가)") + " ";
  switch (op) {
    case Op::kIs:
      return subject + right + "임";
    case Op::kIsNot:
      return subject + WithParticle(right, "이(가)") + " 아님";
    case Op::kIsOneOf:
      return subject + "[" + right + "] 중 하나임";
    case Op::kIsNotOneOf:
      return subject + "[" + right + "] 중 하나가 아님";
    case Op::kIncludes:
      return left + "에 " + WithParticle(right, "이(가)") + " 포함됨";
    case Op::kIncludesAnyOf:
      return left + "에 [" + right + "] 중 하나 이상이 포함됨";
    case Op::kIncludesAllOf:
      return left + "에 [" + right + "] 모두가 포함됨";
    case Op::kIncludesOnly:
      return left + "에 [" + right + "] 밖의 것이 없음";
    case Op::kIncludesNoneOf:
      return left + "에 [" + right + "] 중 어느 것도 없음";
    case Op::kAtLeast:
      return subject + right + " 이상임";
    case Op::kAtMost:
      return subject + right + " 이하임";
    case Op::kMoreThan:
      return subject + right + " 초과임";
    case Op::kLessThan:
      return subject + right + " 미만임";
    case Op::kBefore:
      return subject + right + "보다 앞섬";
    case Op::kAfter:
      return subject + right + "보다 뒤임";
    case Op::kExists:
      return subject + "있음";
    case Op::kDoesNotExist:
      return subject + "없음";
  }
  return subject + right;
}

std::string EnglishComparison(const std::string& left, Op op, const std::string& right) {
  switch (op) {
    case Op::kExists:
      return "there is a value for " + left;
    case Op::kDoesNotExist:
      return "there is none of " + left;
    case Op::kAtLeast:
    case Op::kAtMost:
    case Op::kMoreThan:
    case Op::kLessThan:
    case Op::kBefore:
    case Op::kAfter:
      return left + " is " + std::string(Name(op)) + " " + right;
    default:
      return left + " " + std::string(Name(op)) + " " + right;
  }
}

std::string AtomText(const Atom& atom, const Schema& schema, Language language) {
  const std::string left = NameOf(atom.path, schema, language);
  const std::string right = HasRightSide(atom.op) ? RightText(atom, schema, language) : "";
  return IsKorean(language) ? KoreanComparison(left, atom.op, right)
                            : EnglishComparison(left, atom.op, right);
}

std::string ActionsText(const std::vector<Action>& actions, Language language) {
  std::string text;
  for (const Action action : actions)
    text += (text.empty() ? "" : ", ") +
            std::string(IsKorean(language) ? KoreanName(action) : Name(action));
  return text;
}

std::string_view Pick(const Sentence& sentence, Language language) {
  return IsKorean(language) && !sentence.ko.empty() ? sentence.ko : sentence.en;
}

std::string LimitText(Duty::Limit limit, uint32_t count, Unit unit, Language language) {
  if (limit == Duty::Limit::kNone) return "";
  const bool within = limit == Duty::Limit::kWithin;
  if (!IsKorean(language))
    return (within ? " (within " : " (for ") + std::to_string(count) + " " +
           std::string(Name(unit)) + ")";
  static constexpr std::array<std::string_view, 4> kUnits = {"시간", "일", "개월", "년"};
  return " (" + std::to_string(count) + std::string(kUnits[static_cast<size_t>(unit)]) +
         (within ? " 이내)" : " 동안)");
}

std::string EnglishEffect(const Rule& rule, const std::string& actions) {
  switch (rule.effect) {
    case Effect::kPermit:
      return "Permits " + actions + " when ";
    case Effect::kForbid:
      return "Forbids " + actions + " when ";
    case Effect::kRequire:
      return "Requires for " + actions + " that ";
    case Effect::kOblige:
      return "Brings duties with " + actions + " when ";
  }
  return "";
}

std::string KoreanEffect(const Rule& rule, const std::string& actions) {
  switch (rule.effect) {
    case Effect::kPermit:
      return "다음 조건에서 " + WithParticle(actions, "을(를)") + " 허용합니다: ";
    case Effect::kForbid:
      return "다음 조건에서 " + WithParticle(actions, "을(를)") + " 금지합니다: ";
    case Effect::kRequire:
      return actions + "에는 다음이 성립해야 합니다: ";
    case Effect::kOblige:
      return "다음 조건에서 " + actions + "에는 의무가 따릅니다: ";
  }
  return "";
}

std::string_view KoreanName(ReasonClass reason_class) {
  switch (reason_class) {
    case ReasonClass::kForbidden:
      return "금지됨";
    case ReasonClass::kRequirementNotMet:
      return "요건 미충족";
    case ReasonClass::kUnknownFact:
      return "확인되지 않은 사실";
    case ReasonClass::kNothingPermits:
      return "허용하는 규칙 없음";
  }
  return "";
}

std::string_view PlainName(ReasonClass reason_class) {
  switch (reason_class) {
    case ReasonClass::kForbidden:
      return "forbidden";
    case ReasonClass::kRequirementNotMet:
      return "a requirement is not met";
    case ReasonClass::kUnknownFact:
      return "a fact is not known";
    case ReasonClass::kNothingPermits:
      return "no rule permits it";
  }
  return "";
}

std::optional<Op> OpOf(std::string_view name) {
  for (size_t i = 0; i < kOps; ++i) {
    if (Name(static_cast<Op>(i)) == name) return static_cast<Op>(i);
  }
  return std::nullopt;
}

// What the rule makes of the fact, before the comparison it was put to.
std::string_view LeadOf(const FactSeen& fact, ReasonClass reason_class, Language language) {
  const bool korean = IsKorean(language);
  const bool stands_in_the_way = fact.holds.value_or(false);
  switch (reason_class) {
    case ReasonClass::kForbidden:
      return korean ? "금지 조건: " : "forbidden where it ";
    case ReasonClass::kRequirementNotMet:
      return korean ? "필요 조건: " : "needed: that it ";
    case ReasonClass::kUnknownFact:
      return korean ? "알아야 할 것: " : "to be known: whether it ";
    case ReasonClass::kNothingPermits:
      if (stands_in_the_way) return korean ? "제외 조건: " : "permitted unless it ";
      return korean ? "허용 조건: " : "permitted where it ";
  }
  return "";
}

std::string ComparisonText(const FactSeen& fact, const std::string& expected, Language language) {
  const std::optional<Op> op = OpOf(fact.op);
  if (IsKorean(language)) {
    return op ? KoreanComparison("값", *op, expected) : fact.op + " " + expected;
  }
  if (op == Op::kExists) return "has a value";
  if (op == Op::kDoesNotExist) return "has no value";
  const bool needs_verb = op >= Op::kAtLeast && op <= Op::kAfter;
  return (needs_verb ? "is " : "") + fact.op + " " + expected;
}

// An attribute goes by its name and by its path, which is what --what-if takes.
std::string FactLine(const FactSeen& fact, ReasonClass reason_class, const Schema& schema,
                     Language language) {
  const std::string name = NameOf(fact.path, schema, language);
  const std::string path = name == fact.path ? "" : " (" + fact.path + ")";
  const Attribute* attribute = schema.Find(fact.path);
  return "      " + name + path + ": " + Spoken(fact.actual, attribute, language) + "; " +
         std::string(LeadOf(fact, reason_class, language)) +
         ComparisonText(fact, Spoken(fact.expected, attribute, language), language) + "\n";
}

// A basis may say both: "PIPA art. 28-2 | 개인정보 보호법 제28조의2".
std::string BasisText(const std::string& basis, Language language) {
  constexpr std::string_view kBetween = " | ";
  const size_t at = basis.find(kBetween);
  if (at == std::string::npos) return basis;
  return IsKorean(language) ? basis.substr(at + kBetween.size()) : basis.substr(0, at);
}

// An owner's terms and vote are named by policy/terms in English alone: "terms of reviews v2".
std::string BasisText(const Reason& reason, Language language) {
  constexpr std::string_view kTerms = "terms of ";
  constexpr std::string_view kVote = "vote of the owner of ";
  if (reason.policy.layer == Layer::kTerms && IsKorean(language)) {
    if (reason.basis.starts_with(kTerms)) return reason.basis.substr(kTerms.size()) + " 이용조건";
    if (reason.basis.starts_with(kVote))
      return reason.basis.substr(kVote.size()) + " 권리자의 투표";
  }
  return BasisText(reason.basis, language);
}

std::string ReasonText(const Reason& reason, const Schema& schema, Language language) {
  std::string text = "  " + reason.rule + "  ";
  text += IsKorean(language) ? KoreanName(reason.reason_class) : PlainName(reason.reason_class);
  text += "\n    " + std::string(Pick(reason.because, language));
  if (!reason.basis.empty()) text += "  [" + BasisText(reason, language) + "]";
  text += "\n";
  for (const FactSeen& fact : reason.facts) {
    text += FactLine(fact, reason.reason_class, schema, language);
  }
  return text;
}

}  // namespace

std::string SayFact(const FactSeen& fact, ReasonClass reason_class, Language language) {
  const Attribute* attribute = ConsortiumSchema().Find(fact.path);
  const std::string name = NameOf(fact.path, ConsortiumSchema(), language);
  const std::string expected = InWords(fact.expected, attribute, language);
  return name + (IsKorean(language) ? ": " : " is ") + InWords(fact.actual, attribute, language) +
         (IsKorean(language) ? "(" : " (") + std::string(LeadOf(fact, reason_class, language)) +
         ComparisonText(fact, expected, language) + ")";
}

std::string ExplainCondition(const Condition& condition, const Schema& schema, Language language) {
  using Form = Condition::Form;
  if (condition.form == Form::kAtom) return AtomText(condition.atom, schema, language);
  if (condition.form == Form::kNot) {
    const std::string inside = ExplainCondition(condition.parts.front(), schema, language);
    return IsKorean(language) ? "다음이 아님: (" + inside + ")"
                              : "it is not so that (" + inside + ")";
  }
  const bool conjunction = condition.form == Form::kAnd;
  const std::string_view join = IsKorean(language) ? (conjunction ? ", 그리고 " : ", 또는 ")
                                                   : (conjunction ? ", and " : ", or ");
  std::string text;
  for (const Condition& part : condition.parts) {
    const bool nested = part.form == Form::kAnd || part.form == Form::kOr;
    const std::string inside = ExplainCondition(part, schema, language);
    text += text.empty() ? "" : std::string(join);
    text += nested ? "(" + inside + ")" : inside;
  }
  return text;
}

std::string ExplainRule(const Rule& rule, const Schema& schema, Language language) {
  const bool korean = IsKorean(language);
  const std::string actions = ActionsText(rule.actions, language);
  std::string text = rule.id;
  if (!rule.title.en.empty()) text += "  " + std::string(Pick(rule.title, language));
  text += "\n  " + (korean ? KoreanEffect(rule, actions) : EnglishEffect(rule, actions)) +
          ExplainCondition(rule.condition, schema, language) + ".\n";
  for (const Duty& duty : rule.duties) {
    const auto name = [&](std::string_view path) {
      return "[" + NameOf(path, schema, language) + "]";
    };
    text += "  - " + FillWith(Pick(duty.text, language), name, language) +
            LimitText(duty.limit, duty.count, duty.unit, language) + "\n";
  }
  if (!rule.basis.empty())
    text += (korean ? "  근거: " : "  Basis: ") + BasisText(rule.basis, language) + "\n";
  return text;
}

std::string ExplainPolicy(const Policy& policy, const Schema& schema, Language language) {
  const bool korean = IsKorean(language);
  std::string text(Pick(policy.name, language));
  text += (korean ? ", 버전 " : ", version ") + std::to_string(policy.version) +
          (korean ? ", 날짜 " : ", dated ") + policy.effective.ToText() +
          (korean ? "(효력은 가결된 항목부터)" : " (in force from the entry that adopts it)") +
          "\n";
  for (const Rule& rule : policy.rules) text += "\n" + ExplainRule(rule, schema, language);
  return text;
}

std::string ExplainDecision(const Decision& decision, const Schema& schema, Language language) {
  const bool korean = IsKorean(language);
  const bool admitted = decision.outcome == Outcome::kAdmit;
  std::string text(korean ? rules::KoreanName(decision.action) : Name(decision.action));
  text +=
      korean ? (admitted ? ": 승인\n" : ": 거부\n") : (admitted ? ": admitted\n" : ": denied\n");
  for (const Reason& reason : decision.reasons) text += ReasonText(reason, schema, language);
  for (const Permission& permission : decision.permissions)
    text += "  " + permission.rule + "  " + std::string(Pick(permission.because, language)) + "\n";
  for (const Obligation& owed : decision.obligations) {
    text += "  " + owed.rule + "  " + (korean ? "의무: " : "owed: ") +
            std::string(Pick(owed.text, language)) +
            LimitText(owed.limit, owed.count, owed.unit, language) + "\n";
  }
  return text;
}

std::string ExplainChanges(const std::vector<Change>& changes, const Schema& schema,
                           Language language) {
  const bool korean = IsKorean(language);
  if (changes.empty())
    return korean ? "사실 하나만 바뀌어서는 승인되지 않습니다.\n"
                  : "No single fact would change it.\n";
  std::string text;
  for (const Change& change : changes) {
    const std::string name = NameOf(change.path, schema, language);
    const std::string value =
        change.to.presence == Presence::kKnown
            ? Spoken(change.to.value.ToText(), schema.Find(change.path), language)
            : Shown(change.to, language, schema.Find(change.path));
    text += korean ? WithParticle(name, "이(가)") + " " + value + "이면 승인됩니다.\n"
                   : "It would be admitted if " + name + " were " + value + ".\n";
  }
  return text;
}

}  // namespace dure::rules
