// dure help: the same help as --help, and topics that belong to no verb.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/language.h"
#include "cli/nouns.h"

namespace dure::cli {
namespace {

const CLI::App* Find(const CLI::App& parent, const std::string& word) {
  for (const CLI::App* child : parent.get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_name() == word) return child;
  }
  return nullptr;
}

Status ShowHelp(const CLI::App& dure, const std::vector<std::string>& words, Context& context) {
  const auto print = [&context](const std::string& text) {
    context.Print(context.json() ? nlohmann::json{{"help", text}}.dump() : text);
  };
  if (words.size() == 1 && words.front() == "exit-codes") {
    print(std::string(ExitCodesHelp(IsKorean(context) && !context.json())));
    return {};
  }
  const CLI::App* at = &dure;
  std::string before;  // the words in front of the command's own name
  for (const std::string& word : words) {
    before += (before.empty() ? "" : " ") + at->get_name();
    const CLI::App* next = Find(*at, word);
    if (next == nullptr) {
      return Fail(ErrorCode::kNotFound,
                  "no help on '" + word + "' under '" + before + "' (see: " + before + " --help)");
    }
    at = next;
  }
  // App::help would descend into the verb that was chosen, which is this one.
  const std::string name = before.empty() ? at->get_name() : before + " " + at->get_name();
  print(at->get_formatter()->make_help(at, name, CLI::AppFormatMode::Normal));
  return {};
}

}  // namespace

void AddHelpCommand(Command dure, Context& context) {
  auto words = std::make_shared<std::vector<std::string>>();
  Command verb = AddVerb(dure, "help", "explain a command or a topic",
                         "dure help\ndure help consortium init\ndure help exit-codes");
  verb.Add("words", *words, "A command, or the topic exit-codes");
  context.Do(verb, [words, dure, &context] { return ShowHelp(dure.app(), *words, context); });
}

}  // namespace dure::cli
