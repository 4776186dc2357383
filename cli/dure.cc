#include "cli/dure.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <ios>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/help_korean.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/phrases.h"
#include "cli/terminal_text.h"

namespace dure::cli {

namespace {

// What --lang or --language of a command line asks for, if it is a language; empty: nothing.
std::string LanguageIn(const std::vector<std::string>& arguments) {
  std::string language;
  for (size_t i = 0; i < arguments.size(); ++i) {
    for (const std::string name : {"--lang", "--language"}) {
      if (arguments[i] == name && i + 1 < arguments.size()) language = arguments[i + 1];
      if (arguments[i].starts_with(name + "=")) language = arguments[i].substr(name.size() + 1);
    }
  }
  return language == "ko" || language == "en" ? language : std::string();
}

// How many letters it takes to make one word of the other (Levenshtein 1966).
size_t Letters(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row[b.size()];
}

// What somebody may have meant by a word that `at` does not know: a verb of a noun that has it, or
// one that is written nearly so. Empty: nothing comes near.
std::string Meant(const CLI::App& root, const CLI::App& at, const std::string& path,
                  const std::string& word) {
  constexpr size_t kLettersOff = 2;
  const auto any = [](const CLI::App*) { return true; };
  std::string meant;
  for (const CLI::App* noun : root.get_subcommands(any)) {
    for (const CLI::App* verb : noun->get_subcommands(any)) {
      if (verb->get_name() != word) continue;
      meant += (meant.empty() ? "dure " : ", dure ") + noun->get_name() + " " + word;
    }
  }
  for (const CLI::App* near : at.get_subcommands(any)) {
    const std::string name = near->get_name();
    if (!meant.empty() || name.size() <= kLettersOff + 1) continue;
    if (Letters(word.substr(0, 32), name) <= kLettersOff) meant = path + " " + name;
  }
  return meant;
}

}  // namespace

// Builds the tree of nouns, reads the command line, runs the one chosen verb.
class Dure {
 public:
  Dure(std::ostream& out, std::ostream& err, std::function<WallTime()> now)
      : context_(out, err, std::move(now)),
        app_("Dure: institutions train one model together; no one's data leaves home.", "dure") {
    app_.formatter(MakeHelpFormatter());  // inherited, too
    app_.fallthrough();                   // inherited by every verb: --json may stand anywhere
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "dure " DURE_VERSION);
    app_.add_flag("--json", context_.json_, "Print the result as one JSON object");
    // Verbs that say more than errors in Korean have it in their own help (cli/language.h).
    app_.add_option("--lang,--language", context_.language_, "en or ko; the locale's by default")
        ->check(CLI::IsMember(std::vector<std::string>{"en", "ko"}));
    app_.add_flag("-q,--quiet", context_.quiet_, "Print results and errors only");
    app_.footer(
        "Start with:\n"
        "  dure consortium init --help    found a consortium\n"
        "  dure help exit-codes           what the exit codes mean");
    const Command all(&app_);
    AddConsortiumCommands(all, context_);
    AddInviteCommand(all, context_);
    AddIdentityCommands(all, context_);
    AddLedgerCommands(all, context_);
    AddPolicyCommands(all, context_);
    AddSiteCommands(all, context_);
    AddRevokeCommand(all, context_);
    AddAggregatorCommands(all, context_);
    AddRunCommands(all, context_);
    AddModelCommands(all, context_);
    AddTokenizerCommands(all, context_);
    AddDatasetCommands(all, context_);
    AddPlanCommand(all, context_);
    AddPrivacyCommands(all, context_);
    AddVoteCommands(all, context_);
    AddTallyCommand(all, context_);
    AddWhyCommand(all, context_);
    AddWithdrawCommands(all, context_);
    AddGrantCommands(all, context_);
    AddRoundCommands(all, context_);
    AddExportCommands(all, context_);
    AddShareCommands(all, context_);
    AddIncidentCommands(all, context_);
    AddDutiesCommands(all, context_);
    AddQuotaCommand(all, context_);
    AddMemberCommands(all, context_);
    AddDemoCommand(all, context_);
    AddHelpCommand(all, context_);
  }

  std::vector<std::string> HelpWithoutKorean() { return SpeakKorean(app_); }

  int Run(std::vector<std::string> arguments) {
    // A usage error, --help and --version end the parse before flags are read.
    context_.json_ = std::ranges::find(arguments, "--json") != arguments.end();
    context_.language_ = LanguageIn(arguments);
    if (IsKorean(context_) && !context_.json_) SpeakKorean(app_);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a vector from its end
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      return Explain(error);
    }
    if (!context_.action_) return static_cast<int>(ExitCode::kOk);
    const Status done = Act();
    if (done) return static_cast<int>(ExitCode::kOk);
    const ExitCode code =
        context_.set_up_wrongly_ ? ExitCode::kSetUp : ExitCodeOf(done.error().code);
    PrintError(dure::Name(done.error().code), done.error().message, code);
    return static_cast<int>(code);
  }

 private:
  // Whoever asks may look at a folder that another user owns, or name one that cannot be: below all
  // rooms the standard library says so by throwing, and here it becomes what everybody says.
  Status Act() {
    try {
      return context_.action_();
    } catch (const std::filesystem::filesystem_error& error) {
      const bool closed = error.code() == std::errc::permission_denied;
      return Fail(ErrorCode::kFailedPrecondition,
                  error.path1().string() + ": " + error.code().message() +
                      (closed ? "; run dure as the user that owns the folder" : ""));
    } catch (const std::ios_base::failure& error) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "a file that was named cannot be read: " + error.code().message());
    } catch (const std::bad_alloc&) {
      return Fail(ErrorCode::kExhausted, "there is not enough memory for this");
    }
  }

  // Help and version also arrive as exceptions; they are no errors.
  int Explain(const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      std::ostringstream text;
      const int code = app_.exit(error, text, context_.err_);
      const bool version = error.get_name() == "CallForVersion";
      context_.Print(!context_.json_ ? text.str()
                     : version       ? nlohmann::json{{"version", DURE_VERSION}}.dump()
                                     : nlohmann::json{{"help", text.str()}}.dump());
      return code;
    }
    const CLI::App* at = &app_;
    std::string path = "dure";
    while (!at->get_subcommands().empty()) {
      at = at->get_subcommands().front();
      path += " " + at->get_name();
    }
    // CLI11 would only say that a word is missing, and not which one it did not know.
    const std::vector<std::string> unknown = app_.remaining(true);
    const bool has_verbs = !at->get_subcommands([](const CLI::App*) { return true; }).empty();
    const bool korean = IsKorean(context_) && !context_.json_;
    const std::string what =
        has_verbs && !unknown.empty()
            ? Pick(korean, path + " has no command '" + unknown.front() + "'",
                   path + "에 '" + unknown.front() + "'(이)라는 명령이 없습니다")
            : Pick(korean, error.what(), InKorean(error.what()));
    const std::string meant =
        has_verbs && !unknown.empty() ? Meant(app_, *at, path, unknown.front()) : std::string();
    const std::string there =
        meant.empty() ? meant : Pick(korean, "; there is: ", ". 이런 명령이 있습니다: ") + meant;
    PrintError("usage", what + there + Pick(korean, " (see: ", " (도움말: ") + path + " --help)",
               ExitCode::kUsage);
    return static_cast<int>(ExitCode::kUsage);
  }

  void PrintError(std::string_view name, const std::string& message, ExitCode code) {
    if (!context_.json_) {
      const std::string text = TerminalText(message);
      context_.err_ << "dure: " << (IsKorean(context_) ? InKorean(text) : text) << std::endl;
      return;
    }
    const nlohmann::json object = {
        {"error", {{"code", name}, {"message", message}, {"exit_code", static_cast<int>(code)}}}};
    context_.err_ << object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                  << std::endl;
  }

  Context context_;
  CLI::App app_;
};

int RunDure(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
            std::function<WallTime()> now) {
  return Dure(out, err, std::move(now)).Run(arguments);
}

std::vector<std::string> HelpWithoutKorean() {
  std::ostringstream nowhere;
  return Dure(nowhere, nowhere, [] { return WallTime{}; }).HelpWithoutKorean();
}

}  // namespace dure::cli
