#include "federation/identity/consortium.h"

#include <filesystem>

#include "federation/identity/ca_files.h"
#include "federation/identity/identity_book.h"
#include "federation/identity/key.h"
#include "federation/identity/private_files.h"
#include "federation/identity/seat_certificates.h"
#include "federation/identity/seat_files.h"

namespace dure::identity {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kRootLife = std::chrono::days(3653);  // ten years
constexpr std::chrono::seconds kIssuingLife = std::chrono::days(365);
// CAs begin well before their leaves, so that a clock that is behind meets the leaf's own bound
// first.
constexpr std::chrono::seconds kCaSkew = std::chrono::days(1);
constexpr const char* kFolders[] = {"ca-offline", "aggregator", "operator"};

Result<std::vector<std::string>> HostsOf(const ConsortiumPlan& plan) {
  std::vector<std::string> hosts;
  for (const std::string& address : {plan.address, plan.enrol_address}) {
    DURE_ASSIGN(const HostPort parsed, ParseAddress(address));
    hosts.push_back(parsed.host);
  }
  for (const std::string& name : plan.also_known_as) {
    // Written as an address, so that one parser decides what a host is.
    const bool is_v6 = name.find(':') != std::string::npos;
    DURE_ASSIGN(const HostPort parsed, ParseAddress(is_v6 ? "[" + name + "]:1" : name + ":1"));
    hosts.push_back(parsed.host);
  }
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

struct NewSeat {
  SeatFiles files;
  std::unique_ptr<Ed25519Signer> signer;
  SeatKeys keys;
  Credentials credentials;
};

Result<NewSeat> MakeSeat(const fs::path& dir, const Subject& subject, const IssuingFiles& ca,
                         std::vector<std::string> hosts, const ConsortiumPlan& plan, WallTime now) {
  NewSeat seat{SeatFiles(dir), nullptr, {}, {}};
  DURE_TRY(MakePrivateFolder(dir));
  DURE_TRY(MakePrivateFolder(seat.files.folder));
  DURE_ASSIGN(const std::string tls_key, TlsKeyAt(seat.files.tls_key()));
  DURE_ASSIGN(seat.signer, SigningKeyAt(seat.files.signing_key()));
  seat.keys.subject = subject;
  seat.keys.domicile = plan.domicile;
  seat.keys.signing_key = seat.signer->Key();
  seat.keys.hosts = std::move(hosts);
  DURE_ASSIGN(seat.keys.tls_spki, TlsKeySpki(tls_key));
  DURE_ASSIGN(seat.credentials, IssueSeat(ca, seat.keys, plan.lifetimes, now));
  seat.credentials.log_vkey = plan.log_vkey;
  seat.credentials.log_origin = plan.log_origin;
  seat.credentials.address = plan.address;
  seat.credentials.enrol_address = plan.enrol_address;
  return seat;
}

Status WriteAggregator(const fs::path& dir, const IssuingFiles& ca, const ConsortiumPlan& plan) {
  DURE_TRY(MakePrivateFolder(dir));
  DURE_TRY(WriteIssuing(dir, ca));
  DURE_TRY(WritePrivateFile(dir / "log.key", plan.log_key_pem));
  return WritePrivateFile(dir / "log.vkey", plan.log_vkey + "\n");
}

// The aggregator and the first operator hold seats without an invitation.
Status MakeFirstSeats(const fs::path& stage, const IssuingFiles& ca, const ConsortiumPlan& plan,
                      WallTime now) {
  DURE_ASSIGN(const MemberId host, MemberId::Parse(plan.name));
  DURE_ASSIGN(const SiteId aggregator_site, SiteId::Parse("aggregator"));
  DURE_ASSIGN(const SiteId operator_site, SiteId::Parse("operator"));
  DURE_ASSIGN(std::vector<std::string> hosts, HostsOf(plan));
  const Subject aggregator = {plan.name, host, Role::kAggregator, aggregator_site};
  const Subject first_operator = {plan.name, host, Role::kOperator, operator_site};
  DURE_ASSIGN(NewSeat a,
              MakeSeat(stage / "aggregator", aggregator, ca, std::move(hosts), plan, now));
  DURE_ASSIGN(NewSeat o, MakeSeat(stage / "operator", first_operator, ca, {}, plan, now));
  for (NewSeat* seat : {&a, &o}) {
    seat->credentials.aggregator_signing_der = a.credentials.signing_der;
    seat->credentials.Sign(*a.signer);
    DURE_TRY(WriteSeat(seat->files, seat->keys.subject, seat->credentials));
  }
  DURE_ASSIGN(const auto book, IdentityBook::Open((stage / "aggregator/identity.db").string()));
  DURE_TRY(book->PutSeat(SeatOf(a.credentials, a.keys, now), now));
  return book->PutSeat(SeatOf(o.credentials, o.keys, now), now);
}

Status CheckEmpty(const fs::path& dir) {
  for (const char* folder : kFolders) {
    if (!fs::exists(dir / folder)) continue;
    return Fail(ErrorCode::kAlreadyExists,
                (dir / folder).string() +
                    " exists: there is a consortium here already; nothing was changed. Use another "
                    "--dir");
  }
  return {};
}

}  // namespace

Result<ConsortiumFounded> FoundConsortium(const std::string& dir, const ConsortiumPlan& plan,
                                          WallTime now) {
  DURE_TRY(ValidateName("consortium", plan.name));
  DURE_TRY(HostsOf(plan));
  DURE_TRY(plan.domicile.Check());
  if (!Ed25519Signer::FromPem(plan.log_key_pem)) {
    return Fail(ErrorCode::kInvalid, "the log's key is not an Ed25519 key in PEM");
  }
  const fs::path root(dir);
  DURE_TRY(CheckEmpty(root));
  DURE_TRY(MakePrivateFolder(root));
  // Built aside, then moved in place: a crash leaves no half consortium that looks like one.
  const fs::path stage = root / ".founding";
  std::error_code ignored;
  fs::remove_all(stage, ignored);
  DURE_TRY(MakePrivateFolder(stage));
  DURE_ASSIGN(const Authority root_ca, MakeRoot(plan.name, ValidityFrom(now, kRootLife, kCaSkew)));
  IssuingFiles ca;
  DURE_ASSIGN(ca.issuing,
              MakeIssuing(root_ca, plan.name, ValidityFrom(now, kIssuingLife, kCaSkew)));
  ca.root_der = root_ca.certificate_der;
  DURE_TRY(MakePrivateFolder(stage / "ca-offline"));
  DURE_TRY(WritePrivateFile(stage / "ca-offline/root.key", root_ca.key_pem));
  DURE_TRY(WritePrivateFile(stage / "ca-offline/root.crt", PemOf(root_ca.certificate_der)));
  DURE_TRY(WriteAggregator(stage / "aggregator", ca, plan));
  DURE_TRY(MakeFirstSeats(stage, ca, plan, now));
  for (const char* folder : kFolders) DURE_TRY(RenamePrivate(stage / folder, root / folder));
  fs::remove_all(stage, ignored);

  ConsortiumFounded founded;
  founded.root_key_path = (root / "ca-offline/root.key").string();
  founded.root_pin = Sha256(root_ca.certificate_der);
  founded.root_not_after = EndOf(root_ca.certificate_der);
  founded.issuing_not_after = EndOf(ca.issuing.certificate_der);
  return founded;
}

Status RenewIssuing(const std::string& aggregator_dir, const std::string& root_dir, WallTime now) {
  DURE_ASSIGN(IssuingFiles ca, ReadIssuing(aggregator_dir));
  DURE_ASSIGN(const Identity own, LoadIdentity(aggregator_dir));
  Authority root;
  DURE_ASSIGN(root.key_pem, ReadPrivateFile(fs::path(root_dir) / "root.key"));
  root.certificate_der = ca.root_der;
  DURE_ASSIGN(ca.issuing,
              MakeIssuing(root, own.subject.consortium, ValidityFrom(now, kIssuingLife, kCaSkew)));
  return WriteIssuing(aggregator_dir, ca);
}

}  // namespace dure::identity
