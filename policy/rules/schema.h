// The schema: which attributes a rule may speak of, of what kind, and what they are called in
// English and Korean. The record's fold fills facts under these paths; the linter checks rules, and
// explanations take their words from here. A path outside the schema is no error of Decide: it is
// unknown, and so never admits.
//
// ConsortiumSchema() is the one of the product; tests make their own. Immutable after it is made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/rules/value.h"

namespace dure::rules {

// A text of an enumeration as people say it.
struct PlainWord {
  std::string code;  // "research-only"
  std::string en;    // "research only"
  std::string ko;    // "연구 목적만"
};

struct Attribute {
  std::string path;
  Kind kind = Kind::kText;
  Kind item_kind = Kind::kText;          // of a set's items; otherwise as `kind`
  bool nullable = false;                 // the record may say "none"
  std::vector<std::string> enumeration;  // the only texts (or set items) that occur; empty: any
  std::vector<PlainWord> words;          // one for each of the enumeration
  std::string name_en;                   // follows "the": "dataset's use class"
  std::string name_ko;                   // "데이터셋 이용 구분"
  std::string none_en = "none";          // said where the record says that there is none
  std::string none_ko = "없음";

  // Whether `value` may stand here: right kind, and one of the enumeration where there is one.
  bool Admits(const Value& value) const;
  std::string KindText() const;                          // "text", "set of text", "one of {a, b}"
  std::string KoreanKindText() const;                    // "글", "글의 모음", "{a, b} 가운데 하나"
  const PlainWord* WordOf(std::string_view code) const;  // nullptr: none
};

class Schema {
 public:
  explicit Schema(std::vector<Attribute> attributes);  // any order; a repeated path: the first one

  const Attribute* Find(std::string_view path) const;  // nullptr: no such attribute
  // The known path that a mistyped one most likely meant; empty: none is near.
  std::string Nearest(std::string_view path) const;
  const std::vector<Attribute>& attributes() const { return attributes_; }  // ordered by path

 private:
  std::vector<Attribute> attributes_;
};

const Schema& ConsortiumSchema();

// The candidate that is at most two edits (and a third of its length) away; empty: none.
std::string NearestOf(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace dure::rules
