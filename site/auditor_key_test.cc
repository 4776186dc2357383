#include "site/auditor_key.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "policy/ledger/testing.h"

namespace dure::site {
namespace {

namespace fs = std::filesystem;
using ledger::testing::Consortium;
using ledger::testing::TemporaryFolder;

TEST(AuditorKey, IsMadeOnceForItsOwnerOnlyAndNeverThePens) {
  const TemporaryFolder folder;
  const Consortium c;
  const auto made = OpenAuditorKey(folder.path(), c.site_id);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(made->key.name, "hospital-a-1/auditor");
  EXPECT_NE(made->key.key, c.site.key);
  const fs::path file = fs::path(folder.path()) / "auditor.key";
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0600));
  EXPECT_EQ(OpenAuditorKey(folder.path(), c.site_id)->key, made->key);
  fs::permissions(file, fs::perms(0644));
  EXPECT_EQ(OpenAuditorKey(folder.path(), c.site_id).error().code, ErrorCode::kPermissionDenied);
}

TEST(AuditorKey, CosignsOnceTheRecordNamesIt) {
  const TemporaryFolder folder;
  const Consortium c;
  const auto log = c.NewMemoryLedger();
  c.Found(*log);
  const AuditorKey auditor = *OpenAuditorKey(folder.path(), c.site_id);
  EXPECT_EQ(CosignHead(auditor, *log, log->Head().head, WallTime()).error().code,
            ErrorCode::kFailedPrecondition);
  const auto event = NotYetAnnounced(auditor, *log);
  ASSERT_TRUE(event.has_value());
  ASSERT_TRUE(log->Append(c.BySite(*log, *event), "").has_value());
  EXPECT_FALSE(NotYetAnnounced(auditor, *log).has_value());
  const ledger::TreeHead head = log->Head().head;
  const auto line = CosignHead(auditor, *log, head, WallTime(std::chrono::seconds(9)));
  ASSERT_TRUE(line.has_value()) << line.error().message;
  EXPECT_TRUE(log->AddCosignature(head.size, *line).has_value());
}

TEST(AuditorKey, AFreshKeyAfterALostFileTakesTheOldOnesPlace) {
  const TemporaryFolder folder;
  const Consortium c;
  const auto log = c.NewMemoryLedger();
  c.Found(*log);
  const AuditorKey lost = *OpenAuditorKey(folder.path(), c.site_id);
  ASSERT_TRUE(log->Append(c.BySite(*log, *NotYetAnnounced(lost, *log)), "").has_value());
  fs::remove(fs::path(folder.path()) / "auditor.key");
  const AuditorKey fresh = *OpenAuditorKey(folder.path(), c.site_id);
  const auto event = NotYetAnnounced(fresh, *log);
  ASSERT_TRUE(event.has_value());
  ASSERT_TRUE(log->Append(c.BySite(*log, *event), "").has_value());
  const ledger::TreeHead head = log->Head().head;
  EXPECT_FALSE(CosignHead(lost, *log, head, WallTime()).has_value());
  EXPECT_TRUE(CosignHead(fresh, *log, head, WallTime()).has_value());
}

TEST(AuditorKey, OneThatTheRecordEndedMakesRoomForAnother) {
  const TemporaryFolder folder;
  const Consortium c;
  const auto log = c.NewMemoryLedger();
  c.Found(*log);
  AuditorKey auditor = *OpenAuditorKey(folder.path(), c.site_id);
  ASSERT_TRUE(log->Append(c.BySite(*log, *NotYetAnnounced(auditor, *log)), "").has_value());
  const ledger::CosignerKey first = auditor.key;
  ASSERT_TRUE(RenewIfEnded(folder.path(), *log, auditor).has_value());
  EXPECT_EQ(auditor.key, first);
  // Another takes its place, as after a folder that was lost and a backup that came back.
  const TemporaryFolder other;
  const AuditorKey second = *OpenAuditorKey(other.path(), c.site_id);
  ASSERT_TRUE(log->Append(c.BySite(*log, *NotYetAnnounced(second, *log)), "").has_value());
  ASSERT_TRUE(RenewIfEnded(folder.path(), *log, auditor).has_value());
  EXPECT_NE(auditor.key, first);
  EXPECT_EQ(OpenAuditorKey(folder.path(), c.site_id)->key, auditor.key);
  EXPECT_TRUE(fs::exists(fs::path(folder.path()) / "auditor.key.ended"));
  EXPECT_TRUE(log->Append(c.BySite(*log, *NotYetAnnounced(auditor, *log)), "").has_value());
}

}  // namespace
}  // namespace dure::site
