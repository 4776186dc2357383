// What a proposer types about noise, made into the manifest's privacy; and how its cost is told.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/options.h"
#include "cli/options.h"
#include "cli/run_proposal.h"

namespace dure::cli {

void AddPrivacyOptions(Command verb, RunOptions& run);

// Fills in `privacy`, and under noise on updates the scale that serves all rounds. After everything
// else of the manifest. kInvalid names the option; or the noise cannot be had so, with what would
// work.
Status ChoosePrivacy(const RunOptions& options, uint64_t parameter_count,
                     round::RunManifest& manifest);

// Lines of an answer's "privacy", each under `indent`; empty if there is none.
std::string PrivacyText(const nlohmann::json& answer, const std::string& indent);

}  // namespace dure::cli
