#include "clerk/clerk.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "federation/transport/json_fields.h"
#include "policy/standing/roles.h"

namespace dure::clerk {
namespace {

using nlohmann::json;

constexpr const char* kOwnClock =
    "; if it was this machine's clock that was wrong, set it, take that file away and start again";
constexpr const char* kMayBeOwnClock =
    ". This machine's clock may be the wrong one: this copy goes no further and waits for some "
    "minutes whether it is set";

Result<ledger::Proof> ProofFrom(ByteView bytes) {
  if (bytes.size() % 32 != 0) return Fail(ErrorCode::kInvalid, "a proof is whole hashes");
  ledger::Proof proof;
  for (size_t at = 0; at < bytes.size(); at += 32) {
    DURE_ASSIGN(const Digest digest, Digest::FromBytes(bytes.subspan(at, 32)));
    proof.push_back(digest);
  }
  return proof;
}

}  // namespace

Result<std::unique_ptr<Clerk>> Clerk::Open(const std::string& dir, const identity::Identity& self,
                                           std::function<WallTime()> wall, int tries,
                                           SteadyWall* steady) {
  auto clerk = std::unique_ptr<Clerk>(new Clerk(dir, self, std::move(wall), tries, steady));
  clerk->stopped_ = clerk->evidence_.Stopped();
  DURE_ASSIGN(clerk->log_key_, ledger::NoteKey::Parse(self.log_vkey));
  ledger::MirrorOptions options;
  options.dir = dir;
  options.log_key = clerk->log_key_;
  options.verifier = &clerk->verifier_;
  DURE_ASSIGN(clerk->mirror_, ledger::Mirror::Open(std::move(options)));
  clerk->UseDial({self.address, self.cert_chain_pem, self.tls_key_pem, self.trust()});
  DURE_TRY(clerk->auditor_.CatchUp(*clerk->mirror_));
  clerk->RecallClock();
  return clerk;
}

void Clerk::UseDial(const transport::Dial& dial) {
  std::atomic_store(&links_, std::make_shared<Links>(dial));
}

// `call(links)`, and again over fresh ones while nobody answers.
template <typename Call>
auto Clerk::Over(Call call) {
  return transport::CallAgain(tries_, [&] {
    const auto links = std::atomic_load(&links_);
    auto answer = call(*links);
    const bool again = !answer && answer.error().code == ErrorCode::kUnavailable && tries_ > 1;
    if (again) UseDial(links->dial);
    return answer;
  });
}

Result<std::string> Clerk::Ask(std::string_view verb, std::string_view request) {
  return Over([&](Links& links) { return links.admin.Call(verb, request); });
}

void Clerk::WithStanding(const std::function<void(const standing::Auditor&)>& look) const {
  const std::lock_guard lock(mutex_);
  look(auditor_);
}

std::optional<standing::Finding> Clerk::dissent() const {
  const std::lock_guard lock(mutex_);
  return auditor_.dissent() ? auditor_.dissent() : clock_;
}

Result<ledger::SignedHead> Clerk::HeadThatHolds() const {
  if (const auto finding = dissent()) return Fail(KeepDissent(*finding).error());
  if (stopped_) return Fail(ErrorCode::kCorrupt, *stopped_);
  ledger::SignedHead head = mirror_->Head();
  const std::lock_guard lock(mutex_);
  if (waits_) return Fail(ErrorCode::kUnavailable, *waits_);
  if (auditor_.standing().size() >= head.head.size) return head;
  return Fail(ErrorCode::kUnavailable, "the copy is not replayed up to its head");
}

ledger::Actor Clerk::Holder() const {
  return {self_->member(), self_->signer->Key(), standing::RoleInLog(self_->role())};
}

Status Clerk::Follow(uint64_t size) {
  if (const auto before = dissent()) return KeepDissent(*before);
  if (stopped_) return Fail(ErrorCode::kCorrupt, *stopped_);
  const uint64_t held = mirror_->Head().head.size;
  const WallTime asked = OwnClock().now;
  DURE_TRY(Fetch(size));
  DURE_TRY(Replay());
  DURE_ASSIGN(const bool set, CompareClocks(held));
  if (!set && (size == 0 || held < size)) clocks_.UpToDate(asked);
  return {};
}

standing::OwnClock Clerk::OwnClock() const {
  if (steady_ == nullptr) return {wall_(), {}, std::nullopt};
  const SteadyWall::Reading now = steady_->Read();
  return {now.time, now.set_by, now.up};
}

Result<bool> Clerk::CompareClocks(uint64_t held_before) {
  standing::ClockWatch::Judged judged;
  {
    const std::lock_guard lock(mutex_);
    DURE_ASSIGN(judged, clocks_.Look(*mirror_, held_before, auditor_.standing(), OwnClock()));
    waits_.reset();
    if (judged.waits) waits_ = judged.finding->text + kMayBeOwnClock;
    if (!judged.waits) clock_ = judged.finding;
  }
  if (judged.waits) return Fail(ErrorCode::kUnavailable, *Waits());
  if (judged.finding) return Fail(KeepDissent(*judged.finding).error());
  if (judged.follows_set) steady_->Follow();
  return judged.follows_set;
}

std::optional<std::string> Clerk::Waits() const {
  const std::lock_guard lock(mutex_);
  return waits_;
}

// Of its own dissents from this very log, the first that rests on a clock. A person who takes the
// file away says that it was this machine's.
void Clerk::RecallClock() {
  for (const std::string& file : evidence_.Dissents()) {
    const auto kept = standing::OpenDissent(file, verifier_);
    if (!kept || kept->finding.rule != standing::kClockRule) continue;
    const uint64_t at = kept->finding.index;
    const bool own = kept->key == self_->signer->Key() && kept->origin == log_key_.name;
    if (!own || at >= mirror_->Head().head.size || mirror_->Leaf(at) != kept->leaf) continue;
    if (!clock_ || at < clock_->index) clock_ = kept->finding;
  }
}

Status Clerk::Fetch(uint64_t size) {
  const uint64_t held = mirror_->Head().head.size;
  if (size != 0 && held >= size) return {};
  auto extended = Over([&](Links& links) { return links.ledger.Extend(held); });
  if (!extended && extended.error().code == ErrorCode::kUnavailable) {
    return Fail(ErrorCode::kUnavailable, "the aggregator at " + self_->address +
                                             " does not answer; the same may work later (" +
                                             extended.error().message + ")");
  }
  if (!extended) return Fail(extended.error());
  transport::LogExtension got = std::move(*extended);
  const auto head = ledger::OpenHead(AsText(got.head), log_key_, verifier_);
  if (!head) return Within(head.error(), "reading the aggregator's tree head");
  ledger::Extension extension;
  extension.note = head->note;
  extension.entries = std::move(got.entries);
  const uint64_t offered = head->head.size;
  DURE_ASSIGN(extension.consistency, ProofFrom(got.consistency));
  while (held + extension.entries.size() < offered) {
    const uint64_t next = held + extension.entries.size();
    DURE_ASSIGN(auto batch,
                Over([&](Links& links) { return links.ledger.Entries(next, offered); }));
    if (batch.empty()) return Fail(ErrorCode::kUnavailable, "the aggregator sent no entries");
    for (Bytes& entry : batch) extension.entries.push_back(std::move(entry));
  }
  DURE_ASSIGN(const auto refusal, mirror_->Extend(extension));
  if (refusal) return KeepRefusal(*refusal, offered, extension.entries);
  if (size == 0 || offered >= size) return {};
  return Fail(ErrorCode::kUnavailable, "the log is not that long yet");
}

Status Clerk::Replay() {
  std::optional<standing::Finding> finding;
  {
    const std::lock_guard lock(mutex_);
    DURE_TRY(auditor_.CatchUp(*mirror_));
    finding = auditor_.dissent();
  }
  return finding ? KeepDissent(*finding) : Status();
}

Status Clerk::TakeAgreed(std::string_view note) {
  if (note.empty()) return {};
  DURE_ASSIGN(const auto refusal, mirror_->TakeCosigned(note));
  return refusal ? KeepRefusal(*refusal, 0, {}) : Status();
}

Status Clerk::FetchAgreed() {
  DURE_ASSIGN(const std::string answer, Ask("ledger.agreed", "{}"));
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the aggregator's answer"));
  return TakeAgreed(transport::TextField(said, "agreed"));
}

Status Clerk::ShowHeld() {
  json held = {{"note", mirror_->Head().note}};
  if (steady_ != nullptr && !Waits()) held["time"] = FormatRfc3339(OwnClock().now);
  DURE_ASSIGN(const std::string answer, Ask("ledger.held", transport::JsonLine(held)));
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the aggregator's answer"));
  size_t given = 0;
  for (const json& wanted : transport::ListField(said, "wanted")) {
    if (!wanted.is_number_unsigned() || given++ == ledger::kWantedMax) break;
    const auto index = wanted.get<uint64_t>();
    if (index >= mirror_->Head().head.size) continue;
    DURE_ASSIGN(const std::vector<Bytes> entry, mirror_->Read(index, index + 1, 1));
    const json spare = {{"index", index}, {"entry", ToBase64(entry.front())}};
    // Another member may have been quicker.
    (void)Ask("ledger.spare", transport::JsonLine(spare));
  }
  return {};
}

void Clerk::StartScrubbing(Duration period, std::function<void(const std::string&)> say) {
  ledger::ScrubOptions options{dir_, period, std::move(say), {}};
  options.spares.entry = [this](uint64_t index) -> std::optional<Bytes> {
    auto entries = std::atomic_load(&links_)->ledger.Entries(index, index + 1);
    if (!entries || entries->empty()) return std::nullopt;
    return std::move(entries->front());
  };
  options.spares.note = [this](uint64_t size) -> std::optional<std::string> {
    const ledger::SignedHead head = mirror_->Head();
    return head.head.size == size ? std::optional(head.note) : std::nullopt;
  };
  scrubbing_ = std::make_unique<ledger::Scrubbing>(*mirror_, verifier_, std::move(options));
}

void Clerk::Scrub(MonoTime now, WallTime wall) {
  if (scrubbing_) scrubbing_->Step(now, wall);
}

ledger::ScrubState Clerk::scrub_state() const {
  return scrubbing_ ? scrubbing_->state() : ledger::ScrubState{};
}

// Heads alone say that something is wrong; the entries that are served now say what.
Status Clerk::KeepRefusal(ledger::Refusal refusal, uint64_t offered_size,
                          const std::vector<Bytes>& entries) {
  const uint64_t held = mirror_->Head().head.size;
  Bytes entry;
  const bool by_heads = refusal.reason == ledger::RefusalReason::kFork ||
                        refusal.reason == ledger::RefusalReason::kRollback;
  if (by_heads && offered_size > 0) {
    const auto links = std::atomic_load(&links_);
    auto different = FirstDifference(*mirror_, offered_size, [&](uint64_t begin, uint64_t end) {
      return links->ledger.Entries(begin, end);
    });
    if (different && *different) {
      refusal.reason = ledger::RefusalReason::kFork;  // also where the log is shorter besides
      refusal.text += "; " + (*different)->text;
      entry = (*different)->offered;
    } else if (different && offered_size < held) {
      refusal.text += "; entries " + std::to_string(offered_size) + " to " +
                      std::to_string(held - 1) + " are gone, which its key had signed";
    }
  } else if (refusal.index && *refusal.index >= held && *refusal.index - held < entries.size()) {
    entry = entries[*refusal.index - held];
    refusal.text += " (" + Describe(entry) + ")";
  }
  const std::string said = evidence_.Keep(refusal, held, entry);
  stopped_ = evidence_.Stopped();
  return Fail(ErrorCode::kCorrupt, said);
}

Status Clerk::KeepDissent(const standing::Finding& finding) const {
  evidence_.Make();
  const std::string path =
      evidence_.path() + "/dissent-" + std::to_string(finding.index) + ".dsse.json";
  if (!std::filesystem::exists(path)) {
    standing::Dissent dissent;
    dissent.origin = log_key_.name;
    dissent.site = self_->site();
    dissent.key = self_->signer->Key();
    dissent.finding = finding;
    dissent.leaf = mirror_->Leaf(finding.index);
    dissent.head_note = mirror_->Head().note;
    std::ofstream(path) << standing::SealDissent(dissent, *self_->signer);
  }
  return Fail(ErrorCode::kCorrupt, "this copy dissents from entry " +
                                       std::to_string(finding.index) + " (" +
                                       std::string(Name(finding.type)) + "): " + finding.rule +
                                       ": " + finding.text + "; the signed dissent is " + path +
                                       (finding.rule == standing::kClockRule ? kOwnClock : ""));
}

Result<Bytes> Clerk::Seal(ledger::Event event, WallTime now) const {
  DURE_ASSIGN(ledger::SealedEntry sealed,
              ledger::SealNext(*mirror_, Holder(), *self_->signer, now, std::move(event)));
  return std::move(sealed.bytes);
}

Result<uint64_t> Clerk::Submit(ledger::Event event, WallTime now) {
  DURE_TRY(Follow());
  DURE_ASSIGN(const Bytes envelope, Seal(std::move(event), now));
  DURE_ASSIGN(const ledger::OpenedEntry entry, ledger::ParseEntry(envelope));
  std::optional<standing::Finding> finding;
  WithStanding([&](const standing::Auditor& own) { finding = own.standing().Check(entry); });
  if (finding) return Fail(ErrorCode::kFailedPrecondition, finding->rule + ": " + finding->text);
  const json request = {{"envelope", ToBase64(envelope)}};
  DURE_ASSIGN(const std::string answer, Ask("ledger.append", transport::JsonLine(request)));
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the aggregator's answer"));
  const uint64_t index = transport::CountField(said, "index");
  DURE_TRY(Follow(index + 1));
  if (mirror_->Leaf(index) == entry.leaf) return index;
  return Fail(ErrorCode::kCorrupt, "the aggregator says that the entry is at " +
                                       std::to_string(index) + ", where another one stands");
}

}  // namespace dure::clerk
