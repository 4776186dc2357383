#include "site/lending.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "federation/canonical.h"
#include "federation/check.h"
#include "federation/random.h"
#include "site/private_side.h"
#include "site/terms_number.h"

namespace dure::site {
namespace {

constexpr std::chrono::seconds kRetryAfter{1};
const std::string kLoanKey = "loan/";
constexpr size_t kPathBytesMax = 4096;
constexpr std::string_view kOpen = "open";
constexpr std::string_view kResearchOnly = "research-only";

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Fail(ErrorCode::kNotFound,
                "--terms " + path +
                    " is not there; give open, research-only, or a file that dure "
                    "dataset form makes");
  }
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

terms::Terms PresetTerms(const std::string& name) {
  terms::Terms terms;
  const bool open = name == kOpen;
  terms.use = open ? terms::UseClass::kOpen : terms::UseClass::kResearchOnly;
  for (size_t i = 0; i < terms::kWordCount<terms::Purpose>; ++i) {
    const auto purpose = static_cast<terms::Purpose>(i);
    if (open || terms::IsResearch(purpose)) terms.purposes.insert(purpose);
  }
  terms.actions.fill(open ? terms::Permission::kAllow : terms::Permission::kDeny);
  for (const auto action : {terms::Action::kTrain, terms::Action::kFinetune,
                            terms::Action::kEvaluate, terms::Action::kPublishMetrics}) {
    terms.Of(action) = terms::Permission::kAllow;
  }
  for (const auto action : {terms::Action::kExportWeights, terms::Action::kServe}) {
    terms.Of(action) = open ? terms::Permission::kAllow : terms::Permission::kAsk;
  }
  terms.licence.data = open ? "CC0-1.0" : "LicenseRef-consortium";
  terms.territories.processing.anywhere = true;
  terms.territories.storage.anywhere = true;
  terms.territories.exports.anywhere = true;
  terms.personal.data_class = terms::PersonalClass::kNone;
  terms.personal.special = terms::Tristate::kNo;
  terms.personal.basis = terms::Basis::kNotNeeded;
  return terms;
}

seat::DataSpec SpecOf(const std::vector<const Loan*>& loans) {
  seat::DataSpec spec;
  spec.path = loans.front()->data.string();
  spec.columns = loans.front()->columns;
  for (size_t i = 1; i < loans.size(); ++i) spec.more.push_back(loans[i]->data.string());
  return spec;
}

std::string FilesText(uint64_t files) {
  return std::to_string(files) + (files == 1 ? " file, " : " files, ");
}

}  // namespace

bool IsPreset(const std::string& terms) { return terms == kOpen || terms == kResearchOnly; }

Status CheckTerms(const std::string& terms) {
  if (IsPreset(terms)) return {};
  DURE_ASSIGN(const std::string text, ReadFile(terms));
  SystemRandom random;
  DURE_ASSIGN(const terms::Draft draft, terms::ParseToml(text, terms, random));
  if (draft.has_passport) return {};
  return Fail(ErrorCode::kInvalid,
              terms + " has no [dataset] table: it does not say which dataset");
}

Result<terms::Description> DescribeLoan(const Loan& loan, Random& random) {
  if (!IsPreset(loan.terms)) {
    DURE_ASSIGN(const std::string text, ReadFile(loan.terms));
    return terms::Describe(text, loan.terms, loan.data, random);
  }
  terms::Description description;
  description.terms = PresetTerms(loan.terms);
  description.data_salt = terms::MakeSalt(random);
  terms::Passport& passport = description.passport;
  passport.dataset = loan.site.str();
  passport.custodian = loan.member.str();
  passport.rights_holder = loan.member.str();
  // Both speak of text without personal data; whoever has other text writes its terms.
  passport.classification = terms::Classification::kClear;
  DURE_ASSIGN(const terms::Measurement measured,
              terms::MeasureData(loan.data, description.data_salt));
  passport.files = measured.files;
  passport.bytes = measured.bytes;
  passport.lines = measured.lines;
  passport.data = measured.digest;
  return description;
}

Status KeepLoan(journal::Journal& journal, const DatasetId& dataset, const Loan& loan) {
  CanonicalWriter writer;
  writer.Text(loan.data.string()).Text(loan.terms).U32(static_cast<uint32_t>(loan.columns.size()));
  for (const std::string& column : loan.columns) writer.Text(column);
  return journal.Apply(journal::Change().Put(kLoanKey + dataset.str(), writer.Take()));
}

Result<std::optional<std::filesystem::path>> KeptDataOf(const journal::Journal& journal,
                                                        const DatasetId& dataset) {
  DURE_ASSIGN(const auto kept, journal.Get(kLoanKey + dataset.str()));
  if (!kept) return std::nullopt;
  return std::filesystem::path(CanonicalReader(*kept).Text(kPathBytesMax));
}

Result<std::vector<Loan>> KeptLoans(const journal::Journal& journal, const SiteId& site,
                                    const MemberId& member) {
  DURE_ASSIGN(const auto entries, journal.Scan(kLoanKey));
  std::vector<Loan> loans;
  for (const auto& [key, value] : entries) {
    CanonicalReader reader(value);
    Loan loan{site, member, reader.Text(kPathBytesMax), reader.Text(kPathBytesMax)};
    const uint32_t columns = reader.U32();
    for (uint32_t i = 0; i < columns && reader.ok(); ++i) {
      loan.columns.push_back(reader.Text(kPathBytesMax));
    }
    DURE_TRY(reader.Done(key));
    loans.push_back(std::move(loan));
  }
  return loans;
}

Lending::Lending(std::vector<Loan> loans, Scribe& scribe, std::filesystem::path folder,
                 loop::EventLoop& loop, loop::WorkerPool& workers,
                 std::function<void(const std::string&)> say)
    : scribe_(scribe),
      folder_(std::move(folder)),
      loop_(loop),
      workers_(workers),
      say_(std::move(say)) {
  DURE_CHECK(!loans.empty(), "a site lends something");
  for (Loan& loan : loans) lent_.push_back({std::move(loan)});
}

Lending::~Lending() { *alive_ = false; }

void Lending::Later(std::function<void()> what) {
  loop_.At(loop_.Now() + kRetryAfter, [alive = alive_, what = std::move(what)] {
    if (*alive) what();
  });
}

void Lending::Object(Lent& lent, std::string objection, const std::string& why) {
  lent.objection = std::move(objection);
  say_((lent_.size() > 1 ? lent.loan.data.string() + " is not lent: " : "nothing is lent: ") + why);
}

bool Lending::settled() const {
  return std::ranges::all_of(
      lent_, [](const Lent& lent) { return lent.offered.has_value() || !lent.objection.empty(); });
}

std::vector<round::OfferedDataset> Lending::offered() const {
  std::vector<round::OfferedDataset> offered;
  for (const Lent& lent : lent_) {
    if (lent.offered) offered.push_back(*lent.offered);
  }
  std::ranges::sort(offered);
  return offered;
}

const std::string& Lending::objection() const {
  const auto found =
      std::ranges::find_if(lent_, [](const Lent& lent) { return !lent.objection.empty(); });
  DURE_CHECK(found != lent_.end(), "a loan that is settled and not offered has an objection");
  return found->objection;
}

void Lending::Start() {
  if (started_) return;
  started_ = true;
  scribe_.AnnounceAuditor([this, alive = alive_](Status announced) {
    if (!*alive) return;
    const bool later = !announced && announced.error().code == ErrorCode::kUnavailable;
    const bool refused = !announced && announced.error().code == ErrorCode::kCorrupt;
    // A key that the record does not take ends no loan: heads are then not co-signed.
    if (!announced && !later && !refused) {
      say_("tree heads are not co-signed: " + announced.error().message +
           "; if auditor.key came from a backup, move it away and start again: a new key is made "
           "and announced");
    }
    if (!later && !refused) {
      announced_ = true;
      return LookAgain();
    }
    started_ = false;
    if (later) return Later([this] { Start(); });
    for (Lent& lent : lent_) Object(lent, "record-refused", announced.error().message);
  });
}

void Lending::Describe(Lent& lent) {
  auto work = [loan = lent.loan] {
    SystemRandom random;
    return DescribeLoan(loan, random);
  };
  auto done = [this, alive = alive_, &lent](Result<terms::Description> description) {
    if (!*alive) return;
    if (!description) return Object(lent, "terms-unreadable", description.error().message);
    lent.description = std::move(*description);
    if (announced_) Compare(lent);
  };
  if (!workers_.RunThen(loop_, work, done)) Later([this, &lent] { Describe(lent); });
}

void Lending::Measure() {
  for (Lent& lent : lent_) Describe(lent);
}

void Lending::LookAgain() {
  if (!announced_) return;
  for (Lent& lent : lent_) {
    if (lent.description && lent.objection.empty() && !lent.registering) Compare(lent);
  }
}

bool Lending::IsTwice(const Lent& lent) const {
  return std::ranges::any_of(lent_, [&](const Lent& other) {
    return &other < &lent && other.description &&
           other.description->passport.dataset == lent.description->passport.dataset;
  });
}

// What the record, as it is now, has of the dataset.
void Lending::Compare(Lent& lent) {
  const auto id = DatasetId::Parse(lent.description->passport.dataset);
  if (!id) return Object(lent, "terms-unreadable", id.error().message);
  if (lent.description->passport.custodian != lent.loan.member.str()) {
    return Object(lent, "dataset-of-another",
                  "its terms say custodian = \"" + lent.description->passport.custodian +
                      "\", and this is a site of " + lent.loan.member.str());
  }
  if (IsTwice(lent)) {
    return Object(lent, "dataset-twice", "two terms files name the dataset " + id->str());
  }
  uint64_t version = 0;
  bool foreign = false;
  bool withdrawn = false;
  std::optional<standing::DatasetEntry> newest;
  scribe_.WithStanding([&](const standing::Auditor& own) {
    const auto known = own.standing().state().datasets.find(*id);
    if (known == own.standing().state().datasets.end()) return;
    version = known->second.version();
    foreign = known->second.custodian != lent.loan.member;
    withdrawn = known->second.withdrawn.has_value();
    newest = known->second.newest();
  });
  const standing::DatasetEntry* const recorded = newest ? &*newest : nullptr;
  if (newest) {
    lent.description = WithKeptSalts(folder_, {*id, version}, std::move(*lent.description));
  }
  terms::Terms& terms = lent.description->terms;
  if (IsPreset(lent.loan.terms)) TakeNumber(terms, recorded);
  lent.offered.reset();
  if (foreign || withdrawn) {
    lent.objection = withdrawn ? "dataset-withdrawn" : "dataset-of-another";
    say_(id->str() + (withdrawn ? " was withdrawn: it is offered no more"
                                : " belongs to another member; name the dataset otherwise"));
  } else if (newest && newest->site == lent.loan.site &&
             newest->terms_text == terms::ToCanonical(terms)) {
    lent.offered = round::OfferedDataset{*id, version};
    SayIfDataChanged(lent, newest->passport);
  } else if (const auto wrong = FindWrongNumber(*lent.description, recorded, version + 1)) {
    Object(lent, "terms-version", Text(*wrong, lent.loan.terms, false));
  } else {
    Register(lent, version + 1);
  }
}

// A run goes on with the version that it was approved with, so the daemon registers no other by
// itself. Sizes tell nearly always, and cost no second reading.
void Lending::SayIfDataChanged(Lent& lent, const std::string& recorded) {
  if (std::exchange(lent.compared, true)) return;
  const auto passport = terms::ParseCanonicalPassport(recorded);
  const terms::Passport& now = lent.description->passport;
  if (!passport || (passport->files == now.files && passport->bytes == now.bytes &&
                    passport->lines == now.lines)) {
    return;
  }
  say_("the data of " + now.dataset + " is not what the record describes (" +
       FilesText(passport->files) + std::to_string(passport->bytes) + " bytes there; " +
       FilesText(now.files) + std::to_string(now.bytes) +
       " bytes here): dure dataset add registers it as the next version, with the daemon stopped");
}

void Lending::Register(Lent& lent, uint64_t version) {
  const terms::Description& description = *lent.description;
  ledger::DatasetRegistered event;
  event.what = {*DatasetId::Parse(description.passport.dataset), version};
  event.site = lent.loan.site;
  terms::Passport passport = description.passport;
  passport.version = version;
  event.passport = terms::ToCanonical(passport);
  event.terms = terms::ToCanonical(description.terms);
  if (const Status kept = KeepPrivateSide(folder_, event.what, description); !kept) {
    say_("cannot register " + event.what.dataset.str() + " yet: " + kept.error().message);
    return Later([this, &lent] { Compare(lent); });
  }
  lent.registering = true;
  scribe_.Say(event, [this, alive = alive_, &lent, what = event.what](Result<uint64_t> index) {
    if (!*alive) return;
    lent.registering = false;
    if (index) {
      say_("lends " + what.dataset.str() + " version " + std::to_string(what.version) + ", entry " +
           std::to_string(*index) + " of the record");
      lent.offered = round::OfferedDataset{what.dataset, what.version};
      return;
    }
    say_("cannot register " + what.dataset.str() + " yet: " + index.error().message);
    if (index.error().code == ErrorCode::kCorrupt) {
      lent.objection = "record-refused";
      return;
    }
    Later([this, &lent] { Compare(lent); });
  });
}

const Lending::Lent* Lending::Find(const DatasetId& dataset) const {
  const auto found = std::ranges::find_if(lent_, [&](const Lent& lent) {
    return lent.description && lent.description->passport.dataset == dataset.str();
  });
  return found == lent_.end() ? nullptr : &*found;
}

std::optional<bool> Lending::Has(const std::vector<round::OfferedDataset>& datasets) const {
  const bool all =
      std::ranges::all_of(datasets, [&](const auto& one) { return Find(one.dataset) != nullptr; });
  const bool measuring = std::ranges::any_of(
      lent_, [](const Lent& lent) { return !lent.description && lent.objection.empty(); });
  return !all && measuring ? std::nullopt : std::optional(all);
}

seat::DataSpec Lending::DataOf(const std::vector<round::OfferedDataset>& datasets) const {
  std::vector<const Loan*> loans;
  for (const round::OfferedDataset& one : datasets) {
    const Lent* lent = Find(one.dataset);
    DURE_CHECK(lent != nullptr, "a site trains on what it lends");
    loans.push_back(&lent->loan);
  }
  return SpecOf(loans);
}

seat::DataSpec Lending::Everything() const {
  std::vector<const Loan*> loans;
  for (const Lent& lent : lent_) loans.push_back(&lent.loan);
  return SpecOf(loans);
}

}  // namespace dure::site
