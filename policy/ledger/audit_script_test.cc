// deploy/audit-with-openssl.sh: what an auditor without Dure finds in an exported record. Its tools
// are openssl and coreutils, not this program's own code.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "policy/ledger/export.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;
using testing::Consortium;
using testing::SignerOf;
using testing::TemporaryFolder;

class AuditScriptTest : public ::testing::Test {
 protected:
  AuditScriptTest() {
    c_.Found(*ledger_);
    Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.site.member, House::kPublic, "KR"}));
    Add(c_.BySite(*ledger_, CosignerAnnounced{c_.site_id, key_.Vkey()}));
    while (ledger_->Head().head.size < 300) {
      const uint64_t n = ledger_->Head().head.size;
      Add(c_.BySite(*ledger_, EvaluationReported{c_.base, c_.site_id, 1, n, n}));
    }
    const TreeHead head = ledger_->Head().head;
    const WallTime then(std::chrono::seconds(1764000000));
    const std::string line = Cosign(head, key_, *signer_, then).Line();
    EXPECT_TRUE(ledger_->AddCosignature(head.size, line).has_value());
    EXPECT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  }
  void Add(Bytes entry) { EXPECT_TRUE(ledger_->Append(std::move(entry), "").has_value()); }
  std::string dir() const { return folder_.path() + "/tiles"; }
  // The script's exit code.
  int Audit(const std::string& more, const std::string& vkey = {}) const {
    const std::string log = vkey.empty() ? c_.log_key.Vkey() : vkey;
    const std::string command = std::string("sh ") + DURE_AUDIT_SCRIPT + " " + dir() + " '" + log +
                                "' " + more + " >" + folder_.path() + "/said 2>&1";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string Said() const {
    std::ifstream in(folder_.path() + "/said");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Flip(const std::string& name, size_t at) const {
    std::fstream file(dir() + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }

  const Consortium c_;
  const TemporaryFolder folder_;
  const std::unique_ptr<Ed25519Signer> signer_ = SignerOf(41);
  const CosignerKey key_ = *CosignerKey::Make("hospital-a-1/auditor", signer_->Key());
  const std::unique_ptr<Ledger> ledger_ = c_.NewMemoryLedger();
};

TEST_F(AuditScriptTest, FindsAnHonestExportIntact) {
  std::ofstream(folder_.path() + "/mine", std::ios::binary) << AsText((*ledger_->Read(7, 8, 1))[0]);
  EXPECT_EQ(Audit("--entry 7 " + folder_.path() + "/mine --entry 290 --cosigner " + key_.Vkey()), 0)
      << Said();
  EXPECT_THAT(Said(), ::testing::AllOf(::testing::HasSubstr("300 entries"),
                                       ::testing::HasSubstr("entry 290 is in it"),
                                       ::testing::HasSubstr("at 2025-11-24T16:00:00Z")));
}

TEST_F(AuditScriptTest, NamesTheByteThatWasChanged) {
  const struct {
    const char* name;
    size_t at;
    const char* more;
    const char* says;
  } kChanges[] = {
      {"checkpoint", 18, "", "signature"},  // the size
      {"checkpoint", 30, "", "signature"},  // the root
      {"checkpoint", 120, "", "signature"},
      {"tile/0/001.p/44", 100, "", "give the root"},
      {"tile/1/000.p/1", 5, "", "give the root"},
      {"tile/0/000", 3000, "--entry 7", "does not hold the hash of the tile below"},
      {"tile/0/000", 7 * 32, "--entry 7", "does not hash to its leaf"},
      {"tile/entries/001.p/44", 500, "--entry 256", "does not hash to its leaf"},
  };
  for (const auto& change : kChanges) {
    Flip(change.name, change.at);
    EXPECT_EQ(Audit(change.more), 1) << change.name << " " << change.at << ": " << Said();
    EXPECT_THAT(Said(), ::testing::HasSubstr(change.says)) << change.name << " " << change.at;
    Flip(change.name, change.at);
  }
  EXPECT_EQ(Audit("--entry 7"), 0) << Said();
}

TEST_F(AuditScriptTest, TakesNoOtherLogsKeyNoOthersWordAndNoOtherFile) {
  const NoteKey other = *NoteKey::Make(c_.log_key.name, c_.site.key);
  EXPECT_EQ(Audit("", other.Vkey()), 1);
  EXPECT_EQ(Audit("", key_.Vkey()), 2) << "a cosigner's key is no log's";
  const CosignerKey stranger = *CosignerKey::Make(key_.name, SignerOf(50)->Key());
  EXPECT_EQ(Audit("--cosigner " + stranger.Vkey()), 1);
  std::ofstream(folder_.path() + "/mine") << "something else";
  EXPECT_EQ(Audit("--entry 7 " + folder_.path() + "/mine"), 1);
  EXPECT_EQ(Audit("--entry 300"), 2) << "nothing was found wrong";
  EXPECT_EQ(Audit("", "no key"), 2);
  EXPECT_EQ(Audit("--entry 7 " + folder_.path() + "/nowhere"), 2);
  EXPECT_EQ(Audit("--entry x"), 2);
}

}  // namespace
}  // namespace dure::ledger
