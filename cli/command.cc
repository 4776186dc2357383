#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "cli/terminal_text.h"

namespace dure::cli {
namespace {

void WriteLine(std::ostream& stream, std::string_view text) {
  stream << text;
  if (text.empty() || text.back() != '\n') stream << '\n';
  stream.flush();
}

std::string Examples(const std::string& examples) {
  std::string footer = "Examples:\n";
  std::istringstream lines(examples);
  for (std::string line; std::getline(lines, line);) footer += "  " + line + "\n";
  return footer;
}

}  // namespace

// JSON has its own way to write control characters, and is read by programs.
void Context::Print(std::string_view text) {
  WriteLine(out_, json_ ? std::string(text) : TerminalText(text));
}

void Context::Say(std::string_view text) {
  if (!quiet_ && !json_) WriteLine(err_, TerminalText(text));
}

void Context::Do(Command verb, std::function<Status()> action) {
  verb.app().callback([this, action = std::move(action)] { action_ = action; });
}

Command AddNoun(Command dure, const std::string& name, const std::string& one_line,
                const std::string& examples) {
  CLI::App* noun = dure.app().add_subcommand(name, one_line);
  noun->require_subcommand(1);
  noun->footer(examples.empty() ? "Each has its own help: dure " + name + " VERB --help"
                                : Examples(examples));
  return Command(noun);
}

Command AddVerb(Command noun, const std::string& name, const std::string& one_line,
                const std::string& examples) {
  CLI::App* verb = noun.app().add_subcommand(name, one_line);
  verb->footer(Examples(examples) + "\nAlso: --json, --quiet and --lang en|ko, as everywhere.\n");
  return Command(verb);
}

}  // namespace dure::cli
