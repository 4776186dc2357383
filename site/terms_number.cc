#include "site/terms_number.h"

namespace dure::site {

std::optional<WrongNumber> FindWrongNumber(const terms::Description& description,
                                           const standing::DatasetEntry* newest, uint64_t version) {
  const std::string& dataset = description.passport.dataset;
  const uint64_t written = description.terms.version;
  const uint64_t due = newest == nullptr ? 1 : newest->terms.version + 1;
  const bool same =
      newest != nullptr && newest->terms_text == terms::ToCanonical(description.terms);
  if (!same && written != due) return WrongNumber{false, dataset, written, due};
  const uint64_t told = description.passport.version;
  if (!description.says_version || told == version) return std::nullopt;
  return WrongNumber{true, dataset, told, version};
}

void TakeNumber(terms::Terms& terms, const standing::DatasetEntry* newest) {
  terms.version = newest == nullptr ? 1 : newest->terms.version;
  if (newest != nullptr && newest->terms_text != terms::ToCanonical(terms)) ++terms.version;
}

std::string Text(const WrongNumber& wrong, const std::string& file, bool korean) {
  const std::string written = std::to_string(wrong.written);
  const std::string due = std::to_string(wrong.due);
  const std::string& dataset = wrong.dataset;
  if (wrong.of_dataset) {
    return korean ? file + ": [dataset]의 version = " + written + "은(는) 맞지 않습니다. 이번에 " +
                        "등록되는 " + dataset + "은(는) 버전 " + due + "입니다. version = " + due +
                        "(으)로 고치거나 빼십시오"
                  : file + ": version = " + written + " of [dataset] does not fit: what would be " +
                        "registered is version " + due + " of " + dataset +
                        "; write version = " + due + ", or leave it out";
  }
  if (wrong.due == 1) {
    return korean ? file + ": version = " + written + "은(는) 맞지 않습니다. " + dataset +
                        "의 이용조건이 기록에 아직 없습니다. version = 1로 고치십시오"
                  : file + ": version = " + written + " does not fit: the record has no terms of " +
                        dataset + " yet; write version = 1";
  }
  const std::string last = std::to_string(wrong.due - 1);
  return korean
             ? file + ": version = " + written + "은(는) 맞지 않습니다. 기록에 있는 " + dataset +
                   "의 이용조건은 버전 " + last +
                   "이고 이 파일은 그것과 다릅니다. version = " + due + "(으)로 고치십시오"
             : file + ": version = " + written + " does not fit: the record has version " + last +
                   " of the terms of " + dataset + ", and these are others; write version = " + due;
}

}  // namespace dure::site
