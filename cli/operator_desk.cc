#include "cli/operator_desk.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/folders.h"
#include "cli/scratch_folder.h"
#include "federation/transport/json_fields.h"

namespace dure::cli {

using nlohmann::json;
using transport::CountField;
using transport::JsonLine;
using transport::ListField;
using transport::ParseJsonObject;
using transport::TextField;

namespace {

constexpr std::chrono::milliseconds kAskAgain{200};
constexpr std::chrono::seconds kSayAgain{10};

}  // namespace

Result<OperatorDesk> OperatorDesk::Open(const std::string& dir, WallTime now) {
  DURE_ASSIGN(const auto self, LoadSeat(dir, now));
  return OperatorDesk({self.address, self.cert_chain_pem, self.tls_key_pem, self.trust()});
}

namespace {

// "kt-seoul, snu-1"; empty: none.
std::string Names(const json& sites) {
  std::string names;
  for (const json& site : sites) {
    if (site.is_string()) names += (names.empty() ? "" : ", ") + site.get<std::string>();
  }
  return names;
}

}  // namespace

Error FromAggregator(Error error, const std::string& address) {
  if (error.code != ErrorCode::kUnavailable) return error;
  error.message = "the aggregator at " + address +
                  " does not answer; is dure aggregator serve running there, and the port open? (" +
                  error.message + ")";
  return error;
}

Result<std::string> OperatorDesk::Ask(std::string_view verb, std::string_view request) const {
  // Every verb may be repeated: a proposal that is known already is answered as before.
  const auto answer = transport::CallAgain(
      transport::kTriesMax, [&] { return transport::AdminLink(dial_).Call(verb, request); });
  if (!answer) return Fail(FromAggregator(answer.error(), dial_.address));
  return answer;
}

Status OperatorDesk::Watch(const std::string& run,
                           const std::function<bool(const std::string&)>& line) const {
  transport::AdminLink link(dial_);
  const Status watched = link.Watch(JsonLine(json{{"run", run}}), {},
                                    [&](const std::string& text) { return line(text); });
  if (!watched) return Fail(FromAggregator(watched.error(), dial_.address));
  return {};
}

Result<std::string> OperatorDesk::StartRun(
    RunOptions options, const std::function<void(const std::string&)>& say) const {
  std::error_code ignored;
  const ScratchFolder scratch(std::filesystem::temp_directory_path(ignored));
  if (scratch.path().empty())
    return Fail(ErrorCode::kUnavailable, "cannot make a folder for temporary files");
  DURE_ASSIGN(const auto store, blob::OpenFileBlobStore((scratch.path() / "blobs").string()));
  if (options.sites.empty()) {
    // Everybody who is enrolled is invited, and named: so the log says who was. Whose access has
    // ended cannot come, and a run that wants all would wait for it.
    DURE_ASSIGN(const std::string answer, Ask("site.list", "{}"));
    DURE_ASSIGN(const json listed, ParseJsonObject(answer, "the aggregator's answer"));
    for (const json& site : ListField(listed, "sites")) {
      const bool ended = site.value("ended", json(false)) == true;
      if (TextField(site, "role") == "member" && !ended) {
        options.sites.push_back(TextField(site, "site"));
      }
    }
    if (options.sites.empty()) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "no site is enrolled yet: invite one with dure invite");
    }
  }
  DURE_ASSIGN(const Proposal proposal, MakeProposal(options, *store, scratch.path()));
  json request = {{"manifest", ToBase64(proposal.manifest.Canonical())},
                  {"invited", options.sites}};
  // A name that is taken is refused before the weights are sent; a proposal that is known already,
  // said again after a lost answer, needs none.
  DURE_ASSIGN(const std::string runs, Ask("run.list", "{}"));
  DURE_ASSIGN(const json known, ParseJsonObject(runs, "the aggregator's answer"));
  for (const json& run : ListField(known, "runs")) {
    if (TextField(run, "run") == options.name) return Ask("run.start", JsonLine(request));
  }
  say("the model has " + std::to_string(proposal.parameter_count) +
      " parameters; uploading its first weights");
  transport::DataLink data(dial_, {}, std::chrono::seconds(options.patience_seconds));
  for (const Digest& digest : proposal.blobs) {
    DURE_ASSIGN(const auto reader, store->Open(digest));
    if (const Status sent = data.Upload(*reader, {}); !sent) {
      return Within(
          FromAggregator(sent.error(), dial_.address),
          "uploading the first weights; nothing is proposed, and the same command goes on "
          "from the chunks that arrived");
    }
  }
  return Ask("run.start", JsonLine(request));
}

Status OperatorDesk::Evaluated::Whole() const {
  if (missing.empty()) return {};
  return Fail(ErrorCode::kUnavailable, "these have not answered in time: " + missing +
                                           "; what the others measured is on the record (dure "
                                           "ledger show --type evaluation-reported)");
}

Result<OperatorDesk::Evaluated> OperatorDesk::Evaluate(
    const std::string& run, const std::string& model, const std::vector<std::string>& sites,
    std::chrono::seconds patience, const std::function<void(const std::string&)>& say) const {
  json request = {{"run", run}, {"sites", sites}};
  if (!model.empty()) request["model"] = model;
  DURE_ASSIGN(const std::string asked, Ask("model.evaluate", JsonLine(request)));
  DURE_ASSIGN(const json taken, ParseJsonObject(asked, "the aggregator's answer"));
  const json id = {{"id", CountField(taken, "id")}};
  Evaluated evaluated;
  std::chrono::milliseconds said{0};
  for (std::chrono::milliseconds waited{0}; waited < patience; waited += kAskAgain) {
    DURE_ASSIGN(evaluated.shown, Ask("evaluation.show", JsonLine(id)));
    DURE_ASSIGN(const json state, ParseJsonObject(evaluated.shown, "the aggregator's answer"));
    evaluated.missing = Names(ListField(state, "pending"));
    if (evaluated.missing.empty()) break;
    if (say && waited - said >= kSayAgain) {
      say("still waiting for " + evaluated.missing +
          "; what the others measured is on the record already");
      said = waited;
    }
    std::this_thread::sleep_for(kAskAgain);
  }
  return evaluated;
}

Status OperatorDesk::Fetch(const Digest& digest, blob::BlobStore& store) const {
  transport::DataLink data(dial_);
  return data.Download(digest, store, {});
}

}  // namespace dure::cli
