// What a decision of the record was made with: two numbers, each raised for a reason of its own
// (docs/decisions/0021).
//
// A member of another engine version cannot replay a decision. One of another words version can:
// every code and every fact must be the same, and the sentences are not judged.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dure::rules {

// Of what comes out and of its form: outcomes, codes, facts, ToJson.
inline constexpr uint32_t kEngineVersion = 1;

// Of the sentences, in both languages: one line a version, from version 1 on. A change of any
// sentence adds a line; a line that is there is never edited, for records were made with it. Each
// is the digest of what policy/terms/words_test.cc has rules and terms say, and that test prints
// the next one. A rule of the record that holds from a version on adds a line as well, with the
// digest of the one before if no sentence changed.
inline constexpr auto kWordsDigests = std::to_array<std::string_view>({
    "fc1b431faedb7055979973ee986bcd62eec2f4cd1c0f63816b17cc210bafbc09",
    "a60d3ef49f72b107da61174aa2bd4859f334a26947775311c348866b74e705ed",
    "711fc621ea3fc8fbcf784bc73f86e0bec23ff3363039fdb7729bfaec83dfb2f0",
    "64094ceafc3f4614926c62c72199aeeec5c7a8a0efcbe5d0f2ec66091a75a9ef",
    "64094ceafc3f4614926c62c72199aeeec5c7a8a0efcbe5d0f2ec66091a75a9ef",
    "64094ceafc3f4614926c62c72199aeeec5c7a8a0efcbe5d0f2ec66091a75a9ef",
    "64094ceafc3f4614926c62c72199aeeec5c7a8a0efcbe5d0f2ec66091a75a9ef",
});
// 0 are the words of decisions that name no version: those made before there was this number.
inline constexpr uint32_t kWordsVersion = kWordsDigests.size();

}  // namespace dure::rules
