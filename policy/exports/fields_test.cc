// What two laws' forms ask for stands there line by line: what the record says, or that it says
// nothing. A line that is left out or left blank would read as if there were nothing to say.
#include <gmock/gmock.h>

#include <sstream>

#include "policy/exports/testing.h"
#include "policy/terms/sentences.h"

namespace dure::exports {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;
using Labels = std::vector<std::string>;

struct Line {
  std::string label;
  std::string text;
};

// Lines of the form "- **label**: text", in order.
std::vector<Line> LinesOf(Format format, const Dossier& dossier) {
  std::vector<Line> lines;
  std::istringstream all(Make(format, dossier).files.at(0).text);
  for (std::string line; std::getline(all, line);) {
    const size_t end = line.find("**: ");
    if (!line.starts_with("- **") || end == line.npos) continue;
    lines.push_back({line.substr(4, end - 4), line.substr(end + 4)});
  }
  return lines;
}

Labels LabelsOf(const std::vector<Line>& lines) {
  Labels labels;
  for (const Line& line : lines) labels.push_back(line.label);
  return labels;
}

Labels AbsentOf(const std::vector<Line>& lines, const std::string& absent) {
  Labels labels;
  for (const Line& line : lines) {
    EXPECT_THAT(line.text, Not(::testing::IsEmpty())) << line.label;
    if (line.text == absent) labels.push_back(line.label);
  }
  return labels;
}

const Labels kEu = {"Provider name",
                    "Contact details",
                    "Authorised representative",
                    "Versioned model name",
                    "Model dependencies",
                    "Date of placement on the Union market",
                    "Modality text",
                    "Latest date of data acquisition",
                    "Linguistic characteristics",
                    "Other relevant characteristics",
                    "Crawlers, period and domains",
                    "Models that generated it",
                    "Signatory of the Code of Practice"};

TEST(EuSummary, HasEachLineOfTheFormAndSaysWhatIsAbsent) {
  const auto full = LinesOf(Format::kEuSummary, testing::FullDossier());
  EXPECT_THAT(LabelsOf(full), ElementsAreArray(kEu));
  EXPECT_THAT(AbsentOf(full, kNotRecorded),
              ElementsAreArray(Labels{"Contact details", "Authorised representative",
                                      "Crawlers, period and domains", "Models that generated it",
                                      "Signatory of the Code of Practice"}));
  const auto bare = LinesOf(Format::kEuSummary, testing::BareDossier());
  EXPECT_THAT(LabelsOf(bare), ElementsAreArray(kEu));
  EXPECT_THAT(AbsentOf(bare, kNotRecorded),
              ElementsAreArray(
                  Labels{"Provider name", "Contact details", "Authorised representative",
                         "Date of placement on the Union market", "Latest date of data acquisition",
                         "Linguistic characteristics", "Crawlers, period and domains",
                         "Models that generated it", "Signatory of the Code of Practice"}));
}

TEST(EuSummary, WithoutADatasetOrARoundSaysSo) {
  Dossier dossier = testing::BareDossier();
  dossier.datasets.clear();
  dossier.rounds.clear();
  const auto lines = LinesOf(Format::kEuSummary, dossier);
  const Labels absent = AbsentOf(lines, kNotRecorded);
  for (const char* label : {"Model dependencies", "Modalities"}) {
    EXPECT_THAT(absent, ::testing::Contains(label));
  }
}

TEST(EuSummary, SaysOfEachDatasetItsGroundAndShowsNoTitleOfWhatIsNotPublic) {
  Dossier dossier = testing::FullDossier();
  Dataset& dataset = dossier.datasets[0];
  dataset.texts = {{.field = "dataset.title", .salt = {}, .text = "Wards, 2020"}};
  dataset.terms.licence.data.clear();
  dataset.terms.personal.basis = terms::Basis::kConsent;
  dataset.terms.tdm = {terms::Tristate::kYes, terms::TdmEvidence::kContract};
  const auto text = [&](terms::Origin origin) {
    dataset.passport.origin = origin;
    return Make(Format::kEuSummary, dossier).files.at(0).text;
  };
  using enum terms::Origin;
  for (const terms::Origin origin : {kThirdParty, kUsers, kOwn, kUnknown}) {
    EXPECT_THAT(text(origin), Not(HasSubstr("Wards, 2020"))) << terms::Word(origin);
  }
  for (const std::string& part :
       {std::string("movie-reviews-v1, \"Wards, 2020\": kept by"),
        std::string("movie-reviews-v1: reserved: yes, stated in: contract"),
        "legal ground: " + terms::PlainWord(terms::Basis::kConsent, terms::Language::kEnglish),
        std::string("rights holder various, licence not recorded, "),
        std::string("### 3.2 Removal of illegal content\n\nnot recorded\n")}) {
    EXPECT_THAT(text(kPublicDataset), HasSubstr(part));
  }
}

const Labels kKrBefore = {"인공지능사업자",
                          "모델 이름",
                          "가중치 다이제스트(SHA-256)",
                          "구조",
                          "매개변수 수",
                          "공개일",
                          "생성형 인공지능 여부",
                          "학습 제안자가 밝힌 위험 등급",
                          "고영향 여부 확인(제33조)",
                          "학습에 쓴 누적 연산량(FLOP)",
                          "고지와 표시를 실제로 이행했는지",
                          "데이터셋 수",
                          "학습한 토큰 수(모든 라운드)"};
const Labels kKrDataset = {"관리 기관", "권리자",    "종류",     "출처 유형", "수집 기간",
                           "크기",      "토큰 수",   "라이선스", "이용 구분", "개인정보",
                           "민감정보",  "처리 근거", "철회",     "기록 위치"};
const Labels kKrAfter = {
    "위험관리 방안",    "주요 기준과 원리에 대한 설명 방안", "이용자 보호 방안",
    "사람의 관리·감독", "성능 평가(토큰당 퍼플렉시티)",      "문서 보관"};

Labels Together(const std::vector<Labels>& parts) {
  Labels all;
  for (const Labels& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Of no person's data the two lines about it would say nothing.
Labels Impersonal() {
  Labels labels = kKrDataset;
  std::erase(labels, "민감정보");
  std::erase(labels, "처리 근거");
  return labels;
}

TEST(KrOverview, HasEachLineOfTheFormAndSaysWhatIsAbsent) {
  const auto full = LinesOf(Format::kKrOverview, testing::FullDossier());
  EXPECT_THAT(LabelsOf(full), ElementsAreArray(Together({kKrBefore, Impersonal(), Impersonal(),
                                                         Impersonal(), Impersonal(), kKrAfter})));
  EXPECT_THAT(AbsentOf(full, kNotRecordedKo),
              ElementsAreArray(Labels{"고영향 여부 확인(제33조)", "학습에 쓴 누적 연산량(FLOP)",
                                      "고지와 표시를 실제로 이행했는지", "위험관리 방안",
                                      "이용자 보호 방안", "사람의 관리·감독"}));
  const auto bare = LinesOf(Format::kKrOverview, testing::BareDossier());
  EXPECT_THAT(LabelsOf(bare), ElementsAreArray(Together({kKrBefore, kKrDataset, kKrAfter})));
  EXPECT_THAT(
      AbsentOf(bare, kNotRecordedKo),
      ElementsAreArray(Labels{
          "인공지능사업자", "구조", "매개변수 수", "공개일", "생성형 인공지능 여부",
          "학습 제안자가 밝힌 위험 등급", "고영향 여부 확인(제33조)", "학습에 쓴 누적 연산량(FLOP)",
          "고지와 표시를 실제로 이행했는지", "학습한 토큰 수(모든 라운드)", "권리자", "출처 유형",
          "수집 기간", "토큰 수", "라이선스", "위험관리 방안", "이용자 보호 방안",
          "사람의 관리·감독", "성능 평가(토큰당 퍼플렉시티)"}));
}

}  // namespace
}  // namespace dure::exports
