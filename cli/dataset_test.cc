#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/testing.h"
#include "federation/random.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTerms = R"(version = 1
use = "commercial-allowed"
purposes = ["scientific-research", "commercial-service"]
[actions]
train = "allow"
[licence]
data = "MIT"
[territories]
processing = ["KR"]
[personal]
class = "none"
[[duties]]
kind = "attribute"
text = "Dialogue corpus, Telecom B"
[dataset]
dataset = "dialogue"
custodian = "telecom-b"
rightsHolder = "various"
modality = "text"
classification = "clear"
)";

class DatasetVerbs : public ::testing::Test {
 protected:
  DatasetVerbs() {
    SystemRandom random;
    dir_ =
        (fs::temp_directory_path() / ("dure-dataset-" + std::to_string(random.Next64()))).string();
    fs::create_directories(dir_ + "/data");
    std::ofstream(At("data/a.txt")) << "a secret line\n";
    std::ofstream(At("terms.toml")) << kTerms;
  }
  ~DatasetVerbs() override { fs::remove_all(dir_); }
  std::string At(const std::string& name) const { return dir_ + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ifstream in(At(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string dir_;
};

TEST_F(DatasetVerbs, WarnOfTermsUnderWhichNothingIsEverUsed) {
  const std::vector<std::string> check = {"dataset", "check", At("terms.toml"), "--lang"};
  const auto said = [&](const char* language) {
    std::vector<std::string> line = check;
    line.emplace_back(language);
    return RunLine(line, WallTime(std::chrono::hours(24 * 365 * 57))).err;
  };
  std::string text = kTerms;
  text.replace(text.find("train = \"allow\""), 15, "train = \"deny\"");
  std::ofstream(At("terms.toml")) << text;
  EXPECT_THAT(said("en"), HasSubstr("! [actions] allows nothing, not even training"));
  EXPECT_THAT(said("ko"), HasSubstr("! [actions]에 허용하거나"));
  text = kTerms;
  text.insert(text.find("[personal]"), "[time]\nvalidUntil = 2025-12-31\n");
  std::ofstream(At("terms.toml")) << text;
  EXPECT_THAT(said("en"), HasSubstr("! time.validUntil is over"));
  EXPECT_THAT(said("ko"), HasSubstr("! time.validUntil이 이미 지났습니다"));
}

TEST_F(DatasetVerbs, WarnOfWhatIsSoundAndHardlyMeant) {
  EXPECT_THAT(RunLine({"dataset", "check", At("terms.toml")}).err, Not(HasSubstr("! ")));
  std::string text = kTerms;
  text.replace(text.find("class = \"none\""), 14, "");
  text.insert(text.find("[actions]"), "consent = [\"export\"]\n");
  std::ofstream(At("terms.toml")) << text;
  const Outcome english = RunLine({"dataset", "check", At("terms.toml"), "--lang", "en"});
  EXPECT_EQ(english.code, 0) << english.err;
  EXPECT_THAT(english.err,
              HasSubstr("! consent names \"export\", but actions.export-weights is not "
                        "said: no model will ever leave"));
  EXPECT_THAT(english.err,
              HasSubstr("! personal.class: Left out, it is unknown, and P3.1 keeps the "
                        "data out of every training."));
  const Outcome korean = RunLine({"dataset", "check", At("terms.toml"), "--lang", "ko"});
  EXPECT_THAT(korean.err, HasSubstr("! consent에 export가 있으나 actions.export-weights를 정하지 "
                                    "않아 모델을 내보낼 수 없습니다"));
  EXPECT_THAT(korean.err, HasSubstr("P3.1에 따라 어느 학습에도 쓰이지 않습니다."));
}

TEST_F(DatasetVerbs, WarnOfAWishForTheModelThatTheDatasLicenceForbids) {
  const auto said = [&](const std::string& data, const std::string& model, const char* language) {
    std::string text = kTerms;
    text.replace(text.find("data = \"MIT\""), 12,
                 "data = \"" + data + "\"\nmodel = \"" + model + "\"");
    std::ofstream(At("wish.toml")) << text;
    const Outcome outcome = RunLine({"dataset", "check", At("wish.toml"), "--lang", language});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(said("CC-BY-SA-4.0", "MIT", "en"),
              HasSubstr("! licence.model = \"MIT\" cannot hold with licence.data = "
                        "\"CC-BY-SA-4.0\": no model with this data may be passed on"));
  EXPECT_THAT(said("CC-BY-SA-4.0", "MIT", "ko"), HasSubstr("함께 지킬 수 없습니다"));
  EXPECT_THAT(said("CC-BY-SA-4.0", "GPL-3.0-only OR MIT", "en"), Not(HasSubstr("licence.model")));
  EXPECT_THAT(said("MIT", "Apache-2.0", "en"), Not(HasSubstr("licence.model")));
}

TEST_F(DatasetVerbs, CheckAndShowTermsInTwoLanguages) {
  const Outcome check = RunLine({"dataset", "check", At("terms.toml")});
  EXPECT_EQ(check.code, 0) << check.err;
  EXPECT_THAT(check.out, HasSubstr("is sound: commercial-allowed, licence MIT"));
  EXPECT_THAT(RunLine({"dataset", "check", At("terms.toml"), "--json"}).out,
              HasSubstr("{\"format\":\"dure-terms/1\",\"version\":1,\"use\":"));
  EXPECT_THAT(RunLine({"dataset", "show-terms", At("terms.toml")}).out,
              HasSubstr("name the source: \"Dialogue corpus, Telecom B\""));
  EXPECT_THAT(RunLine({"dataset", "show-terms", At("terms.toml"), "--language", "ko"}).out,
              HasSubstr("과학적 연구, 상업 서비스"));
  std::ofstream(At("bad.toml")) << "use = \"all\"\n";
  const Outcome bad = RunLine({"dataset", "check", At("bad.toml")});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, HasSubstr("bad.toml:1: use: 'all' does not fit; allowed: unknown, open"));
  EXPECT_EQ(RunLine({"dataset", "check", At("none.toml")}).code, 1);
  EXPECT_THAT(RunLine({"dataset", "check", At("terms.toml"), "--lang", "ko"}).out,
              HasSubstr("고칠 것을 찾지 못했습니다: 상업적 이용도 허용, 라이선스 MIT"));
  std::ofstream(At("empty.toml")) << "";
  EXPECT_THAT(RunLine({"dataset", "check", At("empty.toml")}).err,
              HasSubstr("there is no table [dataset] yet"));
}

TEST_F(DatasetVerbs, DescribeMeasuresAndKeepsTextsAndSaltsApart) {
  const Outcome described = RunLine({"dataset", "describe", "--terms", At("terms.toml"), "--data",
                                     At("data"), "--out", At("out"), "--tokenizer", "bytes"});
  EXPECT_EQ(described.code, 0) << described.err;
  EXPECT_THAT(described.out, HasSubstr("14 bytes in 1 file, 1 line"));
  EXPECT_THAT(described.out, HasSubstr("Tokens"));
  const std::string recorded = Read("out/dialogue.passport.json") + Read("out/dialogue.terms.json");
  EXPECT_THAT(recorded, HasSubstr("\"dataset\":\"dialogue\""));
  EXPECT_THAT(recorded, HasSubstr("\"bytes\":14"));
  EXPECT_THAT(recorded, Not(HasSubstr("secret")));
  EXPECT_THAT(recorded, Not(HasSubstr("Telecom B")));
  EXPECT_THAT(recorded, Not(HasSubstr("a.txt")));
  EXPECT_THAT(Read("out/dialogue.private.json"), HasSubstr("Telecom B"));
  const auto mode = fs::status(At("out/dialogue.private.json")).permissions();
  EXPECT_EQ(mode & fs::perms::mask, fs::perms::owner_read | fs::perms::owner_write);
  // A second time would lose the salts of the first.
  const Outcome again = RunLine({"dataset", "describe", "--terms", At("terms.toml"), "--data",
                                 At("data"), "--out", At("out")});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("exists already; --force replaces it"));
}

TEST_F(DatasetVerbs, GoOutAndComeBackInOtherFormats) {
  for (const std::string format : {"odrl", "croissant"}) {
    const Outcome out = RunLine(
        {"dataset", "export", At("terms.toml"), "--format", format, "--out", At(format + ".json")});
    EXPECT_EQ(out.code, 0) << out.err;
    const Outcome in =
        RunLine({"dataset", "import", At(format + ".json"), "--out", At(format + ".toml")});
    EXPECT_EQ(in.code, 0) << in.err;
    EXPECT_THAT(Read(format + ".toml"), HasSubstr("data = \"MIT\""));
    EXPECT_THAT(Read(format + ".toml"), HasSubstr("train = \"allow\""));
  }
  EXPECT_EQ(RunLine({"dataset", "export", At("terms.toml"), "--format", "pdf"}).code, 2);
  EXPECT_EQ(RunLine({"dataset", "import", At("terms.toml"), "--out", At("x.toml")}).code, 1);
}

TEST_F(DatasetVerbs, SaysWhatItWroteAsOneObject) {
  const Outcome out = RunLine({"dataset", "export", At("terms.toml"), "--format", "odrl", "--out",
                               At("offer.json"), "--json"});
  EXPECT_EQ(nlohmann::json::parse(out.out)["file"], At("offer.json"));
  const Outcome in =
      RunLine({"dataset", "import", At("offer.json"), "--out", At("offer.toml"), "--json"});
  EXPECT_EQ(nlohmann::json::parse(in.out)["format"], "ODRL");
  EXPECT_EQ(in.err, "");
}

// What an officer may name by mistake: a folder, bytes that are no text, far too many.
TEST_F(DatasetVerbs, BadFilesAreSaidByName) {
  std::ofstream(At("bytes.toml"), std::ios::binary) << "\xff\xfe";
  fs::resize_file(At("bytes.toml"), 3);
  std::ofstream(At("huge.toml")) << "";
  fs::resize_file(At("huge.toml"), uintmax_t{40} << 30);  // a hole
  for (const std::string name : {"data", "bytes.toml", "huge.toml", "none.toml"}) {
    for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
             {"dataset", "check", At(name)},
             {"dataset", "import", At(name), "--out", At("new.toml")},
             {"policy", "lint", At(name)},
             {"policy", "fmt", At(name)}}) {
      const Outcome outcome = RunLine(line);
      EXPECT_EQ(outcome.code, 1) << name << " " << line[1];
      EXPECT_THAT(outcome.err, HasSubstr("dure: "));
    }
  }
  EXPECT_THAT(RunLine({"dataset", "check", At("data")}).err, HasSubstr("data is a folder"));
  EXPECT_THAT(RunLine({"dataset", "check", At("huge.toml")}).err, HasSubstr("longer than 16 MiB"));
  EXPECT_FALSE(fs::exists(At("new.toml")));
}

// Files are no longer than `bytes` while it lives: a disk that is full, for this program only.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : before_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit small = {bytes, limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    signal(SIGXFSZ, before_);
  }

 private:
  sighandler_t before_;
  rlimit limit_{};
};

TEST_F(DatasetVerbs, AFileThatIsToBeReplacedOutlivesAFullDisk) {
  std::ofstream(At("offer.json")) << "what was there";
  const std::vector<std::string> line = {"dataset", "export", At("terms.toml"), "--format",
                                         "odrl",    "--out",  At("offer.json"), "--force"};
  {
    const FullDisk full(8);
    EXPECT_EQ(RunLine(line).code, 1);
  }
  EXPECT_EQ(Read("offer.json"), "what was there");
  EXPECT_FALSE(fs::exists(At("offer.json.writing")));
  EXPECT_EQ(RunLine(line).code, 0);
  EXPECT_THAT(Read("offer.json"), HasSubstr("odrl"));
}

// The form's questions with these answers and Enter for the rest; what stood on the screen.
std::pair<Outcome, std::string> FillForm(const std::string& path) {
  std::istringstream typed("reviews\nportal-a\npublic-domain\nFilm reviews\n" +
                           std::string(60, '\n') + "ok\n");
  std::streambuf* const keyboard = std::cin.rdbuf(typed.rdbuf());
  std::ostringstream screen;
  std::streambuf* const terminal = std::cerr.rdbuf(screen.rdbuf());
  const Outcome filled = RunLine({"dataset", "form", "--out", path});
  std::cin.rdbuf(keyboard);
  std::cerr.rdbuf(terminal);
  return {filled, screen.str()};
}

TEST_F(DatasetVerbs, NobodyAnswersTheFormInVain) {
  const auto [nowhere, asked] = FillForm(At("no-folder/form.toml"));
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("no-folder/form.toml cannot be written: No such file"));
  EXPECT_EQ(asked, "");
  Outcome filled;
  {
    const FullDisk full(8);
    filled = FillForm(At("form.toml")).first;
  }
  EXPECT_EQ(filled.code, 1);
  EXPECT_THAT(filled.out, HasSubstr("title = \"Film reviews\""));
  EXPECT_FALSE(fs::exists(At("form.toml")));
  EXPECT_EQ(FillForm(At("form.toml")).first.code, 0);
}

TEST_F(DatasetVerbs, TheFormLeftHalfWayWritesNothing) {
  std::istringstream typed("reviews\nportal-a\npublic-domain\nFilm reviews\n" +
                           std::string(40, '\n') + "quit\n");
  std::streambuf* const keyboard = std::cin.rdbuf(typed.rdbuf());
  std::ostringstream screen;
  std::streambuf* const terminal = std::cerr.rdbuf(screen.rdbuf());
  const Outcome left = RunLine({"dataset", "form", "--out", At("form.toml")});
  std::cin.rdbuf(keyboard);
  std::cerr.rdbuf(terminal);
  EXPECT_EQ(left.code, 1);
  EXPECT_THAT(screen.str(), HasSubstr("A short name for the dataset"));
  EXPECT_FALSE(fs::exists(At("form.toml")));
  EXPECT_EQ(RunLine({"dataset", "form", "--out", At("terms.toml")}).code, 1);
  EXPECT_EQ(RunLine({"dataset", "form", "--out", At("f.toml"), "--language", "fr"}).code, 2);
}

}  // namespace
}  // namespace dure::cli
