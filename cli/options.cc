#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace dure::cli {

Option Option::Required() {
  option_->required();
  return *this;
}

Option Option::ShowDefault() {
  option_->capture_default_str();
  return *this;
}

Option Option::OneOf(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

template <typename Number>
Option Option::Between(Number least, Number most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

template Option Option::Between(int, int);
template Option Option::Between(unsigned, unsigned);
template Option Option::Between(double, double);

Option Option::Values(int least, int most) {
  option_->expected(least, most);
  return *this;
}

Option Option::TakeAll() {
  option_->take_all();
  return *this;
}

Option Option::Excludes(Option other) {
  option_->excludes(other.option_);
  return *this;
}

Option Option::Needs(Option other) {
  option_->needs(other.option_);
  return *this;
}

namespace {

// CLI11 reads "-1" as the largest number there is.
std::string NoMinus(const std::string& written) {
  const bool number = written.size() > 1 && std::isdigit(static_cast<unsigned char>(written[1]));
  return number && written.starts_with('-') ? written + " is below 0" : std::string();
}

template <typename Value>
constexpr bool kCounts =
    std::is_unsigned_v<Value> || std::is_same_v<Value, std::optional<uint64_t>> ||
    std::is_same_v<Value, std::vector<uint64_t>>;

}  // namespace

template <typename Value>
Option Command::Add(const std::string& name, Value& value, const std::string& help) {
  CLI::Option* const option = app_->add_option(name, value, help);
  if constexpr (kCounts<Value>) option->check(NoMinus, "");
  return Option(option);
}

template <typename Value>
Option Command::Read(const std::string& name, const std::function<void(const Value&)>& take,
                     const std::string& help) {
  CLI::Option* const option = app_->add_option_function<Value>(name, take, help);
  if constexpr (kCounts<Value>) option->check(NoMinus, "");
  return Option(option);
}

Option Command::Flag(const std::string& name, bool& value, const std::string& help) {
  return Option(app_->add_flag(name, value, help));
}

Command Command::ExactlyOne(const std::string& title) {
  CLI::Option_group* const group = app_->add_option_group(title);
  group->require_option(1);
  return Command(group);
}

using OptionText = const std::string&;
template Option Command::Add(OptionText, std::string&, OptionText);
template Option Command::Add(OptionText, std::vector<std::string>&, OptionText);
template Option Command::Add(OptionText, std::vector<uint64_t>&, OptionText);
template Option Command::Add(OptionText, std::optional<uint64_t>&, OptionText);
template Option Command::Add(OptionText, int&, OptionText);
template Option Command::Add(OptionText, uint32_t&, OptionText);
template Option Command::Add(OptionText, int64_t&, OptionText);
template Option Command::Add(OptionText, uint64_t&, OptionText);
template Option Command::Add(OptionText, float&, OptionText);
template Option Command::Add(OptionText, double&, OptionText);
template Option Command::Read(OptionText, const std::function<void(const std::string&)>&,
                              OptionText);
template Option Command::Read(OptionText, const std::function<void(const uint32_t&)>&, OptionText);
template Option Command::Read(OptionText, const std::function<void(const double&)>&, OptionText);

}  // namespace dure::cli
