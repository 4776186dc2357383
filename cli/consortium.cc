// dure consortium: found one, look at it, renew its certificates.
#include "federation/identity/consortium.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "aggregator/constitution.h"
#include "cli/command.h"
#include "cli/domicile.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/spans.h"
#include "federation/identity/ca_files.h"
#include "federation/identity/enrolment.h"
#include "federation/identity/identity.h"
#include "federation/identity/invitation.h"
#include "policy/ledger/note.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct InitOptions {
  std::string dir;
  std::string name;
  std::string address;
  std::string enrol_address;
  std::vector<std::string> also_known_as;
  std::string house = "private";
  std::string country = "KR";
  std::string constitution;
};

// The next port, unless the operator says otherwise.
Result<std::string> EnrolAddress(const InitOptions& options) {
  if (!options.enrol_address.empty()) return options.enrol_address;
  DURE_ASSIGN(const identity::HostPort parsed, identity::ParseAddress(options.address));
  if (parsed.port == 65535) {
    return Fail(ErrorCode::kInvalid, "there is no port after 65535; give --enrol-address");
  }
  const size_t colon = options.address.rfind(':');
  return options.address.substr(0, colon + 1) + std::to_string(parsed.port + 1);
}

Status CheckConstitution(const std::string& folder) {
  if (folder.empty()) return {};
  if (!fs::is_directory(folder)) return Fail(ErrorCode::kNotFound, "there is no folder " + folder);
  return aggregator::ReadConstitution(folder).map([](const auto&) {});
}

// The rules that the aggregator puts into the record when it first starts: until then a folder of
// texts that the founders read and change.
Status LayDownConstitution(const InitOptions& options) {
  const fs::path folder = fs::path(options.dir) / "aggregator" / "constitution";
  if (options.constitution.empty()) {
    return aggregator::WriteConstitution(folder.string(), aggregator::ShippedConstitution());
  }
  std::error_code error;
  fs::copy(options.constitution, folder, error);
  if (!error) return {};
  return Fail(ErrorCode::kFailedPrecondition, "cannot copy " + options.constitution + " to " +
                                                  folder.string() + ": " + error.message());
}

std::string WhatIsNext(const fs::path& dir, const identity::ConsortiumFounded& founded) {
  const std::string aggregator = (dir / "aggregator").string();
  return "\nNow:\n  1. Move " + (dir / "ca-offline").string() +
         " to a safe, off this machine. Whoever has " + founded.root_key_path +
         " can found\n     your consortium again; you need it only once a year, to renew the "
         "issuing CA before " +
         FormatRfc3339(founded.issuing_not_after).substr(0, 10) +
         ".\n  2. Have the members' officers read and change the rules in " + aggregator +
         "/constitution;\n     from the aggregator's first start on, only votes change them.\n"
         "  3. Serve it here, or move (never copy: it holds the CA's and the log's keys) " +
         aggregator +
         "\n     to where it shall run, and serve it there:\n"
         "       dure aggregator serve --dir " +
         aggregator +
         "\n  4. Invite the first site; hand the line over like a password:\n"
         "       dure invite --dir " +
         dir.string() + " --member NAME --site NAME";
}

std::string WhatIsNextKorean(const fs::path& dir, const identity::ConsortiumFounded& founded) {
  const std::string aggregator = (dir / "aggregator").string();
  return "\n다음 할 일:\n  1. " + (dir / "ca-offline").string() +
         " 폴더를 이 컴퓨터 밖의 금고로 옮기십시오. " + founded.root_key_path +
         " 파일이 있으면 누구나 이\n     컨소시엄을 다시 만들 수 있습니다. 일 년에 한 번, 발급 "
         "CA를 " +
         FormatRfc3339(founded.issuing_not_after).substr(0, 10) +
         " 전에 갱신할 때만 씁니다.\n  2. 회원 기관의 정책 담당자들이 " + aggregator +
         "/constitution의 규칙을 읽고\n     고치게 하십시오. 집계 서버가 처음 시작한 뒤에는 "
         "투표로만 "
         "바꿀 수 있습니다.\n  3. 여기서 실행하거나, " +
         aggregator +
         " 폴더를 실행할 컴퓨터로 옮겨(CA와 원장의 키가 있으니\n     복사하지 마십시오) 거기서 "
         "실행하십시오:\n       dure aggregator serve --dir " +
         aggregator +
         "\n  4. 첫 사이트를 초대하십시오. 초대장 한 줄은 비밀번호처럼 전달하십시오:\n"
         "       dure invite --dir " +
         dir.string() + " --member 기관이름 --site 사이트이름";
}

Status Init(const InitOptions& options, Context& context) {
  DURE_TRY(ValidateName("consortium", options.name));
  DURE_TRY(CheckConstitution(options.constitution));
  identity::ConsortiumPlan plan;
  plan.name = options.name;
  DURE_ASSIGN(plan.domicile, ParseDomicile(options.house, options.country));
  plan.address = options.address;
  DURE_ASSIGN(plan.enrol_address, EnrolAddress(options));
  plan.also_known_as = options.also_known_as;
  const auto log_key = Ed25519Signer::Generate();
  plan.log_key_pem = log_key->ToPem();
  plan.log_origin = options.name + "/log";
  DURE_ASSIGN(const ledger::NoteKey note_key,
              ledger::NoteKey::Make(plan.log_origin, log_key->Key()));
  plan.log_vkey = note_key.Vkey();
  DURE_ASSIGN(const identity::ConsortiumFounded founded,
              identity::FoundConsortium(options.dir, plan, context.Now()));
  DURE_TRY(LayDownConstitution(options));

  const fs::path dir(options.dir);
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"consortium", plan.name},
        {"house", options.house},
        {"country", options.country},
        {"root_sha256", founded.root_pin.Hex()},
        {"root_key", founded.root_key_path},
        {"aggregator_dir", (dir / "aggregator").string()},
        {"operator_dir", (dir / "operator").string()},
        {"constitution_dir", (dir / "aggregator" / "constitution").string()},
        {"address", plan.address},
        {"enrol_address", plan.enrol_address},
        {"log_origin", plan.log_origin},
        {"log_vkey",
         plan.log_vkey}}.dump());
    return {};
  }
  context.Print("The consortium " + plan.name + " is founded in " + dir.string() + ".\n" +
                "  run by      " + plan.name + " (" + plan.domicile.ToText() + ")\n" +
                "  root CA     sha256:" + founded.root_pin.Hex() + "\n" + "  log         " +
                plan.log_vkey + "\n" + "  sites dial  " + plan.address + ", and once " +
                plan.enrol_address + " to enrol");
  context.Say(Pick(context, WhatIsNext(dir, founded), WhatIsNextKorean(dir, founded)));
  return {};
}

// `dir` is the folder of `init`, or the aggregator's own.
Result<fs::path> ExistingAggregator(const std::string& dir) {
  fs::path folder = AggregatorFolder(dir);
  if (fs::exists(folder / "ca")) return folder;
  return Fail(ErrorCode::kNotFound,
              dir +
                  " is neither the folder that dure consortium init made nor the aggregator's; "
                  "where the aggregator's was moved, give the place that it was moved to");
}

ordered_json SeatsOf(const identity::IssuingAuthority& authority) {
  ordered_json seats = ordered_json::array();
  for (const identity::Seat& seat : authority.Seats()) {
    seats.push_back({{"member", seat.subject.member.str()},
                     {"house", identity::Name(seat.domicile.house)},
                     {"country", seat.domicile.country},
                     {"role", identity::Name(seat.subject.role)},
                     {"site", seat.subject.site.str()},
                     {"enrolled", FormatRfc3339(seat.enrolled)},
                     {"expires", FormatRfc3339(seat.not_after)},
                     {"serial", seat.serial},
                     {"signing_key", ToHex(seat.signing_key)}});
  }
  return seats;
}

std::string SeatLines(const ordered_json& seats) {
  std::string text;
  for (const auto& seat : seats) {
    text += "\n  " + seat["role"].get<std::string>() + "  " + seat["member"].get<std::string>() +
            " (" + seat["house"].get<std::string>() + ", " + seat["country"].get<std::string>() +
            ")  " + seat["site"].get<std::string>() + "  until " +
            seat["expires"].get<std::string>();
  }
  return text;
}

Status Show(const std::string& dir, Context& context) {
  DURE_ASSIGN(const fs::path folder, ExistingAggregator(dir));
  DURE_ASSIGN(const identity::Identity own, identity::LoadIdentity(folder.string()));
  DURE_ASSIGN(const identity::IssuingFiles ca, identity::ReadIssuing(folder));
  const WallTime root_end = identity::EndOf(ca.root_der);
  const WallTime issuing_end = identity::EndOf(ca.issuing.certificate_der);
  ordered_json object = {{"consortium", own.subject.consortium},
                         {"root_sha256", own.root_pin.Hex()},
                         {"root_expires", FormatRfc3339(root_end)},
                         {"issuing_expires", FormatRfc3339(issuing_end)},
                         {"address", own.address},
                         {"enrol_address", own.enrol_address},
                         {"log_origin", own.log_origin},
                         {"log_vkey", own.log_vkey}};
  const auto authority = identity::IssuingAuthority::Open(folder.string(), {});
  if (authority) object["seats"] = SeatsOf(**authority);
  // A running aggregator holds the list; anything else is a fault that the operator must hear of.
  if (!authority && authority.error().code != ErrorCode::kFailedPrecondition) {
    return Fail(authority.error());
  }
  if (context.json()) {
    context.PrintJson(object.dump());
    return {};
  }
  std::string text = "consortium   " + own.subject.consortium +
                     "\nroot CA      sha256:" + own.root_pin.Hex() + "\n             ends " +
                     FormatRfc3339(root_end) + "\nissuing CA   ends " + FormatRfc3339(issuing_end) +
                     " (" + FormatSpan(issuing_end, context.Now()) + ")\naggregator   " +
                     own.address + ", enrolment " + own.enrol_address + "\nlog          " +
                     own.log_vkey;
  text += authority ? "\nseats:" + SeatLines(object["seats"])
                    : "\nseats        are with the running aggregator";
  context.Print(text);
  return {};
}

struct RenewOptions {
  std::string dir;
  std::string operator_dir;  // empty: beside the aggregator's
  std::string root;
};

// The operator's certificates: needs no network, and works after they expired.
Status RenewOperator(const std::string& folder, identity::IssuingAuthority& authority,
                     WallTime now) {
  DURE_ASSIGN(const identity::Identity own, identity::LoadIdentity(folder));
  identity::PeerIdentity self;
  self.consortium = own.subject.consortium;
  self.member = own.member();
  self.site = own.site();
  self.role = own.role();
  self.serial = own.serial;
  DURE_ASSIGN(const Bytes request, identity::PrepareRenewal(own, folder, false));
  DURE_ASSIGN(const Bytes answer, authority.Renew(self, request, now));
  return identity::AcceptRenewal(own, folder, answer, now);
}

Status Renew(const RenewOptions& options, Context& context) {
  DURE_ASSIGN(const fs::path folder, ExistingAggregator(options.dir));
  if (!options.root.empty()) {
    DURE_TRY(identity::RenewIssuing(folder.string(), options.root, context.Now()));
  }
  const auto opened = identity::IssuingAuthority::Open(folder.string(), {});
  if (!opened && opened.error().code == ErrorCode::kFailedPrecondition) {
    return Within(opened.error(), "stop the aggregator first; it renews its own certificates");
  }
  if (!opened) return Fail(opened.error());
  const auto& authority = *opened;
  DURE_TRY(authority->RenewOwn(context.Now()));
  const bool named = !options.operator_dir.empty();
  const fs::path desk = named ? fs::path(options.operator_dir) : fs::path(options.dir) / "operator";
  const bool has_operator = named || fs::exists(desk / "identity");
  if (has_operator) DURE_TRY(RenewOperator(desk.string(), *authority, context.Now()));
  const bool served = fs::exists(folder / "ledger.db");
  DURE_ASSIGN(const identity::IssuingFiles ca, identity::ReadIssuing(folder));
  const std::string end = FormatRfc3339(identity::EndOf(ca.issuing.certificate_der));
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"issuing_expires", end}, {"operator_renewed", has_operator}, {"served", served}}
                          .dump());
    return {};
  }
  context.Print(std::string("The aggregator's") + (has_operator ? " and the operator's" : "") +
                " certificates are current. The issuing CA ends " + end + ".");
  if (!served) {
    context.Say("! No aggregator has ever served " + folder.string() +
                ". If yours runs from another folder, this one is a dead copy: renew that one, and "
                "remove this, for it holds the CA's and the log's keys.");
  }
  if (options.root.empty()) context.Say("To renew the issuing CA as well, give --root.");
  return {};
}

void AddInit(Command noun, Context& context) {
  auto options = std::make_shared<InitOptions>();
  Command verb = AddVerb(
      noun, "init", "Found a consortium: its CA, the aggregator's and the first operator's keys",
      "dure consortium init --dir hanguk --name hanguk --address fed.example.org:7443\n"
      "dure consortium init --dir try --name try --address 127.0.0.1:7443 --alias localhost");
  verb.Add("--dir", options->dir, "The folder to make").Required();
  verb.Add("--name", options->name, "The consortium's name: a-z, 0-9 and -").Required();
  verb.Add("--address", options->address, "host:port at which sites reach the aggregator")
      .Required();
  verb.Add("--enrol-address", options->enrol_address,
           "host:port for enrolment (default: the next port)");
  verb.Add("--alias", options->also_known_as, "More host names or IP addresses of the aggregator");
  verb.Add("--house", options->house,
           "Where the member that runs it votes: public, private, academic or small-firm")
      .ShowDefault();
  verb.Add("--country", options->country, "Its country: ISO 3166, two letters").ShowDefault();
  verb.Add("--constitution", options->constitution,
           "A folder with charter.toml and *.policy to begin with (default: Dure's own six)");
  context.Do(verb, [options, &context] { return Init(*options, context); });
}

void AddShow(Command noun, Context& context) {
  auto dir = std::make_shared<std::string>();
  Command verb = AddVerb(noun, "show", "Show a consortium: its CA, addresses, log and seats",
                         "dure consortium show --dir hanguk\n"
                         "dure consortium show --dir /var/lib/dure-aggregator --json");
  verb.Add("--dir", *dir, "The folder of init, or the aggregator's").Required();
  context.Do(verb, [dir, &context] { return Show(*dir, context); });
}

void AddRenew(Command noun, Context& context) {
  auto options = std::make_shared<RenewOptions>();
  Command verb =
      AddVerb(noun, "renew", "Renew the aggregator's, the operator's and the issuing certificates",
              "dure consortium renew --dir hanguk\n"
              "dure consortium renew --dir hanguk --root /media/safe/ca-offline\n"
              "dure consortium renew --dir /var/lib/dure-aggregator --operator hanguk/operator");
  verb.Add("--dir", options->dir,
           "The folder that the aggregator serves from, or that of init where it is still in "
           "there; it is stopped")
      .Required();
  verb.Add("--operator", options->operator_dir,
           "The operator's folder; the one beside the aggregator's by default");
  verb.Add("--root", options->root, "The folder ca-offline: also renews the issuing CA");
  context.Do(verb, [options, &context] { return Renew(*options, context); });
}

}  // namespace

void AddConsortiumCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "consortium", "Found, show and renew a consortium");
  AddInit(noun, context);
  AddShow(noun, context);
  AddRenew(noun, context);
}

}  // namespace dure::cli
