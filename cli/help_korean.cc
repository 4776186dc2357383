#include "cli/help_korean.h"

#include <CLI/CLI.hpp>
#include <array>
#include <map>

#include "cli/columns.h"

namespace dure::cli {
namespace {

using Texts = std::map<std::string_view, std::string_view>;

// Lines under the options that stand in the help of many.
constexpr auto kFooters = std::to_array<HelpText>({
    {"Examples:\n", "예:\n"},
    {"Start with:\n", "시작하려면:\n"},
    {"    found a consortium\n", "    컨소시엄을 만듭니다\n"},
    {"           what the exit codes mean", "           종료 코드의 뜻"},
    {"Each has its own help: ", "명령마다 도움말이 있습니다: "},
    {"Also: --json, --quiet and --lang en|ko, as everywhere.",
     "모든 명령에서 --json, --quiet, --lang en|ko도 쓸 수 있습니다."},
});

std::string Footer(std::string footer) {
  for (const HelpText& text : kFooters) {
    const size_t at = footer.find(text.en);
    if (at != std::string::npos) footer.replace(at, text.en.size(), text.ko);
  }
  return footer;
}

// CLI11's own words; the two in brackets are no labels of it.
constexpr std::string_view kGroup = "[Option Group: ";
constexpr std::string_view kOne = "[Exactly 1 of the following options is required]";
constexpr auto kLabels = std::to_array<HelpText>({
    {"Usage", "사용법"},
    {"OPTIONS", "옵션"},
    {"SUBCOMMAND", "명령"},
    {"Positionals", "인수"},
    {"REQUIRED", "필수"},
    {"Excludes", "함께 쓸 수 없음"},
    {"Needs", "함께 써야 함"},
    {kGroup, "["},
    {kOne, "[다음 옵션 가운데 하나만 써야 합니다]"},
});

// CLI11 would write "decision(1x)" where one word or several may stand, and counts the bytes of a
// column.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string name = option->get_name(true) + (option->get_expected_max() > 1 ? "..." : "");
    return option->get_required() ? name : "[" + name + "]";
  }

  std::string make_option(const CLI::Option* option, bool by_place) const override {
    std::string line = "  " + make_option_name(option, by_place) + make_option_opts(option);
    const std::string text = make_option_desc(option);
    const size_t width = WidthOf(line);
    if (!text.empty() && width >= get_column_width()) {
      line += "\n" + std::string(get_column_width(), ' ');
    } else if (!text.empty()) {
      line += std::string(get_column_width() - width, ' ');
    }
    return line + text + "\n";
  }

  std::string make_description(const CLI::App* app) const override {
    return Labelled(CLI::Formatter::make_description(app));
  }
  std::string make_expanded(const CLI::App* app) const override {
    return Labelled(CLI::Formatter::make_expanded(app));
  }

 private:
  std::string Labelled(std::string text) const {
    for (const std::string_view own : {kGroup, kOne}) {
      const size_t at = text.find(own);
      if (at != std::string::npos) text.replace(at, own.size(), get_label(std::string(own)));
    }
    return text;
  }
};

void Translate(CLI::App& app, const Texts& texts, std::vector<std::string>& without) {
  const auto said = [&](const std::string& english) {
    const auto found = texts.find(english);
    if (found != texts.end()) return std::string(found->second);
    if (!english.empty()) without.push_back(english);
    return english;
  };
  app.description(said(app.get_description()));
  app.footer(Footer(app.get_footer()));
  for (CLI::Option* option : app.get_options([](CLI::Option*) { return true; })) {
    option->description(said(option->get_description()));
    option->group("옵션");
  }
  for (CLI::App* inner : app.get_subcommands([](CLI::App*) { return true; })) {
    // What has no name is a group of options.
    inner->group(inner->get_name().empty() ? said(inner->get_group()) : "명령");
    Translate(*inner, texts, without);
  }
}

}  // namespace

std::shared_ptr<CLI::FormatterBase> MakeHelpFormatter() {
  return std::make_shared<HelpFormatter>();
}

std::vector<std::string> SpeakKorean(CLI::App& dure) {
  Texts texts;
  for (const auto& part : {SeatHelp(), RecordHelp(), RunHelp()}) {
    for (const HelpText& text : part) texts.emplace(text.en, text.ko);
  }
  texts.emplace("Whom (exactly one)", "대상");
  for (const HelpText& text : kLabels) {
    dure.get_formatter()->label(std::string(text.en), std::string(text.ko));
  }
  std::vector<std::string> without;
  Translate(dure, texts, without);
  return without;
}

}  // namespace dure::cli
