// Planted damage: a flipped bit anywhere in what is signed is refused, and keys stay at home.
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "federation/identity/certificate.h"
#include "federation/identity/identity_book.h"
#include "federation/identity/key.h"
#include "federation/identity/messages.h"
#include "federation/identity/private_files.h"
#include "federation/identity/testing.h"

namespace dure::identity {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Bytes Flip(ByteView bytes, size_t bit) {
  Bytes changed(bytes.begin(), bytes.end());
  changed[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  return changed;
}

TEST(Mutations, OfACertificateAreAllRefused) {
  const TestConsortium c;
  const auto chain = Must(DersOf(c.Enrol("kt", "kt-seoul").cert_chain_pem));
  const std::span<const Bytes> between(chain.begin() + 1, 1);
  ASSERT_TRUE(VerifyChain(chain[0], between, chain[2], kStart));
  for (size_t bit = 0; bit < chain[0].size() * 8; bit += 3) {
    EXPECT_FALSE(VerifyChain(Flip(chain[0], bit), between, chain[2], kStart)) << "bit " << bit;
  }
}

TEST(Mutations, OfTheIssuingCaAreAllRefused) {
  const TestConsortium c;
  const auto chain = Must(DersOf(c.Enrol("kt", "kt-seoul").cert_chain_pem));
  for (size_t bit = 0; bit < chain[1].size() * 8; bit += 3) {
    const Bytes changed = Flip(chain[1], bit);
    EXPECT_FALSE(VerifyChain(chain[0], {&changed, 1}, chain[2], kStart)) << "bit " << bit;
  }
}

TEST(Mutations, OfACertificateRequestAreAllRefused) {
  const std::string key = GenerateTlsKeyPem();
  const Bytes csr = Must(MakeCertificateRequest(key, "kt-seoul", "00ff"));
  ASSERT_EQ(Sha256(Must(CheckCertificateRequest(csr, "kt-seoul", "00ff"))),
            Must(TlsKeyFingerprint(key)));
  for (size_t bit = 0; bit < csr.size() * 8; ++bit) {
    EXPECT_FALSE(CheckCertificateRequest(Flip(csr, bit), "kt-seoul", "00ff")) << "bit " << bit;
  }
  EXPECT_FALSE(CheckCertificateRequest(csr, "kt-busan", "00ff"));
  EXPECT_FALSE(CheckCertificateRequest(csr, "kt-seoul", "00fe"));
}

TEST(Mutations, OfAnEnrolmentRequestNeverSpendTheInvitation) {
  const TestConsortium c;
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  const Bytes request = Must(PrepareEnrolment(invitation, c.SiteDir("kt-seoul"), kStart));
  for (size_t bit = 0; bit < request.size() * 8; bit += 5) {
    EXPECT_FALSE(c.authority->Enrol(Flip(request, bit), kStart)) << "bit " << bit;
  }
  for (size_t n = 0; n < request.size(); ++n) {
    EXPECT_FALSE(c.authority->Enrol(ByteView(request).first(n), kStart)) << n;
  }
  EXPECT_TRUE(c.authority->Enrol(request, kStart));
}

TEST(Mutations, OfTheAnswerAreAllRefusedAndWriteNothing) {
  const TestConsortium c;
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  const std::string dir = c.SiteDir("kt-seoul");
  const Bytes request = Must(PrepareEnrolment(invitation, dir, kStart));
  const Bytes answer = Must(c.authority->Enrol(request, kStart));
  for (size_t bit = 0; bit < answer.size() * 8; bit += 37) {
    EXPECT_FALSE(AcceptEnrolment(invitation, dir, Flip(answer, bit), kStart)) << "bit " << bit;
  }
  EXPECT_FALSE(AcceptEnrolment(invitation, dir, Bytes(kEnrolmentBytesMax + 1, 0), kStart));
  EXPECT_EQ(LoadIdentity(dir).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(AcceptEnrolment(invitation, dir, answer, kStart));
}

TEST(Mutations, OfARenewalRequestAreAllRefused) {
  const TestConsortium c;
  const Identity kt = c.Enrol("kt", "kt-seoul");
  const PeerIdentity peer = Must(c.Verify(kt.cert_chain_pem));
  const Bytes request = Must(PrepareRenewal(kt, c.SiteDir("kt-seoul"), false));
  for (size_t bit = 0; bit < request.size() * 8; bit += 3) {
    EXPECT_FALSE(c.authority->Renew(peer, Flip(request, bit), kStart)) << "bit " << bit;
  }
  // Another seat's request, and another seat's connection.
  const Identity lg = c.Enrol("lg", "lg-seoul");
  EXPECT_FALSE(c.authority->Renew(Must(c.Verify(lg.cert_chain_pem)), request, kStart));
  EXPECT_TRUE(c.authority->Renew(peer, request, kStart));
}

TEST(Keys, AreReadableByTheirOwnerOnlyWhateverTheUmask) {
  const mode_t before = umask(0);
  const TestConsortium c;
  c.Enrol("kt", "kt-seoul");
  umask(before);
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(c.folder.str())) {
    struct stat facts = {};
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 077, 0u) << entry.path();
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_GT(files, 20u);
}

TEST(Keys, AreInNothingThatLeaves) {
  const TestConsortium c;
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  const std::string dir = c.SiteDir("kt-seoul");
  const Bytes request = Must(PrepareEnrolment(invitation, dir, kStart));
  const std::string sent(AsText(request));
  for (const char* name : {"tls.key", "signing.key"}) {
    const std::string pem = Slurp(fs::path(dir) / "identity" / name);
    const size_t first = pem.find('\n') + 1;
    std::string body = pem.substr(first, pem.find("-----END") - first);
    std::erase(body, '\n');
    const Bytes der = Must(FromBase64(body));
    // The 32 secret bytes: at 16 in an Ed25519 PKCS#8, at 36 in one of P-256.
    const bool is_signing = std::string_view(name) == "signing.key";
    const ByteView secret = ByteView(der).subspan(is_signing ? 16 : 36, 32);
    EXPECT_EQ(sent.find(AsText(secret)), std::string::npos) << name;
    EXPECT_EQ(sent.find(body.substr(0, 40)), std::string::npos) << name;
  }
  EXPECT_EQ(sent.find("PRIVATE"), std::string::npos);
}

TEST(Keys, ThatOthersMayReadAreNotUsed) {
  const TestConsortium c;
  c.Enrol("kt", "kt-seoul");
  const fs::path key = fs::path(c.SiteDir("kt-seoul")) / "identity/signing.key";
  fs::permissions(key, fs::perms(0640));
  const auto refused = LoadIdentity(c.SiteDir("kt-seoul"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message, HasSubstr("chmod 600"));
}

TEST(PrivateFiles, AreReplacedWholeAndRefuseLinks) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a";
  Must(WritePrivateFile(path, "one"));
  std::ofstream(path.string() + ".writing") << "left by a crash";
  Must(WritePrivateFile(path, "two"));
  EXPECT_EQ(Must(ReadPrivateFile(path)), "two");
  EXPECT_FALSE(fs::exists(path.string() + ".writing"));
  fs::create_symlink(path, folder / "link");
  EXPECT_FALSE(ReadPrivateFile(folder / "link"));
  EXPECT_FALSE(ReadPrivateFile(folder.str()));
  Must(WritePrivateFile(path, std::string(kPrivateFileBytesMax + 1, 'x')));
  EXPECT_EQ(ReadPrivateFile(path).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(ReadPrivateFile(folder / "none").error().code, ErrorCode::kNotFound);
}

TEST(Book, RefusesWhatIsNoBookAndASecondSpending) {
  const TemporaryFolder folder;
  const std::string path = (folder / "identity.db").string();
  std::ofstream(path) << std::string(5000, 'x');
  const auto refused = IdentityBook::Open(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);

  const auto book = Must(IdentityBook::Open(":memory:"));
  Spending spending;
  spending.response = ToBytes("answer");
  spending.seat.subject = Must(Subject::FromUri("dure://hanguk/kt/member/kt-seoul"));
  spending.seat.serial = "01";
  Must(book->Spend(spending, kStart));
  spending.seat.serial = "02";
  EXPECT_EQ(book->Spend(spending, kStart).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Must(book->Seats()).front().serial, "01") << "the failed spending left nothing";
  EXPECT_EQ(Must(book->FindSpent(spending.nonce))->response, ToBytes("answer"));
}

TEST(Book, OfAnEarlierVersionIsRefusedRatherThanGivenHouses) {
  const TemporaryFolder folder;
  const std::string path = (folder / "identity.db").string();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db,
                         "CREATE TABLE seat(role INTEGER NOT NULL, site TEXT NOT NULL,"
                         " consortium TEXT NOT NULL, member TEXT NOT NULL,"
                         " signing_key BLOB NOT NULL, signing_cert BLOB NOT NULL,"
                         " serial TEXT NOT NULL, enrolled INTEGER NOT NULL,"
                         " not_after INTEGER NOT NULL, PRIMARY KEY(role, site))"
                         " STRICT, WITHOUT ROWID",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  const auto refused = IdentityBook::Open(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(refused.error().message.find("house and country"), std::string::npos)
      << refused.error().message;
}

// OpenSSL's own tool must come to the same answer about our chains.
TEST(OpensslTool, AgreesAboutGoodAndBadChains) {
  if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl command";
  const TestConsortium c;
  c.Enrol("kt", "kt-seoul");
  const std::string kt = c.SiteDir("kt-seoul") + "/identity/";
  const std::string aggregator = (c.folder / "aggregator/identity/").string();
  const auto verify = [](const std::string& dir, const std::string& purpose,
                         const std::string& leaf, const std::string& more = "") {
    const std::string command = "openssl verify -attime 1795478400 -x509_strict -CAfile " + dir +
                                "root.crt -untrusted " + dir + "tls.crt " + purpose + " " + more +
                                " " + dir + leaf + " >/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
  };
  EXPECT_TRUE(verify(kt, "-purpose sslclient", "tls.crt"));
  EXPECT_FALSE(verify(kt, "-purpose sslserver", "tls.crt"));
  EXPECT_TRUE(verify(aggregator, "-purpose sslserver", "tls.crt", "-verify_hostname localhost"));
  EXPECT_FALSE(verify(aggregator, "-purpose sslserver", "tls.crt", "-verify_hostname other"));
  EXPECT_FALSE(verify(aggregator, "-purpose sslclient", "tls.crt"));
  EXPECT_TRUE(verify(kt, "", "signing.crt"));
  EXPECT_FALSE(verify(kt, "-purpose sslclient", "signing.crt"));
  const TestConsortium other("hanguk");
  const std::string foreign = "openssl verify -attime 1795478400 -CAfile " + kt +
                              "root.crt -untrusted " + (other.folder / "operator").string() +
                              "/identity/tls.crt " + (other.folder / "operator").string() +
                              "/identity/tls.crt >/dev/null 2>&1";
  EXPECT_NE(std::system(foreign.c_str()), 0);
}

}  // namespace
}  // namespace dure::identity
