#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>

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

template <typename Value>
Option Command::Add(const std::string& name, Value& value, const std::string& help) {
  return Option(app_->add_option(name, value, help));
}

template <typename Value>
Option Command::Read(const std::string& name, const std::function<void(const Value&)>& take,
                     const std::string& help) {
  return Option(app_->add_option_function<Value>(name, take, help));
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
