// The nouns of `dure`, each in its own file. To add one: declare it here, call it in dure.cc, list
// its file in CMakeLists.txt.
#pragma once

namespace CLI {
class App;
}

namespace dure::cli {

class Context;

void AddHelpCommand(CLI::App& dure, Context& context);  // help [exit-codes | command ...]

}  // namespace dure::cli
