#include "site/lending.h"

#include <fstream>
#include <iterator>

#include "federation/random.h"

namespace dure::site {
namespace {

constexpr std::chrono::seconds kRetryAfter{1};
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

bool IsPreset(const std::string& terms) { return terms == kOpen || terms == kResearchOnly; }

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

}  // namespace

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
  DURE_ASSIGN(const terms::Measurement measured,
              terms::MeasureData(loan.data, description.data_salt));
  passport.files = measured.files;
  passport.bytes = measured.bytes;
  passport.lines = measured.lines;
  passport.data = measured.digest;
  return description;
}

Lending::Lending(Loan loan, Scribe& scribe, journal::Journal& journal, loop::EventLoop& loop,
                 loop::WorkerPool& workers, std::function<void(const std::string&)> say)
    : loan_(std::move(loan)),
      scribe_(scribe),
      journal_(journal),
      loop_(loop),
      workers_(workers),
      say_(std::move(say)) {}

Lending::~Lending() { *alive_ = false; }

void Lending::Later(std::function<void()> what) {
  loop_.At(loop_.Now() + kRetryAfter, [alive = alive_, what = std::move(what)] {
    if (*alive) what();
  });
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
      say_("tree heads are not co-signed: " + announced.error().message);
    }
    if (!later && !refused) return Describe();
    started_ = false;
    if (refused) {
      objection_ = "record-refused";
      say_("nothing is lent: " + announced.error().message);
      return;
    }
    Later([this] { Start(); });
  });
}

void Lending::Describe() {
  auto work = [loan = loan_] {
    SystemRandom random;
    return DescribeLoan(loan, random);
  };
  auto done = [this, alive = alive_](Result<terms::Description> description) {
    if (!*alive) return;
    if (!description) {
      objection_ = "terms-unreadable";
      say_("nothing is lent: " + description.error().message);
      return;
    }
    description_ = std::move(*description);
    Compare();
  };
  if (!workers_.RunThen(loop_, work, done)) Later([this] { Describe(); });
}

void Lending::LookAgain() {
  if (description_ && objection_.empty() && !registering_) Compare();
}

// What the record, as it is now, has of the dataset.
void Lending::Compare() {
  const auto id = DatasetId::Parse(description_->passport.dataset);
  if (!id) {
    objection_ = "terms-unreadable";
    return say_("nothing is lent: " + id.error().message);
  }
  uint64_t version = 0;
  bool same = false;
  bool foreign = false;
  bool withdrawn = false;
  scribe_.WithStanding([&](const standing::Auditor& own) {
    const auto known = own.standing().state().datasets.find(*id);
    if (known == own.standing().state().datasets.end()) return;
    version = known->second.version();
    foreign = known->second.custodian != loan_.member;
    withdrawn = known->second.withdrawn.has_value();
    const standing::DatasetEntry& newest = known->second.newest();
    same =
        newest.site == loan_.site && newest.terms_text == terms::ToCanonical(description_->terms);
  });
  offered_.reset();
  if (foreign || withdrawn) {
    objection_ = withdrawn ? "dataset-withdrawn" : "dataset-of-another";
    say_(id->str() + (withdrawn ? " was withdrawn: it is offered no more"
                                : " belongs to another member; name the dataset otherwise"));
  } else if (same) {
    offered_ = round::OfferedDataset{*id, version};
  } else {
    Register(version + 1);
  }
}

void Lending::Register(uint64_t version) {
  ledger::DatasetRegistered event;
  event.what = {*DatasetId::Parse(description_->passport.dataset), version};
  event.site = loan_.site;
  event.passport = terms::ToCanonical(description_->passport);
  event.terms = terms::ToCanonical(description_->terms);
  const std::string key = "dataset/" + event.what.dataset.str() + "/" + std::to_string(version);
  const Bytes salt(description_->data_salt.begin(), description_->data_salt.end());
  if (!journal_.Apply(journal::Change().Put(key + "/salt", salt))) {
    return Later([this] { Compare(); });
  }
  registering_ = true;
  scribe_.Say(event, [this, alive = alive_, what = event.what](Result<uint64_t> index) {
    if (!*alive) return;
    registering_ = false;
    if (index) {
      say_("lends " + what.dataset.str() + " version " + std::to_string(what.version) + ", entry " +
           std::to_string(*index) + " of the record");
      offered_ = round::OfferedDataset{what.dataset, what.version};
      return;
    }
    say_("cannot register " + what.dataset.str() + " yet: " + index.error().message);
    if (index.error().code == ErrorCode::kCorrupt) {
      objection_ = "record-refused";
      return;
    }
    Later([this] { Compare(); });
  });
}

}  // namespace dure::site
