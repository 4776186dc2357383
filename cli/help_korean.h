// The help in Korean: what nouns, verbs and options say in English, each with its Korean text. The
// English stands where the option is made; a test finds the one that has no Korean here.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class FormatterBase;
}  // namespace CLI

namespace dure::cli {

struct HelpText {
  std::string_view en;
  std::string_view ko;
};
std::span<const HelpText> RecordHelp();  // the record, rules, data, what officers do
std::span<const HelpText> SeatHelp();    // consortia, sites, identities
std::span<const HelpText> RunHelp();     // runs, models, plans, the demonstration

// How `dure` lays out its help. It is set before any noun is added, which inherits it.
std::shared_ptr<CLI::FormatterBase> MakeHelpFormatter();

// All texts of a whole command line become Korean, but for examples, which are commands. One that
// has no Korean stays, and is returned. REQUIRES: its formatter is the one above; called once.
std::vector<std::string> SpeakKorean(CLI::App& dure);

}  // namespace dure::cli
