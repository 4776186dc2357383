// A trainer whose processes are children of this one, whatever they are; private to this folder.
#pragma once

#include <memory>
#include <vector>

#include "site/launcher/launcher.h"
#include "site/launcher/spawn.h"

namespace dure::launcher {

// One command a rank; the first has the seat. Errors as Launcher::Start.
Result<std::unique_ptr<Trainer>> StartLocal(const TrainerSpec& spec, std::vector<Command> commands,
                                            TrainerObserver observer);

}  // namespace dure::launcher
