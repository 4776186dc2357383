// Terms in plain words, for people who sign them: one line a field that says something, in English
// or Korean. Pure.
#pragma once

#include <string>
#include <vector>

#include "policy/terms/attachment.h"
#include "policy/terms/combine.h"
#include "policy/terms/passport.h"
#include "policy/terms/proposal.h"

namespace dure::terms {

// A word of a vocabulary as people say it: "research only", "연구 목적만".
std::string PlainWord(UseClass value, Language language);
std::string PlainWord(Purpose value, Language language);
std::string PlainWord(Action value, Language language);
std::string PlainWord(Permission value, Language language);
std::string PlainWord(Beneficiary value, Language language);
std::string PlainWord(PersonalClass value, Language language);
std::string PlainWord(Basis value, Language language);
std::string PlainWord(ConsentDuty value, Language language);
std::string PlainWord(DutyKind value, Language language);
std::string PlainWord(WithdrawalScope value, Language language);
std::string PlainWord(Modality value, Language language);
std::string PlainWord(Origin value, Language language);
std::string PlainWord(Classification value, Language language);
std::string PlainWord(Tristate value, Language language);

// A field of the terms as people say it: "the kind of use", "이용 구분".
std::string PlainField(const std::string& field, Language language);

struct TextLine {
  std::string label;  // "Use"
  std::string text;   // "research only"
};
// Texts of duties and notices are shown where `attachments` has them.
std::vector<TextLine> PlainLines(const Terms& terms, const std::vector<Attachment>& attachments,
                                 Language language);
std::vector<TextLine> PlainLines(const Passport& passport,
                                 const std::vector<Attachment>& attachments, Language language);

// The lines under each other, labels in a column.
std::string ToText(const std::vector<TextLine>& lines);

}  // namespace dure::terms
