#include "trainer/sandbox.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "trainer/file_rules.h"
#include "trainer/system_call_rules.h"

namespace dure::trainer {
namespace {

Status DropPrivileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Fail(ErrorCode::kInternal, std::string("no_new_privs: ") + strerror(errno));
  }
  // A core file would be private data on a disk that nobody watches.
  const rlimit no_core{0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return Fail(ErrorCode::kInternal, std::string("core dumps: ") + strerror(errno));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> Confine(const Confinement& confinement) {
  std::vector<std::string> protections;
  DURE_TRY(DropPrivileges());
  protections.emplace_back("no_new_privs");
  DURE_ASSIGN(const bool has_landlock, RestrictFiles(confinement));
  if (has_landlock) protections.emplace_back("landlock");
  DURE_TRY(RestrictSystemCalls());
  protections.emplace_back("seccomp");
  return protections;
}

}  // namespace dure::trainer
