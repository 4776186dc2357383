// dure policy: read, check, lay out, try and explain policy texts. Works on files alone; no daemon
// and no record is asked. The word `constitution` in place of a file means the shipped policies.
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/known_fact.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/phrases.h"
#include "cli/text_file.h"
#include "policy/rules/cases.h"
#include "policy/rules/constitution.h"
#include "policy/rules/explain.h"
#include "policy/rules/format.h"
#include "policy/rules/lint.h"
#include "policy/rules/parse.h"
#include "policy/rules/what_if.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using rules::Language;
using rules::PolicyDocument;

constexpr std::string_view kConstitution = "constitution";

struct PolicyOptions {
  std::vector<std::string> files;
  std::string rule;
  std::string action;
  std::vector<std::string> facts;
  bool check = false;
  bool write = false;
  bool what_if = false;
};

struct Text {
  std::string file;
  std::string text;
};

Result<std::vector<Text>> Load(const std::vector<std::string>& files, const Context& context) {
  std::vector<Text> texts;
  for (const std::string& file : files) {
    if (file == kConstitution) {
      for (const rules::ConstitutionText& one : rules::ConstitutionTexts())
        texts.push_back({std::string(one.name) + ".policy", std::string(one.text)});
      continue;
    }
    DURE_ASSIGN(std::string text, ReadTextFile(file, context));
    texts.push_back({file, std::move(text)});
  }
  return texts;
}

json ToObject(const Text& text, const rules::Position& at, std::string_view severity,
              const std::string& where, const std::string& message, const std::string& advice) {
  return {{"file", text.file}, {"line", at.line},    {"column", at.column}, {"severity", severity},
          {"where", where},    {"message", message}, {"advice", advice}};
}

// What lint found in one text: as lines, as objects, and how much of it must be mended.
struct Linted {
  std::string lines;
  json objects = json::array();
  size_t to_mend = 0;
};

void LintOne(const Text& text, Language language, Linted& linted) {
  const rules::Parsed parsed = rules::ParsePolicy(text.text);
  for (const rules::Problem& problem : parsed.problems) {
    const std::string said = rules::ToText(problem, text.file, text.text);
    linted.lines += language == Language::kKorean ? InKorean(said) : said;
    linted.objects.push_back(
        ToObject(text, problem.at, "error", "", problem.message, problem.advice));
    linted.to_mend++;
  }
  if (!parsed.document) return;
  for (const rules::Finding& finding : Lint(*parsed.document, rules::ConsortiumSchema())) {
    linted.lines += rules::ToText(finding, text.file, language);
    linted.objects.push_back(ToObject(text, finding.at, Name(finding.severity), finding.where.en,
                                      finding.message.en, finding.advice.en));
    if (finding.severity != rules::Severity::kNote) linted.to_mend++;
  }
}

Status LintFiles(const PolicyOptions& options, Context& context) {
  DURE_ASSIGN(const std::vector<Text> texts, Load(options.files, context));
  Linted linted;
  for (const Text& text : texts) LintOne(text, RulesLanguage(context), linted);
  if (context.json()) {
    context.PrintJson(
        json{{"findings", linted.objects}}.dump(-1, ' ', false, json::error_handler_t::replace));
  } else if (!linted.lines.empty()) {
    context.Print(linted.lines);
  }
  if (linted.to_mend != 0)
    return Fail(
        ErrorCode::kFailedPrecondition,
        Pick(context,
             std::to_string(linted.to_mend) + (linted.to_mend == 1 ? " finding" : " findings") +
                 " to mend before anyone votes on this",
             "투표에 부치기 전에 고칠 것이 " + std::to_string(linted.to_mend) + "건 있습니다"));
  const std::string count = std::to_string(texts.size());
  context.Say(Pick(context,
                   count + (texts.size() == 1 ? " policy" : " policies") + ", nothing to mend",
                   "정책 " + count + "개, 고칠 것이 없습니다"));
  return {};
}

Status WriteText(const Text& text, const std::string& formatted) {
  std::ofstream out(text.file, std::ios::binary);
  out << formatted;
  out.close();
  if (!out) return Fail(ErrorCode::kFailedPrecondition, text.file + " cannot be written");
  return {};
}

Status FormatFiles(const PolicyOptions& options, Context& context) {
  DURE_ASSIGN(const std::vector<Text> texts, Load(options.files, context));
  std::string differing;
  json objects = json::array();
  for (const Text& text : texts) {
    DURE_ASSIGN(const PolicyDocument document, rules::ReadPolicy(text.text, text.file));
    const std::string formatted = Format(document.policy);
    const bool differs = formatted != text.text;
    if (differs) differing += (differing.empty() ? "" : ", ") + text.file;
    if (options.write && differs) DURE_TRY(WriteText(text, formatted));
    objects.push_back({{"file", text.file}, {"canonical", !differs}, {"text", formatted}});
    if (!options.write && !options.check && !context.json()) context.Print(formatted);
  }
  if (context.json()) context.PrintJson(json{{"files", objects}}.dump());
  if (options.check && !differing.empty())
    return Fail(ErrorCode::kFailedPrecondition,
                "not in the canonical layout: " + differing + " (dure policy fmt --write)");
  if (!options.write) return {};
  context.Say(differing.empty() ? Pick(context, "nothing to change", "바꿀 것이 없습니다")
                                : Pick(context, "wrote " + differing, differing + " 고쳐 씀"));
  return {};
}

Status TestFiles(const PolicyOptions& options, Context& context) {
  DURE_ASSIGN(const std::vector<Text> texts, Load(options.files, context));
  size_t passed = 0;
  size_t failed = 0;
  json objects = json::array();
  for (const Text& text : texts) {
    DURE_ASSIGN(const PolicyDocument document, rules::ReadPolicy(text.text, text.file));
    DURE_ASSIGN(const rules::CaseRun run, rules::RunCases(document));
    for (const rules::CaseResult& result : run.results) {
      (result.passed ? passed : failed)++;
      objects.push_back({{"file", text.file},
                         {"case", result.name},
                         {"passed", result.passed},
                         {"expected", result.expected},
                         {"found", result.found}});
      if (result.passed || context.json()) continue;
      const std::string line = text.file + ":" + std::to_string(result.at.line);
      context.Print(Pick(context,
                         line + ": case \"" + result.name + "\"\n  expected " + result.expected +
                             "\n  found    " + result.found,
                         line + ": 사례 \"" + result.name + "\"\n  기대 " + result.expected +
                             "\n  결과 " + result.found));
    }
  }
  if (context.json())
    context.PrintJson(json{{"cases", objects}, {"passed", passed}, {"failed", failed}}.dump());
  if (failed != 0)
    return Fail(ErrorCode::kFailedPrecondition,
                Pick(context,
                     std::to_string(failed) + " of " + std::to_string(passed + failed) +
                         " cases do not come out as they say",
                     "사례 " + std::to_string(passed + failed) + "개 중 " + std::to_string(failed) +
                         "개가 적힌 대로 나오지 않습니다"));
  const std::string count = std::to_string(passed);
  if (!context.json())
    context.Print(
        Pick(context, count + " cases passed", "사례 " + count + "개가 모두 적힌 대로 나왔습니다"));
  return {};
}

Status ExplainFiles(const PolicyOptions& options, Context& context) {
  const Language language = RulesLanguage(context);
  DURE_ASSIGN(const std::vector<Text> texts, Load(options.files, context));
  std::string all;
  for (const Text& text : texts) {
    DURE_ASSIGN(const PolicyDocument document, rules::ReadPolicy(text.text, text.file));
    const rules::Schema& schema = rules::ConsortiumSchema();
    if (options.rule.empty()) {
      all += (all.empty() ? "" : "\n") + ExplainPolicy(document.policy, schema, language);
      continue;
    }
    for (const rules::Rule& rule : document.policy.rules) {
      if (rule.id == options.rule) all += ExplainRule(rule, schema, language);
    }
  }
  if (all.empty())
    return Fail(ErrorCode::kNotFound,
                Pick(context, "no rule " + options.rule + " in these policies",
                     "이 정책들에는 규칙 " + options.rule + "번이 없습니다"));
  context.Print(context.json() ? json{{"text", all}}.dump() : all);
  return {};
}

Result<rules::Facts> FactsFrom(const PolicyOptions& options, const Context& context) {
  rules::Facts facts;
  for (const std::string& written : options.facts) {
    DURE_ASSIGN(const rules::Facts::Entry entry, ParseKnownFact(written, context));
    facts.Put(entry);
  }
  return facts;
}

Status DecideByFiles(const PolicyOptions& options, Context& context) {
  const Language language = RulesLanguage(context);
  const std::optional<rules::Action> action = rules::ActionNamed(options.action);
  if (!action) return Fail(ErrorCode::kInvalid, "'" + options.action + "' is no action");
  DURE_ASSIGN(const rules::Facts facts, FactsFrom(options, context));
  DURE_ASSIGN(const std::vector<Text> texts, Load(options.files, context));
  std::vector<PolicyDocument> documents;
  for (const Text& text : texts) {
    DURE_ASSIGN(PolicyDocument document, rules::ReadPolicy(text.text, text.file));
    documents.push_back(std::move(document));
  }
  DURE_ASSIGN(const rules::PolicySet policies, rules::PolicySet::Make(std::move(documents)));
  const rules::Decision decision = Decide(policies, *action, facts);
  const rules::Schema& schema = rules::ConsortiumSchema();
  if (context.json()) {
    context.PrintJson(ToJson(decision));
    return {};
  }
  context.Print(ExplainDecision(decision, schema, language));
  if (options.what_if && decision.outcome == rules::Outcome::kDeny)
    context.Print(
        ExplainChanges(ChangesThatAdmit(policies, *action, facts, schema), schema, language));
  return {};
}

Status ShowShipped(const PolicyOptions& options, Context& context) {
  std::string names;
  std::string shown;
  json objects = json::array();
  for (const rules::ConstitutionText& one : rules::ConstitutionTexts()) {
    names += (names.empty() ? "" : ", ") + std::string(one.name);
    if (!options.rule.empty() && one.name != options.rule) continue;
    shown += (shown.empty() ? "" : "\n") + std::string(one.text);
    objects.push_back({{"name", one.name}, {"text", one.text}});
  }
  if (shown.empty())
    return Fail(ErrorCode::kNotFound,
                "no shipped policy is called " + options.rule + "; there are " + names);
  context.Print(context.json() ? json{{"policies", objects}}.dump() : shown);
  return {};
}

// What a rule may ask for: the schema, or the part of it whose paths hold `rule`.
Status ListAttributes(const PolicyOptions& options, Context& context) {
  const bool korean = RulesLanguage(context) == Language::kKorean;
  std::string lines;
  json objects = json::array();
  for (const rules::Attribute& one : rules::ConsortiumSchema().attributes()) {
    if (one.path.find(options.rule) == one.path.npos) continue;
    const std::string kind = korean ? one.KoreanKindText() : one.KindText();
    std::string none = korean ? ", 또는 없음" : ", or none";
    if (korean && one.none_ko != "없음") none += "(" + one.none_ko + ")";
    if (!korean && one.none_en != "none") none += " (" + one.none_en + ")";
    lines += one.path + "  " + (korean ? one.name_ko : one.name_en) + ": " + kind +
             (one.nullable ? none : "") + "\n";
    objects.push_back({{"path", one.path},
                       {"kind", rules::Name(one.kind)},
                       {"may_be_none", one.nullable},
                       {"values", one.enumeration},
                       {"en", one.name_en},
                       {"ko", one.name_ko}});
  }
  if (lines.empty())
    return Fail(ErrorCode::kNotFound,
                Pick(context, "no attribute's path holds '" + options.rule + "'",
                     "경로에 '" + options.rule + "' 글자가 들어간 속성이 없습니다"));
  context.Print(context.json() ? json{{"attributes", objects}}.dump() : lines);
  return {};
}

using Action = Status (*)(const PolicyOptions&, Context&);

Command Add(Command noun, Context& context, const std::shared_ptr<PolicyOptions>& options,
            const char* name, const char* one_line, const char* examples, Action action) {
  Command verb = AddVerb(noun, name, one_line, examples);
  context.Do(verb, [options, &context, action] { return action(*options, context); });
  return verb;
}

void AddFiles(Command verb, PolicyOptions& options) {
  verb.Add("files", options.files, "Policy files, or: constitution").Required();
}

}  // namespace

void AddPolicyCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "policy", "read, check, try and explain policy texts");
  AddPolicyChangeVerbs(noun, context);
  const auto options = std::make_shared<PolicyOptions>();
  Command lint = Add(noun, context, options, "lint", "what is wrong or doubtful about a policy",
                     "dure policy lint rules.policy\ndure policy lint rules.policy --lang ko\n"
                     "dure policy lint constitution --json",
                     LintFiles);
  AddFiles(lint, *options);
  AddLanguage(lint, context);
  Command fmt = Add(noun, context, options, "fmt", "a policy in its canonical layout",
                    "dure policy fmt rules.policy\ndure policy fmt --check *.policy\n"
                    "dure policy fmt --write *.policy",
                    FormatFiles);
  AddFiles(fmt, *options);
  AddLanguage(fmt, context);
  const Option check = fmt.Flag("--check", options->check, "Fail if a file differs; print nothing");
  fmt.Flag("--write", options->write, "Change the files").Excludes(check);
  Command test = Add(noun, context, options, "test", "run the cases that a policy carries",
                     "dure policy test rules.policy\ndure policy test constitution", TestFiles);
  AddFiles(test, *options);
  AddLanguage(test, context);
  Command explain = Add(
      noun, context, options, "explain", "what a policy says, in plain sentences",
      "dure policy explain rules.policy\ndure policy explain constitution --rule P2.1 --lang ko",
      ExplainFiles);
  AddFiles(explain, *options);
  AddLanguage(explain, context);
  explain.Add("--rule", options->rule, "Only this rule");
  Command decide =
      Add(noun, context, options, "decide", "try a policy on facts that you state",
          "dure policy decide rules.policy --action train --fact run.purpose=statistics\n"
          "dure policy decide constitution --action serve --fact grant.status=active --what-if",
          DecideByFiles);
  AddFiles(decide, *options);
  AddLanguage(decide, context);
  decide.Add("--action", options->action, "train, serve, export-weights, ...").Required();
  decide.Add("--fact", options->facts,
             "PATH=VALUE or PATH=absent; what is not said is "
             "unknown");
  decide.Flag("--what-if", options->what_if, "Also: which single fact would admit it");
  Command attributes =
      Add(noun, context, options, "attributes", "what a rule may ask for, and which values occur",
          "dure policy attributes\ndure policy attributes dataset.terms --lang ko", ListAttributes);
  AddLanguage(attributes, context);
  attributes.Add("part", options->rule, "Only those with this in their path, such as run.");
  Command show = AddNoun(noun, "show", "print shipped policies; those in force: policy in-force",
                         "dure policy show constitution\n"
                         "dure policy show constitution p2-purpose > mine.policy");
  Command constitution =
      Add(show, context, options, "constitution", "the policies a new consortium starts with",
          "dure policy show constitution\ndure policy show constitution p2-purpose > mine.policy",
          ShowShipped);
  constitution.Add("name", options->rule, "Only this one, such as p2-purpose");
}

}  // namespace dure::cli
