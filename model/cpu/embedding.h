// Rows of a table, looked up by token. REQUIRES of both: every token is below the table's rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dure::model::cpu {

// out: [tokens, dim].
void Embed(std::span<const uint32_t> tokens, size_t dim, const float* table, float* out);

// dtable[token] += dout for columns [begin, end) only, so that workers can share the columns and
// every sum is formed in the order of the tokens.
struct Columns {
  size_t begin;
  size_t end;
};
void EmbedBackward(std::span<const uint32_t> tokens, size_t dim, Columns columns, const float* dout,
                   float* dtable);

}  // namespace dure::model::cpu
