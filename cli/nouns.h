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
void AddSiteCommands(CLI::App& dure, Context& context);        // site enrol
void AddRevokeCommand(CLI::App& dure, Context& context);       // revoke
void AddHelpCommand(CLI::App& dure, Context& context);         // help [exit-codes | command ...]
void AddLedgerCommands(CLI::App& dure, Context& context);      // ledger head|show|verify|...

}  // namespace dure::cli
