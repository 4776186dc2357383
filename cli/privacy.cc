// dure privacy account: what a site's datasets have spent of their privacy, over all runs.
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "federation/transport/json_fields.h"
#include "policy/privacy/account.h"
#include "policy/privacy/protection.h"
#include "site/local_door.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using privacy::Account;

constexpr double kMicro = 1e6;

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

bool HasLimit(const Account& account) {
  return account.budget().epsilon_micro != privacy::kEpsilonMicroMax;
}

// JSON has no infinity.
json EpsilonJson(uint64_t micro) {
  return micro == UINT64_MAX ? json() : json(static_cast<double>(micro) / kMicro);
}

std::string EpsilonText(uint64_t micro) {
  return micro == UINT64_MAX ? "without bound" : Number(static_cast<double>(micro) / kMicro);
}

json JsonOf(const Account& account) {
  json used = json::array();
  for (const privacy::Charge& charge : account.Used()) {
    used.push_back({{"mechanism", Describe(charge.mechanism)}, {"steps", charge.steps}});
  }
  json open = json::array();
  for (const RunId& run : account.OpenRuns()) {
    open.push_back({{"run", run.str()},
                    {"used_steps", account.UsedOf(run)},
                    {"reserved_steps", account.ReservedOf(run)}});
  }
  json object = {
      {"dataset", account.dataset().str()},
      {"unit", std::string(Name(account.unit()))},
      {"delta", account.budget().delta},
      {"spent", EpsilonJson(account.UsedMicro())},
      {"reserved", EpsilonJson(account.ReservedMicro())},
      {"limit", HasLimit(account) ? EpsilonJson(account.budget().epsilon_micro) : json()},
      {"used", std::move(used)},
      {"open_runs", std::move(open)}};
  return object;
}

std::string TextOf(const Account& account) {
  const uint64_t spent = account.UsedMicro();
  std::string text = account.dataset().str() + ", each " + std::string(Name(account.unit())) +
                     ": epsilon " + EpsilonText(spent) + " spent, " +
                     EpsilonText(account.ReservedMicro()) + " with what is reserved, " +
                     (HasLimit(account) ? "of " + EpsilonText(account.budget().epsilon_micro)
                                        : std::string("no limit")) +
                     ", at delta " + Number(account.budget().delta);
  for (const privacy::Charge& charge : account.Used()) {
    text += "\n  used      " + std::to_string(charge.steps) + " x " + Describe(charge.mechanism);
  }
  for (const RunId& run : account.OpenRuns()) {
    text += "\n  reserved  by " + run.str() + ": " + std::to_string(account.ReservedOf(run)) +
            " steps, of which " + std::to_string(account.UsedOf(run)) + " are used";
  }
  if (spent > 0) {
    const double epsilon = spent == UINT64_MAX ? INFINITY : static_cast<double>(spent) / kMicro;
    text += "\n  " + PromiseOf(account.unit(), epsilon, account.budget().delta);
  }
  return text;
}

Status ShowAccounts(const std::string& dir, Context& context) {
  DURE_ASSIGN(const std::string answer, site::AskSite(dir, {site::LocalVerb::kAccounts, {}}));
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the site's answer"));
  json list = json::array();
  std::string text;
  for (const json& hex : transport::ListField(said, "accounts")) {
    DURE_ASSIGN(const Bytes bytes, FromHex(hex.is_string() ? hex.get<std::string>() : ""));
    DURE_ASSIGN(const Account account, Account::Parse(bytes));
    if (context.json()) {
      list.push_back(JsonOf(account));
    } else {
      text += (text.empty() ? "" : "\n") + TextOf(account);
    }
  }
  if (context.json()) {
    context.PrintJson(json{{"accounts", std::move(list)}}.dump());
    return {};
  }
  context.Print(!text.empty() ? text
                              : Pick(context, "no run with noise has used this site's data",
                                     "잡음을 넣는 학습이 이 사이트의 데이터를 쓴 적이 없습니다"));
  return {};
}

}  // namespace

void AddPrivacyCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "privacy", "what noise protects, and what is spent of it");
  auto dir = std::make_shared<std::string>();
  Command verb = AddVerb(noun, "account", "what each dataset has spent, over all runs",
                         "dure privacy account --dir /var/lib/dure-site");
  verb.Add("--dir", *dir, "the site's folder").Required();
  context.Do(verb, [dir, &context] { return ShowAccounts(*dir, context); });
}

}  // namespace dure::cli
