#include "policy/rules/format.h"

#include <algorithm>

namespace dure::rules {
namespace {

constexpr size_t kColumnsMax = 100;

std::string OperandText(const Operand& operand) {
  return operand.path.empty() ? operand.value.ToText() : operand.path;
}

// A part of an and, an or or a not: in parentheses when it is not a comparison.
std::string Inner(const Condition& condition) {
  const bool bare =
      condition.form == Condition::Form::kAtom || condition.form == Condition::Form::kNot;
  return bare ? Format(condition) : "(" + Format(condition) + ")";
}

std::string Quoted(const Sentence& sentence, size_t column) {
  std::string text = Quote(sentence.en);
  // `ko` stands so that the two texts begin in the same column.
  if (!sentence.ko.empty())
    text += "\n" + std::string(column - 3, ' ') + "ko " + Quote(sentence.ko);
  return text;
}

class Writer {
 public:
  std::string Take() { return std::move(text_); }
  bool empty() const { return text_.empty(); }
  void Blank() { text_ += '\n'; }

  void Above(const std::vector<std::string>& comments, std::string_view indent) {
    for (const std::string& comment : comments)
      text_ += std::string(indent) + (comment.empty() ? "#" : "# " + comment) + "\n";
  }

  // One part with its remarks; `text` may have several lines.
  void Line(const PartRemarks& remarks, Part part, std::string_view indent,
            const std::string& text) {
    const auto found = remarks.find(part);
    // What stands above an `end` belongs to the part that it ends.
    if (found != remarks.end()) Above(found->second.above, part == Part::kEnd ? "  " : indent);
    text_ += std::string(indent) + text;
    if (found != remarks.end()) Behind(found->second.behind);
    text_ += '\n';
  }
  void Behind(const std::string& comment) {
    if (!comment.empty()) text_ += "  # " + comment;
  }
  void Add(const std::string& text) { text_ += text; }

 private:
  std::string text_;
};

std::string ConditionText(std::string_view word, const Condition& condition) {
  std::string one_line = std::string(word) + " " + Format(condition);
  const bool joined =
      condition.form == Condition::Form::kAnd || condition.form == Condition::Form::kOr;
  if (!joined || one_line.size() + 2 <= kColumnsMax) return one_line;
  const std::string_view join = condition.form == Condition::Form::kAnd ? "   and " : "    or ";
  std::string text = std::string(word) + " " + Inner(condition.parts.front());
  for (size_t i = 1; i < condition.parts.size(); ++i)
    text += "\n" + std::string(join) + Inner(condition.parts[i]);
  return text;
}

std::string DutyText(const Duty& duty) {
  const std::string head = "duty " + duty.kind + " ";
  std::string text = head + Quoted(duty.text, head.size() + 2);
  if (duty.limit == Duty::Limit::kNone) return text;
  text += duty.text.ko.empty() ? " " : "\n" + std::string(head.size() + 2, ' ');
  text += duty.limit == Duty::Limit::kWithin ? "within " : "for ";
  return text + std::to_string(duty.count) + " " + std::string(Name(duty.unit));
}

void WriteRule(const Rule& rule, Writer& out) {
  std::string head = "rule " + rule.id + " " + std::string(Name(rule.effect));
  for (size_t i = 0; i < rule.actions.size(); ++i)
    head += (i == 0 ? " " : ", ") + std::string(Name(rule.actions[i]));
  out.Line(rule.remarks, Part::kHead, "", head);
  const std::string_view indent = "  ";
  if (!rule.title.en.empty())
    out.Line(rule.remarks, Part::kTitle, indent, "title " + Quoted(rule.title, 8));
  const std::string_view word = rule.effect == Effect::kRequire ? "that" : "when";
  out.Line(rule.remarks, Part::kCondition, indent, ConditionText(word, rule.condition));
  for (size_t i = 0; i < rule.duties.size(); ++i) {
    const auto part = static_cast<Part>(static_cast<uint8_t>(Part::kFirstDuty) + i);
    out.Line(rule.remarks, part, indent, DutyText(rule.duties[i]));
  }
  if (!rule.because.en.empty())
    out.Line(rule.remarks, Part::kBecause, indent, "because " + Quoted(rule.because, 10));
  if (!rule.basis.empty())
    out.Line(rule.remarks, Part::kBasis, indent, "basis " + Quote(rule.basis));
  out.Line(rule.remarks, Part::kEnd, "", "end");
}

std::string GivenText(const Facts& facts) {
  std::string text = "given ";
  bool first = true;
  for (const Facts::Entry& entry : facts.entries()) {
    const bool known = entry.fact.presence == Presence::kKnown;
    text += first ? "" : ",\n        ";
    text += entry.path.text();
    text += " is " + (known ? entry.fact.value.ToText() : "absent");
    first = false;
  }
  return text;
}

std::string Commas(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

std::string ExpectationText(const Expectation& expected) {
  std::string text = "expect ";
  switch (expected.what) {
    case Expectation::What::kAdmit:
      text += "admit";
      break;
    case Expectation::What::kNoRefusal:
      text += "no refusal";
      break;
    case Expectation::What::kNothingPermits:
      text += "nothing permits";
      break;
    case Expectation::What::kDenyBy:
      text += "deny by " + Commas(expected.rules);
      break;
  }
  if (!expected.owing) return text;
  return text + " owing " + (expected.owing->empty() ? "nothing" : Commas(*expected.owing));
}

void WriteSituation(const Situation& situation, Writer& out) {
  out.Line(situation.remarks, Part::kHead, "", "situation " + Quote(situation.name));
  out.Line(situation.remarks, Part::kCondition, "  ", GivenText(situation.facts));
  out.Line(situation.remarks, Part::kEnd, "", "end");
}

void WriteCase(const Case& one, Writer& out) {
  std::string head = "case " + Quote(one.name) + " asks " + std::string(Name(one.action));
  if (!one.situation.empty()) head += " in " + Quote(one.situation);
  out.Line(one.remarks, Part::kHead, "", head);
  if (!one.given.empty()) out.Line(one.remarks, Part::kCondition, "  ", GivenText(one.given));
  if (!one.without.empty())
    out.Line(one.remarks, Part::kWithout, "  ", "without " + Commas(one.without));
  out.Line(one.remarks, Part::kExpect, "  ", ExpectationText(one.expected));
  out.Line(one.remarks, Part::kEnd, "", "end");
}

}  // namespace

std::string Format(const Atom& atom) {
  std::string text = atom.path + " " + std::string(Name(atom.op));
  return HasRightSide(atom.op) ? text + " " + OperandText(atom.right) : text;
}

std::string Format(const Condition& condition) {
  using Form = Condition::Form;
  if (condition.form == Form::kAtom) return Format(condition.atom);
  if (condition.form == Form::kNot) {
    if (condition.parts.empty()) return "not ()";
    const Condition& part = condition.parts.front();
    return part.form == Form::kNot ? "not " + Format(part) : "not (" + Format(part) + ")";
  }
  std::string text;
  for (const Condition& part : condition.parts) {
    if (!text.empty()) text += condition.form == Form::kAnd ? " and " : " or ";
    text += Inner(part);
  }
  return text;
}

std::string Format(const Rule& rule) {
  Writer out;
  WriteRule(rule, out);
  return out.Take();
}

std::string Format(const Policy& policy) {
  Writer out;
  out.Above(policy.remarks.above, "");
  if (policy.layer != Layer::kConsortium) out.Add(std::string(Name(policy.layer)) + " ");
  out.Add("policy " + Quote(policy.name.en));
  if (!policy.name.ko.empty()) out.Add(" ko " + Quote(policy.name.ko));
  out.Add(" version " + std::to_string(policy.version) + " effective " + policy.effective.ToText());
  out.Behind(policy.remarks.behind);
  out.Add("\n");
  for (const Rule& rule : policy.rules) {
    out.Blank();
    WriteRule(rule, out);
  }
  for (const Situation& situation : policy.situations) {
    out.Blank();
    WriteSituation(situation, out);
  }
  for (const Case& one : policy.cases) {
    out.Blank();
    WriteCase(one, out);
  }
  if (!policy.last_remarks.empty()) out.Blank();
  out.Above(policy.last_remarks, "");
  return out.Take();
}

}  // namespace dure::rules
