// The nouns of `dure`, each in its own file. To add one: declare it here, call it in dure.cc, list
// its file in CMakeLists.txt.
#pragma once

namespace CLI {
class App;
}

namespace dure::cli {

class Context;

void AddConsortiumCommands(CLI::App& dure, Context& context);  // consortium init|show|renew
void AddInviteCommand(CLI::App& dure, Context& context);       // invite
void AddIdentityCommands(CLI::App& dure, Context& context);    // identity show|renew
void AddSiteCommands(CLI::App& dure, Context& context);        // site enrol|serve
void AddRevokeCommand(CLI::App& dure, Context& context);       // revoke
void AddAggregatorCommands(CLI::App& dure, Context& context);  // aggregator serve
void AddAggregatorStatus(CLI::App& noun, Context& context);    // aggregator status|scrub
void AddSiteServe(CLI::App& site, Context& context);           // site serve
void AddSiteDoctor(CLI::App& site, Context& context);          // site doctor
void AddSitePart(CLI::App& site, Context& context);            // site status|leave|join|resync
void AddRunCommands(CLI::App& dure, Context& context);         // run start|watch|show|stop|...
void AddModelCommands(CLI::App& dure, Context& context);       // model export|generate|evaluate
void AddTokenizerCommands(CLI::App& dure, Context& context);   // tokenizer train
void AddDatasetCommands(CLI::App& dure, Context& context);     // dataset form|check|describe|...
void AddDemoCommand(CLI::App& dure, Context& context);         // demo
void AddPlanCommand(CLI::App& dure, Context& context);         // plan
void AddPrivacyCommands(CLI::App& dure, Context& context);     // privacy account
void AddHelpCommand(CLI::App& dure, Context& context);         // help [exit-codes | command ...]
void AddLedgerCommands(CLI::App& dure, Context& context);      // ledger head|show|verify|...
void AddWitnessCommands(CLI::App& ledger, Context& context);   // ledger witnesses|dissent
void AddCopyCommands(CLI::App& ledger, Context& context);      // ledger compare|heal|scrub
void AddPolicyCommands(CLI::App& dure, Context& context);      // policy lint|fmt|test|explain|...

void AddVoteCommands(CLI::App& dure, Context& context);      // vote, tally
void AddWhyCommand(CLI::App& dure, Context& context);        // why
void AddWithdrawCommands(CLI::App& dure, Context& context);  // withdraw plan|file|close
void AddGrantCommands(CLI::App& dure, Context& context);     // grant request|list|revoke
void AddRoundCommands(CLI::App& dure, Context& context);     // round show
void AddShareCommands(CLI::App& dure, Context& context);     // share compute|explain|recompute
void AddExportCommands(CLI::App& dure, Context& context);    // export prov|spdx|...
void AddIncidentCommands(CLI::App& dure, Context& context);  // incident report|close|list
void AddDutiesCommands(CLI::App& dure, Context& context);    // duties list|done
void AddQuotaCommand(CLI::App& dure, Context& context);      // quota
void AddMemberCommands(CLI::App& dure, Context& context);    // member suspend|reinstate|list

// Verbs of nouns above that have files of their own.
void AddRunRecord(CLI::App& run, Context& context);               // run record
void AddPolicyChangeVerbs(CLI::App& policy, Context& context);    // policy propose|impact
void AddModelLineage(CLI::App& model, Context& context);          // model lineage
void AddDatasetAdd(CLI::App& dataset, Context& context);          // dataset add
void AddDatasetRecordVerbs(CLI::App& dataset, Context& context);  // dataset list|show

}  // namespace dure::cli
