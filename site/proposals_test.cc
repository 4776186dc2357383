#include "site/proposals.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"

namespace dure::site {
namespace {

ProposedRun AsRecorded(const round::RunManifest& manifest) {
  return {manifest.digest(), std::string(Name(manifest.intent.purpose))};
}

TEST(ProposalsTest, ARunAsRecordedIsTaken) {
  const round::RunManifest manifest = round::TestManifest();
  const ProposedRun recorded = AsRecorded(manifest);
  EXPECT_EQ(RecordObjection(manifest, &recorded), "");
  EXPECT_EQ(RecordObjection(manifest, nullptr), "run-not-as-recorded") << "it was never proposed";
}

TEST(ProposalsTest, AManifestOtherThanTheRecordedOneIsObjectedTo) {
  round::RunManifest manifest = round::TestManifest();
  const ProposedRun recorded = AsRecorded(manifest);
  manifest.rounds += 1;
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
}

TEST(ProposalsTest, AnEntryThatTellsReadersAnotherPurposeIsObjectedTo) {
  const round::RunManifest manifest = round::TestManifest();
  ProposedRun recorded = AsRecorded(manifest);
  for (const char* purpose : {"statistics", ""}) {
    recorded.purpose = purpose;
    EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded") << purpose;
  }
}

}  // namespace
}  // namespace dure::site
