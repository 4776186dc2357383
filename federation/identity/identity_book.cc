#include "federation/identity/identity_book.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <functional>

#include "federation/crash_point.h"

namespace dure::identity {
namespace {

// A day more than an issuing CA's life.
constexpr std::chrono::hours kForgotAfter{24 * 366};

constexpr char kSchema[] =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA trusted_schema=OFF;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS spent("
    "  nonce BLOB PRIMARY KEY, keys BLOB NOT NULL, response BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS seat("
    "  role INTEGER NOT NULL, site TEXT NOT NULL, consortium TEXT NOT NULL, member TEXT NOT NULL,"
    "  house INTEGER NOT NULL, country TEXT NOT NULL,"
    "  signing_key BLOB NOT NULL, signing_cert BLOB NOT NULL, serial TEXT NOT NULL,"
    "  enrolled INTEGER NOT NULL, not_after INTEGER NOT NULL,"
    "  PRIMARY KEY(role, site)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS issued("
    "  serial TEXT PRIMARY KEY, role INTEGER NOT NULL, site TEXT NOT NULL,"
    "  not_after INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS revocation("
    "  kind INTEGER NOT NULL, target TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL,"
    "  PRIMARY KEY(kind, target)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS version(one INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
    "INSERT OR IGNORE INTO version VALUES(1, 0);"
    "COMMIT;";

ErrorCode CodeOf(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::kExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kFailedPrecondition;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_CONSTRAINT:
      return ErrorCode::kAlreadyExists;
    default:
      return ErrorCode::kUnavailable;
  }
}

int64_t Micros(WallTime time) { return time.time_since_epoch().count(); }
WallTime FromMicros(int64_t micros) { return WallTime(Duration(micros)); }

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) { sqlite3_prepare_v2(db, sql, -1, &handle_, nullptr); }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Values are bound in the order of the calls.
  Statement& Text(std::string_view text) {
    sqlite3_bind_text64(handle_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    return *this;
  }
  Statement& Blob(ByteView bytes) {
    // A null pointer would bind NULL; an empty value is still a value.
    if (bytes.empty()) {
      sqlite3_bind_zeroblob(handle_, ++bound_, 0);
      return *this;
    }
    sqlite3_bind_blob64(handle_, ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& Int(int64_t value) {
    sqlite3_bind_int64(handle_, ++bound_, value);
    return *this;
  }
  int Step() { return handle_ == nullptr ? SQLITE_ERROR : sqlite3_step(handle_); }
  Bytes BlobAt(int column) const {
    const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(handle_, column));
    const auto n = static_cast<size_t>(sqlite3_column_bytes(handle_, column));
    return data == nullptr ? Bytes{} : Bytes(data, data + n);
  }
  std::string TextAt(int column) const { return std::string(AsText(BlobAt(column))); }
  int64_t IntAt(int column) const { return sqlite3_column_int64(handle_, column); }

 private:
  sqlite3_stmt* handle_ = nullptr;
  int bound_ = 0;
};

// Columns in the order of kSeatColumns.
constexpr char kSelectSeats[] =
    "SELECT role, site, consortium, member, signing_key, signing_cert, serial, enrolled, not_after,"
    " house, country FROM seat";

Result<Seat> SeatOf(const Statement& row) {
  Seat seat;
  DURE_ASSIGN(seat.subject.role, RoleOf(static_cast<uint8_t>(row.IntAt(0))));
  DURE_ASSIGN(seat.subject.site, SiteId::Parse(row.TextAt(1)));
  seat.subject.consortium = row.TextAt(2);
  DURE_ASSIGN(seat.subject.member, MemberId::Parse(row.TextAt(3)));
  const Bytes key = row.BlobAt(4);
  if (key.size() != seat.signing_key.size()) {
    return Fail(ErrorCode::kCorrupt, "identity.db: a seat's key is malformed");
  }
  std::copy(key.begin(), key.end(), seat.signing_key.begin());
  seat.signing_cert_der = row.BlobAt(5);
  seat.serial = row.TextAt(6);
  seat.enrolled = FromMicros(row.IntAt(7));
  seat.not_after = FromMicros(row.IntAt(8));
  DURE_ASSIGN(seat.domicile.house, HouseOf(static_cast<uint8_t>(row.IntAt(9))));
  seat.domicile.country = row.TextAt(10);
  return seat;
}

}  // namespace

struct IdentityBook::State {
  std::string path;
  sqlite3* db = nullptr;
  ~State() { sqlite3_close(db); }

  tl::unexpected<Error> Failure(std::string_view doing) const {
    return Fail(CodeOf(sqlite3_extended_errcode(db)),
                std::string(doing) + " " + path + ": " + sqlite3_errmsg(db));
  }
  Status Execute(const char* sql) const {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Failure("cannot use");
    return {};
  }
  Status Write(Statement& statement) const {
    if (statement.Step() != SQLITE_DONE) return Failure("cannot write");
    return {};
  }
  // `changes` happen together or not at all, and are durable on success.
  Status Together(const std::function<Status()>& changes) const {
    DURE_TRY(Execute("BEGIN IMMEDIATE"));
    const Status changed = changes();
    CrashPoint("identity.before-commit");
    const Status committed = changed ? Execute("COMMIT") : changed;
    if (!committed) sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
    return committed;
  }
  Status WriteSeat(const Seat& seat) const;
  Status RevokeSuperseded(const Seat& seat, WallTime now) const;
  Status RevokeCovered(RevocationKind kind, const std::string& target, WallTime now) const;
};

Status IdentityBook::State::WriteSeat(const Seat& seat) const {
  const auto role = static_cast<int64_t>(seat.subject.role);
  Statement put(db,
                "INSERT OR REPLACE INTO seat(role, site, consortium, member, signing_key,"
                " signing_cert, serial, enrolled, not_after, house, country)"
                " VALUES(?,?,?,?,?,?,?,?,?,?,?)");
  put.Int(role).Text(seat.subject.site.str()).Text(seat.subject.consortium);
  put.Text(seat.subject.member.str()).Blob(seat.signing_key).Blob(seat.signing_cert_der);
  put.Text(seat.serial).Int(Micros(seat.enrolled)).Int(Micros(seat.not_after));
  put.Int(static_cast<int64_t>(seat.domicile.house)).Text(seat.domicile.country);
  DURE_TRY(Write(put));
  Statement issue(db,
                  "INSERT OR REPLACE INTO issued(serial, role, site, not_after)"
                  " VALUES(?,?,?,?)");
  issue.Text(seat.serial).Int(role).Text(seat.subject.site.str()).Int(Micros(seat.not_after));
  return Write(issue);
}

Status IdentityBook::State::RevokeSuperseded(const Seat& seat, WallTime now) const {
  Statement revoke(db,
                   "INSERT OR IGNORE INTO revocation(kind, target, reason, since)"
                   " SELECT ?, i.serial, 'superseded by a new enrolment', ? FROM issued i"
                   " JOIN seat s ON s.role = i.role AND s.site = i.site"
                   " WHERE i.role = ? AND i.site = ? AND i.not_after > ?"
                   " AND s.signing_key <> ?");
  revoke.Int(static_cast<int64_t>(RevocationKind::kSerial)).Int(Micros(now));
  revoke.Int(static_cast<int64_t>(seat.subject.role)).Text(seat.subject.site.str());
  revoke.Int(Micros(now)).Blob(seat.signing_key);
  DURE_TRY(Write(revoke));
  if (sqlite3_changes(db) == 0) return {};
  return Execute("UPDATE version SET value = value + 1");
}

IdentityBook::IdentityBook(std::unique_ptr<State> state) : state_(std::move(state)) {}
IdentityBook::~IdentityBook() = default;

Result<std::unique_ptr<IdentityBook>> IdentityBook::Open(const std::string& path) {
  if (path != ":memory:") {
    // SQLite would make the file with the umask's rights; its side files copy those of the main
    // one.
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return Fail(ErrorCode::kFailedPrecondition, "cannot open " + path);
    close(fd);
  }
  auto state = std::make_unique<State>();
  state->path = path;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW;
  if (sqlite3_open_v2(path.c_str(), &state->db, kFlags, nullptr) != SQLITE_OK) {
    return state->Failure("cannot open");
  }
  DURE_TRY(state->Execute(kSchema));
  // A house made up for a member would stand in its votes: the operator has to say it anew.
  if (Statement(state->db, "SELECT house, country FROM seat LIMIT 1").Step() == SQLITE_ERROR) {
    return Fail(ErrorCode::kCorrupt,
                path +
                    " is of an earlier version of Dure, which did not ask for a member's house "
                    "and country; found the consortium anew and invite its members again");
  }
  return std::unique_ptr<IdentityBook>(new IdentityBook(std::move(state)));
}

Result<std::optional<IdentityBook::Spent>> IdentityBook::FindSpent(const Nonce& nonce) const {
  Statement find(state_->db, "SELECT keys, response FROM spent WHERE nonce = ?");
  const int step = find.Blob(nonce).Step();
  if (step == SQLITE_DONE) return std::optional<Spent>();
  if (step != SQLITE_ROW) return state_->Failure("cannot read");
  Spent spent;
  DURE_ASSIGN(spent.keys, Digest::FromBytes(find.BlobAt(0)));
  spent.response = find.BlobAt(1);
  return std::optional<Spent>(std::move(spent));
}

// Each certificate by itself, of a site or a member whose keys the record has ended.
Status IdentityBook::State::RevokeCovered(RevocationKind kind, const std::string& target,
                                          WallTime now) const {
  if (kind != RevocationKind::kSite && kind != RevocationKind::kMember) return {};
  const std::string sql =
      std::string(
          "INSERT OR IGNORE INTO revocation(kind, target, reason, since)"
          " SELECT ?, i.serial, 'its keys are ended; ask for an invitation, then dure site"
          " enrol INVITATION --dir DIR --new-keys with the daemon stopped', ?"
          " FROM issued i JOIN seat s ON s.role = i.role AND s.site = i.site"
          " WHERE i.not_after > ? AND ") +
      (kind == RevocationKind::kSite ? "s.site = ?" : "s.member = ?");
  Statement revoke(db, sql.c_str());
  revoke.Int(static_cast<int64_t>(RevocationKind::kSerial)).Int(Micros(now)).Int(Micros(now));
  return Write(revoke.Text(target));
}

Status IdentityBook::Spend(const Spending& spending, WallTime now) {
  return state_->Together([&]() -> Status {
    Statement spend(state_->db, "INSERT INTO spent(nonce, keys, response) VALUES(?,?,?)");
    spend.Blob(spending.nonce).Blob(spending.keys.View()).Blob(spending.response);
    DURE_TRY(state_->Write(spend));
    DURE_TRY(state_->RevokeSuperseded(spending.seat, now));
    return state_->WriteSeat(spending.seat);
  });
}

Status IdentityBook::PutSeat(const Seat& seat, WallTime now) {
  return state_->Together([&]() -> Status {
    // Serials that are over need no revocation any more. A clock that ran ahead for a while must
    // not make one forgotten that is good when it is right again: what ended before the issuing CA
    // began is over by any clock that lets it issue.
    Statement forget(state_->db, "DELETE FROM issued WHERE not_after <= ?");
    DURE_TRY(state_->Write(forget.Int(Micros(now - kForgotAfter))));
    return state_->WriteSeat(seat);
  });
}

Result<std::vector<Seat>> IdentityBook::Seats() const {
  const std::string sql = std::string(kSelectSeats) + " ORDER BY role, site";
  Statement find(state_->db, sql.c_str());
  std::vector<Seat> seats;
  int step = find.Step();
  for (; step == SQLITE_ROW; step = find.Step()) {
    DURE_ASSIGN(Seat seat, SeatOf(find));
    seats.push_back(std::move(seat));
  }
  if (step != SQLITE_DONE) return state_->Failure("cannot read");
  return seats;
}

Status IdentityBook::Revoke(const Revocation& revocation) {
  return state_->Together([&]() -> Status {
    Statement revoke(state_->db,
                     "INSERT OR IGNORE INTO revocation(kind, target, reason, since)"
                     " VALUES(?,?,?,?)");
    revoke.Int(static_cast<int64_t>(revocation.kind)).Text(revocation.target);
    DURE_TRY(state_->Write(revoke.Text(revocation.reason).Int(Micros(revocation.since))));
    if (sqlite3_changes(state_->db) == 0) return {};
    return state_->Execute("UPDATE version SET value = value + 1");
  });
}

Status IdentityBook::Lift(RevocationKind kind, const std::string& target, WallTime now) {
  return state_->Together([&]() -> Status {
    DURE_TRY(state_->RevokeCovered(kind, target, now));
    Statement lift(state_->db, "DELETE FROM revocation WHERE kind = ? AND target = ?");
    DURE_TRY(state_->Write(lift.Int(static_cast<int64_t>(kind)).Text(target)));
    if (sqlite3_changes(state_->db) == 0) {
      return Fail(ErrorCode::kNotFound, "there is no revocation of " + std::string(Name(kind)) +
                                            " " + target + " to lift");
    }
    return state_->Execute("UPDATE version SET value = value + 1");
  });
}

Result<Revocations> IdentityBook::LoadRevocations() const {
  Revocations revocations;
  Statement version(state_->db, "SELECT value FROM version");
  if (version.Step() != SQLITE_ROW) return state_->Failure("cannot read");
  revocations.SetVersion(static_cast<uint64_t>(version.IntAt(0)));
  Statement find(state_->db, "SELECT kind, target, reason, since FROM revocation");
  int step = find.Step();
  for (; step == SQLITE_ROW; step = find.Step()) {
    revocations.Add({static_cast<RevocationKind>(find.IntAt(0)), find.TextAt(1), find.TextAt(2),
                     FromMicros(find.IntAt(3))});
  }
  if (step != SQLITE_DONE) return state_->Failure("cannot read");
  return revocations;
}

}  // namespace dure::identity
