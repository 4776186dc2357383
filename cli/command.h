// How a noun gives its verbs to `dure`.
//
// One file a noun: cli/<noun>.cc defines `void Add<Noun>Commands(Command dure, Context&
// context)`, which nouns.h declares and dure.cc calls. Inside, each verb is made with AddVerb, gets
// its options, and says with context.Do what happens when it is chosen:
//
//   void AddLedgerCommands(Command dure, Context& context) {
//     Command noun = AddNoun(dure, "ledger", "read and check the record");
//     struct Options { std::string dir; };
//     auto options = std::make_shared<Options>();
//     Command verb = AddVerb(noun, "verify", "check the log", "dure ledger verify --dir S");
//     verb.Add("--dir", options->dir, "the site's folder").Required();
//     context.Do(verb, [options, &context] { return VerifyLedger(*options, context); });
//   }
//
// Exactly one verb runs, after the whole command line was understood. It returns a Status; dure.cc
// prints an error and turns its code into the exit code. Results go to Print, remarks to Say.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/options.h"
#include "federation/clock.h"
#include "federation/result.h"

namespace dure::cli {

class Context {
 public:
  Context(std::ostream& out, std::ostream& err, std::function<WallTime()> now)
      : out_(out), err_(err), now_(std::move(now)) {}

  // The result that was asked for, on standard output; a newline is added when there is none. What
  // a terminal would obey (cli/terminal_text.h) is replaced, but for --json.
  void Print(std::string_view text);
  // One JSON object, already serialized, as one line on standard output.
  void PrintJson(std::string_view object) { Print(object); }
  // What a person may like to know (progress, the next step), on standard error; silent with
  // --quiet or --json.
  void Say(std::string_view text);

  bool json() const { return json_; }    // --json: results as one object
  bool quiet() const { return quiet_; }  // --quiet: results and errors only
  // What --lang asked for: en, ko, or empty for the locale's (cli/language.h reads it).
  const std::string& language() const { return language_; }
  void UseLanguage(std::string language) { language_ = std::move(language); }
  WallTime Now() const { return now_(); }

  // Of an error that the action returns: a daemon was set up wrongly (exit_code.h).
  void BlameSetUp() { set_up_wrongly_ = true; }

  // `action` runs if `verb` is chosen. It outlives the call: capture options by shared_ptr.
  void Do(Command verb, std::function<Status()> action);

 private:
  friend class Dure;
  friend void AddLanguage(Command verb, Context& context);
  std::ostream& out_;
  std::ostream& err_;
  std::function<WallTime()> now_;
  bool json_ = false;
  bool quiet_ = false;
  bool set_up_wrongly_ = false;
  std::string language_;
  std::function<Status()> action_;
};

// A word that only groups verbs: `dure <noun> <verb>`. `examples` as below; a noun may have none.
Command AddNoun(Command dure, const std::string& name, const std::string& one_line,
                const std::string& examples = "");

// `examples`: whole command lines, one a line; the help shows them under the options.
Command AddVerb(Command noun, const std::string& name, const std::string& one_line,
                const std::string& examples);

}  // namespace dure::cli
