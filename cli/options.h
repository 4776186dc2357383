// Command and Option: what a command of `dure` is asked with; CLI11 stays behind them.
//
// Both are handles, copied freely, good as long as the whole command line stands. Used from one
// thread while it is put together. Values are read into the variables that were named, which
// outlive the parse; what cannot be read ends the parse with a message that names the option.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace dure::cli {

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option Required();
  // The variable's value so far is the default that the help shows.
  Option ShowDefault();
  Option OneOf(const std::vector<std::string>& words);
  // Bounds included. Number: int, unsigned or double.
  template <typename Number>
  Option Between(Number least, Number most);
  // How many words it takes at a time.
  Option Values(int least, int most);
  // Given several times it keeps all; otherwise only lists do.
  Option TakeAll();
  Option Excludes(Option other);
  Option Needs(Option other);

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // `name`: "--dir", "-q,--quiet", or a word without dashes for what stands by its place.
  // Value: a type that options.cc instantiates.
  template <typename Value>
  Option Add(const std::string& name, Value& value, const std::string& help);
  // The value is handed on when it was read.
  template <typename Value>
  Option Read(const std::string& name, const std::function<void(const Value&)>& take,
              const std::string& help);
  Option Flag(const std::string& name, bool& value, const std::string& help);
  // Of the options added to what this returns, exactly one must be given.
  Command ExactlyOne(const std::string& title);

  CLI::App& app() const { return *app_; }

 private:
  CLI::App* app_;
};

}  // namespace dure::cli
