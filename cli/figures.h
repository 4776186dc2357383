// Figures of the record, for people and for programs: what was measured on what.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "policy/standing/state.h"

namespace dure::cli {

// "  entry 57: model 4c0ce92c7612 on reviews v1 of north: 1.913 nats a byte (95 %: 1.902 to 1.925),
// 64 sequences", one line each; and of data that was withdrawn since, where.
std::string FiguresText(const std::vector<standing::Evaluation>& figures,
                        const standing::State& state, bool korean);
nlohmann::ordered_json FiguresJson(const std::vector<standing::Evaluation>& figures,
                                   const standing::State& state);

}  // namespace dure::cli
