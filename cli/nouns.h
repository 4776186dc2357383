// The nouns of `dure`, each in its own file. To add one: declare it here, call it in dure.cc, list
// its file in CMakeLists.txt.
#pragma once

#include "cli/options.h"

namespace dure::cli {

class Context;

void AddConsortiumCommands(Command dure, Context& context);  // consortium init|show|renew
void AddInviteCommand(Command dure, Context& context);       // invite
void AddIdentityCommands(Command dure, Context& context);    // identity show|renew
void AddSiteCommands(Command dure, Context& context);        // site enrol|serve
void AddRevokeCommand(Command dure, Context& context);       // revoke
void AddAggregatorCommands(Command dure, Context& context);  // aggregator serve
void AddAggregatorStatus(Command noun, Context& context);    // aggregator status|scrub
void AddSiteServe(Command site, Context& context);           // site serve
void AddSiteDoctor(Command site, Context& context);          // site doctor
void AddSitePart(Command site, Context& context);            // site status|leave|join|resync
void AddRunCommands(Command dure, Context& context);         // run start|watch|show|stop|...
void AddModelCommands(Command dure, Context& context);       // model export|generate|evaluate
void AddTokenizerCommands(Command dure, Context& context);   // tokenizer train
void AddDatasetCommands(Command dure, Context& context);     // dataset form|check|describe|...
void AddDemoCommand(Command dure, Context& context);         // demo
void AddPlanCommand(Command dure, Context& context);         // plan
void AddPrivacyCommands(Command dure, Context& context);     // privacy account
void AddHelpCommand(Command dure, Context& context);         // help [exit-codes | command ...]
void AddLedgerCommands(Command dure, Context& context);      // ledger head|show|verify|...
void AddWitnessCommands(Command ledger, Context& context);   // ledger witnesses|dissent
void AddCopyCommands(Command ledger, Context& context);      // ledger compare|heal|scrub
void AddPolicyCommands(Command dure, Context& context);      // policy lint|fmt|test|explain|...

void AddVoteCommands(Command dure, Context& context);      // vote
void AddTallyCommand(Command dure, Context& context);      // tally
void AddWhyCommand(Command dure, Context& context);        // why
void AddWithdrawCommands(Command dure, Context& context);  // withdraw plan|file|close
void AddGrantCommands(Command dure, Context& context);     // grant request|list|revoke
void AddRoundCommands(Command dure, Context& context);     // round show
void AddShareCommands(Command dure, Context& context);     // share compute|explain|recompute
void AddExportCommands(Command dure, Context& context);    // export prov|spdx|...
void AddIncidentCommands(Command dure, Context& context);  // incident report|close|list
void AddDutiesCommands(Command dure, Context& context);    // duties list|done
void AddQuotaCommand(Command dure, Context& context);      // quota
void AddMemberCommands(Command dure, Context& context);    // member suspend|reinstate|list

// Verbs of nouns above that have files of their own.
void AddRunRecord(Command run, Context& context);               // run record
void AddPolicyChangeVerbs(Command policy, Context& context);    // policy propose|impact
void AddModelLineage(Command model, Context& context);          // model lineage
void AddModelFolderVerbs(Command model, Context& context);      // model check|measure
void AddDatasetAdd(Command dataset, Context& context);          // dataset add
void AddDatasetRecordVerbs(Command dataset, Context& context);  // dataset list|show

}  // namespace dure::cli
