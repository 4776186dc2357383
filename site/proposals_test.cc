#include "site/proposals.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"
#include "policy/standing/manifest.h"

namespace dure::site {
namespace {

ProposedRun AsRecorded(const round::RunManifest& manifest) {
  return {manifest.digest(), std::string(Name(manifest.intent.purpose)),
          standing::BoundsOf(manifest), ""};
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

TEST(ProposalsTest, AnEntryThatTellsReadersOtherBoundsIsObjectedTo) {
  round::RunManifest manifest = round::TestManifest();
  manifest.code = {Sha256(AsBytes("trainer"))};
  ProposedRun recorded = AsRecorded(manifest);
  recorded.bounds->code.clear();
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
  recorded = AsRecorded(manifest);
  recorded.bounds->step_tokens *= 1000;
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
  recorded.bounds.reset();
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
}

}  // namespace
}  // namespace dure::site
