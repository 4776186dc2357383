// Reads ODRL policies about one dataset into its terms. Inside this room only.
//
// Life: Read for each policy, then Finish once. Of several policies the stricter wins. What is said
// of one permission and not understood makes its actions an "ask"; what may concern all of them
// makes Imported::understood false, and then nothing is allowed without asking.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>

#include "policy/terms/json_ld.h"
#include "policy/terms/odrl.h"

namespace dure::terms {

// Adds to the list of remarks, each once; the list is bounded and says where it ends.
void Remark(Imported& imported, const std::string& remark);
// The same of what may concern every action.
void NotUnderstood(Imported& imported, const std::string& remark);
// Contexts that give the words that are read here another meaning.
void CheckContext(const nlohmann::ordered_json& object, Imported& imported);

class OdrlReader {
 public:
  // `names`: what the dataset is called by what surrounds the policies; empty: the policies say it.
  // `imported` must outlive the reader.
  OdrlReader(Imported& imported, std::set<std::string> names);

  // kInvalid: the policy is void.
  Status Read(const nlohmann::ordered_json& policy);
  // Into imported.draft.terms.
  void Finish();

 private:
  using Json = nlohmann::ordered_json;
  struct Rules {
    std::set<Action> permitted;
    std::set<Action> prohibited;
    std::set<Action> asked;
  };
  struct Named {
    std::set<Action> actions;
    bool narrowed = false;  // refined, or "use": not to be allowed as it stands
    bool unknown = false;   // there are actions that have no counterpart
  };
  using Purposes = std::optional<std::set<Purpose>>;
  using Countries = std::optional<std::set<std::string>>;

  Status ReadMore();
  void ReadParts();
  void ReadTargets();
  Status Conflicts();
  void Fold();

  Named ActionsOf(const Json& rule, const char* kind);
  std::optional<std::set<std::string>> TargetsOf(const Json& object);
  bool IsAboutThis(const Json& rule);
  void Prohibit(const Json& rule);
  void Permit(const Json& rule);
  void Oblige(const Json& rule);
  void Ask(const std::set<Action>& actions, const std::string& remark);
  void NarrowPurposes(const Purposes& purposes);

  bool TakeConstraint(const Json& constraint, const std::set<Action>& actions, Purposes& purposes);
  static bool TakePurposes(const std::vector<std::string>& words, Purposes& purposes);
  bool TakePlaces(const std::vector<std::string>& words, const std::set<Action>& actions);
  bool TakeExcluded(const std::vector<std::string>& words, const std::set<Action>& actions);
  bool TakeTime(const std::string& op, const std::string& text, const std::set<Action>& actions);

  Imported& imported_;
  const std::set<std::string> names_;
  const Json* policy_ = nullptr;
  std::set<std::string> this_;  // what the policy being read calls the dataset
  Rules rules_;                 // of the policy being read

  std::optional<std::string> more_;                                 // as it was read first
  Terms terms_;                                                     // of dure:more
  std::array<std::optional<Permission>, kWordCount<Action>> said_;  // the strictest of all policies
  Purposes purposes_;                                               // what all permissions share
  Countries processing_;
  Countries exports_;
  std::set<std::string> excluded_;
  Times time_;
};

}  // namespace dure::terms
