#include "cli/known_fact.h"

#include "cli/language.h"
#include "policy/rules/parse.h"
#include "policy/rules/schema.h"

namespace dure::cli {

namespace {

// "run.purpose", of which nothing is said.
Error WithoutValue(const std::string& path, const Context& context) {
  const rules::Attribute* attribute = rules::ConsortiumSchema().Find(path);
  const bool has_codes = attribute != nullptr && !attribute->enumeration.empty();
  const std::string like =
      path + "=" + (has_codes ? attribute->enumeration.front() : Pick(context, "VALUE", "값"));
  return {ErrorCode::kInvalid, Pick(context, "'" + path + "' has no value; write " + like,
                                    "'" + path + "'에 값이 없습니다. " + like + "처럼 쓰십시오")};
}

}  // namespace

Result<rules::Facts::Entry> ParseKnownFact(const std::string& text, const Context& context) {
  if (rules::IsPath(text)) return Fail(WithoutValue(text, context));
  DURE_ASSIGN(rules::Facts::Entry entry, rules::ParseFact(text));
  const std::string path(entry.path.text());
  const rules::Schema& schema = rules::ConsortiumSchema();
  const rules::Attribute* attribute = schema.Find(path);
  if (attribute == nullptr) {
    const std::string near = schema.Nearest(path);
    return Fail(ErrorCode::kInvalid, Pick(context,
                                          "no attribute is called " + path +
                                              (near.empty() ? "" : "; did you mean " + near + "?"),
                                          path + "(이)라는 속성은 없습니다" +
                                              (near.empty() ? "" : ". 혹시 " + near + "입니까?")));
  }
  const bool known = entry.fact.presence == rules::Presence::kKnown;
  if (!known || attribute->Admits(entry.fact.value)) return entry;
  const std::string value = entry.fact.value.ToText();
  return Fail(
      ErrorCode::kInvalid,
      Pick(context, path + " is never " + value + "; what it may be: " + attribute->KindText(),
           rules::WithParticle(path, "은(는)") + " " + value +
               "일 수 없습니다. 값의 종류: " + attribute->KoreanKindText()));
}

}  // namespace dure::cli
