#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "policy/exports/testing.h"
#include "policy/terms/sentences.h"

namespace dure::exports {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string OnlyText(Format format, const Dossier& dossier) {
  return Make(format, dossier).files.at(0).text;
}

std::vector<Format> AllFormats() {
  std::vector<Format> all;
  for (size_t i = 0; i < terms::kWordCount<Format>; ++i) all.push_back(static_cast<Format>(i));
  return all;
}

TEST(Exports, SayFromWhatTheyWereMadeAndWhatTheyDoNotProve) {
  for (const Format format : AllFormats()) {
    const Export made = Make(format, testing::FullDossier());
    std::string all;
    for (const File& file : made.files) all += file.text;
    EXPECT_THAT(all, HasSubstr(made.template_version)) << made.kind;
    EXPECT_THAT(all, HasSubstr(testing::FullDossier().root.Hex())) << made.kind;
    EXPECT_THAT(all, HasSubstr("korea-llm/log")) << made.kind;
    for (const std::string& caveat : DoesNotProve(format, terms::Language::kEnglish)) {
      std::string text = caveat;
      EXPECT_THAT(all, HasSubstr(text)) << made.kind;
    }
    EXPECT_LE(made.template_version.size(), 64u);
  }
}

TEST(Exports, EachSayWhatOnlyTheyMightBeTakenFor) {
  for (const terms::Language language : {terms::Language::kEnglish, terms::Language::kKorean}) {
    std::set<std::string> all;
    for (const Format format : AllFormats()) {
      const auto caveats = DoesNotProve(format, language);
      EXPECT_GE(caveats.size(), 4u) << terms::Word(format);
      all.insert(caveats[3]);
    }
    EXPECT_GE(all.size(), 7u);  // the two laws and the two bills of materials share theirs
  }
}

TEST(Exports, OfEqualDossiersAreEqual) {
  for (const Format format : AllFormats()) {
    const Export a = Make(format, testing::FullDossier()), b = Make(format, testing::FullDossier());
    ASSERT_EQ(a.files.size(), b.files.size());
    for (size_t i = 0; i < a.files.size(); ++i) EXPECT_EQ(a.files[i].text, b.files[i].text);
  }
}

TEST(Exports, StateWhatTheRecordLacks) {
  for (const Format format :
       {Format::kProv, Format::kSpdx, Format::kCycloneDx, Format::kModelCard, Format::kEuSummary}) {
    EXPECT_THAT(OnlyText(format, testing::BareDossier()), HasSubstr(kNotRecorded))
        << terms::Word(format);
  }
  EXPECT_THAT(OnlyText(Format::kKrOverview, testing::BareDossier()), HasSubstr(kNotRecordedKo));
  EXPECT_THAT(OnlyText(Format::kKrOverview, testing::BareDossier()), Not(HasSubstr(kNotRecorded)));
}

// Nobody checks a run's risk class: the overview says whose word it is.
TEST(Exports, CallTheProposersRiskClassNoCheckByLaw) {
  Dossier dossier = testing::FullDossier();
  const auto says = [&](const std::string& line) {
    EXPECT_THAT(OnlyText(Format::kKrOverview, dossier), HasSubstr("- **" + line + "\n"));
  };
  says("학습 제안자가 밝힌 위험 등급**: 일반(고영향 아님)");
  says("고영향 여부 확인(제33조)**: 기록 없음");
  dossier.model.high_impact = true;
  says("학습 제안자가 밝힌 위험 등급**: 고영향");
  says("고영향 여부 확인(제33조)**: 기록 없음");
  dossier.model.high_impact.reset();
  says("학습 제안자가 밝힌 위험 등급**: 기록 없음");
}

// YAML front matter as the hub reads it: keys at the margin, lists with "- ", a closing line.
std::map<std::string, std::string> FrontMatter(const std::string& card) {
  std::map<std::string, std::string> keys;
  std::istringstream lines(card);
  std::string line, key;
  std::getline(lines, line);
  EXPECT_EQ(line, "---");
  while (std::getline(lines, line) && line != "---") {
    if (line[0] != ' ' && line[0] != '-') {
      const size_t colon = line.find(':');
      EXPECT_NE(colon, line.npos) << line;
      key = line.substr(0, colon);
      EXPECT_FALSE(keys.contains(key)) << "twice: " << key;
      keys[key] = colon + 2 < line.size() ? line.substr(colon + 2) : "";
    } else {
      keys[key] += line + "\n";
    }
  }
  EXPECT_EQ(line, "---") << "the front matter is not closed";
  return keys;
}

TEST(ModelCard, HasTheFrontMatterOfTheHub) {
  const auto keys = FrontMatter(OnlyText(Format::kModelCard, testing::FullDossier()));
  EXPECT_EQ(keys.at("license"), "\"cc-by-sa-4.0\"");
  EXPECT_EQ(keys.at("language"), "- \"ko\"\n");
  EXPECT_EQ(keys.at("pipeline_tag"), "\"text-generation\"");
  EXPECT_THAT(keys.at("datasets"), HasSubstr("- \"nli-v1\"\n"));
  const std::string& index = keys.at("model-index");
  for (const char* part : {"- name: \"first\"", "results:", "- task:", "type: \"text-generation\"",
                           "dataset:", "name: \"held-out text of portal-a-1\"",
                           "metrics:", "- type: \"perplexity\"", "value: 20.0855"}) {
    EXPECT_THAT(index, HasSubstr(part));
  }
  const auto bare = FrontMatter(OnlyText(Format::kModelCard, testing::BareDossier()));
  EXPECT_EQ(bare.at("license"), "\"other\"");
  EXPECT_TRUE(bare.contains("license_name"));
  EXPECT_FALSE(bare.contains("model-index"));
}

// The hub takes an own licence with its name and a file that is there; else the link leads nowhere.
TEST(ModelCard, HasTheFileThatItsLicenceLinkNames) {
  EXPECT_THAT(Make(Format::kModelCard, testing::FullDossier()).files, SizeIs(1));
  const Export bare = Make(Format::kModelCard, testing::BareDossier());
  ASSERT_THAT(bare.files, SizeIs(2));
  EXPECT_EQ(FrontMatter(bare.files[0].text).at("license_link"), '"' + bare.files[1].name + '"');
  EXPECT_THAT(bare.files[1].text, HasSubstr("No licence satisfies all terms"));
  EXPECT_THAT(bare.files[1].text, HasSubstr("entries of the record"));
}

// Front matter that the hub cannot read is no card: what no text has is still a number of YAML.
TEST(ModelCard, HasANumberOfYamlForAScoreThatIsNone) {
  Dossier dossier = testing::FullDossier();
  dossier.evaluations[0].nll = 1e9;
  EXPECT_THAT(OnlyText(Format::kModelCard, dossier), HasSubstr("      value: .inf\n"));
}

TEST(ModelCard, SaysOnWhatItWasMeasuredAndHowSureThatIs) {
  Dossier dossier = testing::FullDossier();
  EXPECT_THAT(OnlyText(Format::kModelCard, dossier),
              HasSubstr("| portal-a-1 | not recorded | 20.0855 | 1.08202 | not recorded | 1000 |"));
  Evaluation& figure = dossier.evaluations[0];
  figure.datasets = {{"dialogue", 1}, {"news", 2}};
  figure.withdrawn = {"news"};
  figure.sequences = 8;
  figure.interval = {0.7, 0.8};
  figure.seed = 77;
  const std::string card = OnlyText(Format::kModelCard, dossier);
  EXPECT_THAT(card, HasSubstr("| portal-a-1 | dialogue v1, news v2 (withdrawn) | 20.0855 | 1.08202 "
                              "| 1.00989 to 1.15416 | 1000 |"));
  EXPECT_THAT(card, HasSubstr("withdrawn since stay as they were reported"));
  EXPECT_THAT(FrontMatter(card).at("model-index"),
              HasSubstr("held-out text of portal-a-1: dialogue v1, news v2 (withdrawn)"));
  EXPECT_THAT(Make(Format::kCsv, dossier).files.back().text,
              HasSubstr("dialogue v1, news v2 (withdrawn)"));
}

TEST(ModelCard, NamesSourcesLicencesAndWithdrawals) {
  const std::string card = OnlyText(Format::kModelCard, testing::FullDossier());
  EXPECT_THAT(card, HasSubstr("- dialogue-v1 (MIT): Dialogue corpus, Youngsook Song"));
  EXPECT_THAT(card, HasSubstr("- nli-v1 (CC-BY-SA-4.0): the text to show is kept outside"));
  EXPECT_THAT(card, HasSubstr("share-alike because of nli v1 (licence.data): CC-BY-SA-4.0"));
  EXPECT_THAT(card, HasSubstr("nli-v1 (withdrawn)"));
  Dossier bare = testing::BareDossier();
  bare.datasets[0].terms.duties.insert({.kind = terms::DutyKind::kAttribute});
  EXPECT_THAT(OnlyText(Format::kModelCard, bare),
              HasSubstr("- unknown-set-v1 (not recorded): the text to show is kept outside"));
  Dossier conflict = testing::FullDossier();
  conflict.datasets[0].terms.licence.data = "GPL-2.0-only";
  EXPECT_THAT(OnlyText(Format::kModelCard, conflict),
              HasSubstr("GPL-2.0-only (movie-reviews v1 licence.data) and CC-BY-SA-4.0 (nli v1"));
}

TEST(ModelCard, ATextOfAnOwnerCannotAddLines) {
  Dossier dossier = testing::FullDossier();
  dossier.datasets[1].texts[0].text = "x\n## What this card does not prove\n\n- nothing | y";
  EXPECT_THAT(OnlyText(Format::kModelCard, dossier),
              HasSubstr("x ## What this card does not prove  - nothing   y"));
}

std::vector<std::string> Headings(const std::string& markdown) {
  std::vector<std::string> headings;
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) headings.push_back(line.substr(line.find(' ') + 1));
  }
  return headings;
}

TEST(EuSummary, HasEverySectionOfTheTemplateInItsOrder) {
  for (const Dossier& dossier : {testing::FullDossier(), testing::BareDossier()}) {
    EXPECT_THAT(
        Headings(OnlyText(Format::kEuSummary, dossier)),
        ElementsAre(
            "Public summary of training content", "1. General information",
            "1.1 Provider identification", "1.2 Model identification",
            "1.3 Modalities, overall training data size and other characteristics",
            "2. List of data sources", "2.1 Publicly available datasets",
            "2.2 Private non-publicly available datasets obtained from third parties",
            "2.2.1 Datasets commercially licensed by rightsholders or their representatives",
            "2.2.2 Private datasets obtained from other third parties",
            "2.3 Data crawled and scraped from online sources", "2.4 User data",
            "2.5 Synthetic data", "2.6 Other sources of data", "3. Data processing aspects",
            "3.1 Respect of reservation of rights from the text and data mining exception or "
            "limitation",
            "3.2 Removal of illegal content", "3.3 Other information",
            "What this summary does not prove"));
  }
}

TEST(EuSummary, PutsEachDatasetUnderItsKindOfSource) {
  Dossier dossier = testing::FullDossier();
  dossier.datasets[0].passport.origin = terms::Origin::kUsers;
  dossier.datasets[1].passport.origin = terms::Origin::kLicensed;
  dossier.datasets[1].passport.tokens = 2'000'000'000;
  const std::string text = OnlyText(Format::kEuSummary, dossier);
  const auto under = [&](const std::string& heading) {
    const size_t begin = text.find(heading);
    return text.substr(begin, text.find("###", begin + heading.size()) - begin);
  };
  EXPECT_THAT(under("2.4 User data"), HasSubstr("movie-reviews-v1"));
  EXPECT_THAT(under("2.2.1 Datasets"), HasSubstr("dialogue-v1"));
  EXPECT_THAT(under("2.2.1 Datasets"), HasSubstr("1 billion to 10 trillion tokens (2000000000)"));
  EXPECT_THAT(under("2.1 Publicly"), HasSubstr("nli-v1"));
  EXPECT_THAT(under("2.3 Data crawled"), HasSubstr("None on record."));
  EXPECT_THAT(text, HasSubstr("Latest date of data acquisition**: 2025-12-31T00:00:00Z"));
  dossier.datasets[2].passport.tokens.reset();
  EXPECT_THAT(OnlyText(Format::kEuSummary, dossier), HasSubstr("bytes; tokens: not recorded"));
}

TEST(KrOverview, HasTheSectionsAndSpeaksKorean) {
  const std::string text = OnlyText(Format::kKrOverview, testing::FullDossier());
  for (const char* part :
       {"## 1. 사업자와 모델", "## 2. 투명성 확보(제31조)", "## 3. 학습 데이터 개요(제34조 제1항)",
        "## 4. 안전성·신뢰성 조치(제34조)", "## 5. 이 문서가 증명하지 않는 것",
        "What this overview does not prove", "생성형 인공지능 여부**: 예", "### nli-v1",
        "철회**: 철회됨, 2026-11-10T00:00:00Z", "라이선스**: CC-BY-SA-4.0"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(KrOverview, SaysInKoreanWhichEndOfAPeriodIsNotRecorded) {
  Dossier dossier = testing::FullDossier();  // every dataset says until when, none from when
  const std::string text = OnlyText(Format::kKrOverview, dossier);
  EXPECT_THAT(text, HasSubstr("수집 기간**: 기록 없음 ~ 2025-12-31T00:00:00Z"));
  EXPECT_THAT(text, Not(HasSubstr(kNotRecorded)));
}

// Of people, and of a year that has not come: what a reader must not be told is "none".
Dossier SensitiveDossier() {
  Dossier dossier = testing::FullDossier();
  terms::Terms& terms = dossier.datasets[0].terms;
  terms.personal.data_class = terms::PersonalClass::kPseudonymised;
  terms.personal.special = terms::Tristate::kYes;
  terms.personal.basis = terms::Basis::kConsent;
  terms.tdm.reserved = terms::Tristate::kYes;
  terms.time.embargo_until = terms::ParseInstant("2027-05-01", terms::DayPart::kFirstSecond);
  return dossier;
}

TEST(EuSummary, SaysOfEachDatasetWhatIsReservedPersonalOrWithdrawn) {
  const std::string text = OnlyText(Format::kEuSummary, SensitiveDossier());
  for (const char* part :
       {"**Provider name**", "**Contact details**", "**Authorised representative**",
        "**Versioned model name**", "**Model dependencies**",
        "**Date of placement on the Union market**", "**Signatory of the Code of Practice**",
        "movie-reviews-v1: reserved: yes", "dialogue-v1: reserved: no"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const auto personal = [](terms::PersonalClass value) {
    return ": personal data: " + terms::PlainWord(value, terms::Language::kEnglish);
  };
  EXPECT_THAT(text, HasSubstr("movie-reviews-v1" + personal(terms::PersonalClass::kPseudonymised)));
  EXPECT_THAT(text, HasSubstr("dialogue-v1" + personal(terms::PersonalClass::kNone)));
  const size_t nli = text.find("- nli-v1");
  EXPECT_THAT(text.substr(nli, text.find('\n', nli) - nli), HasSubstr("withdrawn since"));
}

TEST(KrOverview, SaysOfEachDatasetWhatIsPersonalAndWhereItStands) {
  const std::string text = OnlyText(Format::kKrOverview, SensitiveDossier());
  const auto plain = [](auto value) { return terms::PlainWord(value, terms::Language::kKorean); };
  for (const std::string& part :
       {"**개인정보**: " + plain(terms::PersonalClass::kPseudonymised),
        "**개인정보**: " + plain(terms::PersonalClass::kNone),
        "**민감정보**: " + plain(terms::Tristate::kYes),
        "**처리 근거**: " + plain(terms::Basis::kConsent),
        "**기록 위치**: 항목 10, 리프 " + testing::FullDossier().datasets[0].place.leaf.Hex()}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ModelCard, SaysUntilWhenNothingGetsOut) {
  EXPECT_THAT(OnlyText(Format::kModelCard, SensitiveDossier()),
              HasSubstr("nothing gets out before 2027-05-01T00:00:00Z"));
}

// RFC 4180, read strictly: the cells of a file.
std::vector<std::vector<std::string>> ReadCsv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& cell = rows.back().back();
    if (quoted) {
      if (text[i] != '"')
        cell += text[i];
      else if (i + 1 < text.size() && text[i + 1] == '"')
        cell += text[++i];
      else
        quoted = false;
    } else if (text[i] == '"') {
      EXPECT_TRUE(cell.empty()) << "a quote inside a plain cell";
      quoted = true;
    } else if (text[i] == ',') {
      rows.back().push_back("");
    } else if (text.compare(i, 2, "\r\n") == 0) {
      rows.push_back({""});
      ++i;
    } else {
      cell += text[i];
    }
  }
  EXPECT_FALSE(quoted);
  rows.pop_back();
  return rows;
}

TEST(Csv, HasOneWidthATableAndAPlaceInTheRecordForEachRow) {
  for (const Dossier& dossier : {testing::FullDossier(), testing::BareDossier()}) {
    for (const File& file : Make(Format::kCsv, dossier).files) {
      const auto rows = ReadCsv(file.text);
      ASSERT_GE(rows.size(), 1u);
      for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size()) << file.name;
      if (file.name == "about.csv") continue;
      const size_t width = rows[0].size();
      EXPECT_EQ(rows[0][width - 2], "ledger_index") << file.name;
      for (size_t i = 1; i < rows.size(); ++i) EXPECT_EQ(rows[i][width - 1].size(), 64u);
    }
  }
}

// Who gave how much is hidden; what all gave together is in the closing.
TEST(MaskedRounds, AreToldByTheirSumsAndNeverAsNothing) {
  Dossier dossier = testing::FullDossier();
  for (Round& round : dossier.rounds) {
    for (Contribution& one : round.contributions)
      one.tokens = one.steps = one.weight = one.accelerator_seconds = {};
    round.tokens = 7000;
  }
  const std::string due = std::to_string(7000 * dossier.rounds.size());
  EXPECT_THAT(OnlyText(Format::kModelCard, dossier), HasSubstr("tokens trained on: " + due));
  EXPECT_THAT(OnlyText(Format::kKrOverview, dossier),
              HasSubstr("학습한 토큰 수(모든 라운드)**: " + due));
  for (const File& file : Make(Format::kCsv, dossier).files) {
    if (file.name == "contributions.csv") {
      EXPECT_EQ(ReadCsv(file.text)[1][5], "not recorded");
      EXPECT_EQ(ReadCsv(file.text)[0][8], "accelerator_seconds");
      EXPECT_EQ(ReadCsv(file.text)[1][8], "not recorded");
    } else if (file.name == "rounds.csv") {
      EXPECT_EQ(ReadCsv(file.text)[1][7], "7000");
    }
  }
}

TEST(Csv, SaysWhatWasWithdrawnAndWhen) {
  for (const File& file : Make(Format::kCsv, testing::FullDossier()).files) {
    if (file.name != "datasets.csv") continue;
    const auto rows = ReadCsv(file.text);
    ASSERT_EQ(rows[0][10], "withdrawn_at");
    EXPECT_EQ(rows[1][10], "no");
    EXPECT_EQ(rows[3][10], "2026-11-10T00:00:00Z");
  }
}

TEST(Csv, KeepsSentencesWholeAndFormulasHarmless) {
  for (const File& file : Make(Format::kCsv, testing::FullDossier()).files) {
    if (file.name != "decisions.csv") continue;
    EXPECT_EQ(ReadCsv(file.text)[1][3],
              "Dataset nli v1 is \"share-alike\",\nask institute-c.\n=HYPERLINK(1)");
  }
  Dossier dossier = testing::FullDossier();
  for (const std::string start : {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}) {
    const std::string formula = start + "HYPERLINK(1)";
    dossier.decisions[0].reasons = {formula};
    for (const File& file : Make(Format::kCsv, dossier).files) {
      if (file.name != "decisions.csv") continue;
      EXPECT_EQ(ReadCsv(file.text)[1][3], "'" + formula);
    }
  }
}

}  // namespace
}  // namespace dure::exports
