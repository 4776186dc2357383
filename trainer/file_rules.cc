#include "trainer/file_rules.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace dure::trainer {
namespace {

// The kernel's interface, written out: Debian 12's headers stop at its second version.
struct RulesetAttributes {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;  // version 4
  uint64_t scoped;              // version 6
};
struct [[gnu::packed]] PathBeneathAttributes {
  uint64_t allowed_access;
  int32_t parent_fd;
};
constexpr uint32_t kCreateRulesetVersion = 1;
constexpr int kRulePathBeneath = 1;

constexpr uint64_t Bit(int bit) { return uint64_t{1} << bit; }
constexpr uint64_t kExecute = Bit(0);
constexpr uint64_t kWriteFile = Bit(1);
constexpr uint64_t kReadFile = Bit(2);
constexpr uint64_t kReadFolder = Bit(3);
constexpr uint64_t kRemoveFolder = Bit(4);
constexpr uint64_t kRemoveFile = Bit(5);
constexpr uint64_t kMakeFolder = Bit(7);
constexpr uint64_t kMakeFile = Bit(8);
constexpr uint64_t kVersion1 = Bit(13) - 1;
constexpr uint64_t kRefer = Bit(13);           // version 2: rename across folders
constexpr uint64_t kTruncate = Bit(14);        // version 3
constexpr uint64_t kDeviceControl = Bit(15);   // version 5
constexpr uint64_t kTcp = Bit(0) | Bit(1);     // bind and connect
constexpr uint64_t kScopes = Bit(0) | Bit(1);  // abstract sockets and signals

constexpr uint64_t kRead = kReadFile | kReadFolder;
constexpr uint64_t kWrite =
    kRead | kWriteFile | kRemoveFolder | kRemoveFile | kMakeFolder | kMakeFile | kRefer | kTruncate;
constexpr uint64_t kOnFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;

// Libraries that are loaded late, and what mathematics libraries ask about the processor.
constexpr const char* kSystemPaths[] = {
    "/usr",          "/lib",          "/lib64",    "/etc/ld.so.cache", "/sys/devices/system",
    "/proc/cpuinfo", "/proc/meminfo", "/dev/null", "/dev/urandom"};

uint64_t Handled(long version) {
  uint64_t handled = kVersion1;
  if (version >= 2) handled |= kRefer;
  if (version >= 3) handled |= kTruncate;
  if (version >= 5) handled |= kDeviceControl;
  return handled;
}

size_t AttributeBytes(long version) {
  if (version >= 6) return sizeof(RulesetAttributes);
  return version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

Status Refused(const std::string& what) {
  return Fail(ErrorCode::kInternal, "landlock: " + what + ": " + strerror(errno));
}

Status Allow(int ruleset, const std::filesystem::path& path, uint64_t access) {
  const int fd = open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return {};  // what is not there needs no leave
  struct stat status {};
  if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode)) access &= kOnFiles;
  const PathBeneathAttributes rule{access, fd};
  const long added = syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &rule, 0);
  const Status result = added == 0 ? Status{} : Refused("allowing " + path.string());
  close(fd);
  return result;
}

Status AllowAll(int ruleset, const Confinement& confinement, uint64_t handled) {
  for (const char* path : kSystemPaths) DURE_TRY(Allow(ruleset, path, kRead & handled));
  for (const auto& path : confinement.read_paths) DURE_TRY(Allow(ruleset, path, kRead & handled));
  for (const auto& path : confinement.write_paths) DURE_TRY(Allow(ruleset, path, kWrite & handled));
  for (const auto& path : confinement.device_paths) {
    DURE_TRY(
        Allow(ruleset, path, (kReadFile | kReadFolder | kWriteFile | kDeviceControl) & handled));
  }
  return {};
}

}  // namespace

Result<bool> RestrictFiles(const Confinement& confinement) {
  const long version =
      std::min(syscall(SYS_landlock_create_ruleset, nullptr, size_t{0}, kCreateRulesetVersion),
               confinement.landlock_version_max);
  if (version < 1) return false;  // not built in, or switched off
  const RulesetAttributes attributes{Handled(version), kTcp, kScopes};
  const long ruleset =
      syscall(SYS_landlock_create_ruleset, &attributes, AttributeBytes(version), 0u);
  if (ruleset < 0) return Fail(Refused("making rules").error());
  const int fd = static_cast<int>(ruleset);
  Status status = AllowAll(fd, confinement, attributes.handled_access_fs);
  if (status && syscall(SYS_landlock_restrict_self, fd, 0u) != 0) status = Refused("taking effect");
  close(fd);
  if (!status) return Fail(status.error());
  return true;
}

}  // namespace dure::trainer
