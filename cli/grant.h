// Asking to use a model, for commands that need the answer.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/operator_desk.h"
#include "federation/digest.h"
#include "policy/rules/decision.h"

namespace dure::cli {

struct GrantAsk {
  std::string kind = "export";  // export, serve, share
  std::string model;            // hex
  std::string purpose = "scientific-research";
  std::string territory = "KR";
  std::string until;  // RFC 3339; empty: as long as the terms allow
};
struct GrantAnswer {
  uint64_t entry = 0;
  bool granted = false;
  rules::Decision decision;
};
Result<GrantAnswer> AskGrant(const OperatorDesk& desk, const GrantAsk& ask);

// Success: the record holds a grant for this folder's member to take the model away for that
// purpose, or the aggregator has just recorded one. kPermissionDenied: refused; the message says
// each reason.
Status EnsureExport(const std::string& dir, const GrantAsk& ask, Context& context);

}  // namespace dure::cli
