#include "trainer/system_call_rules.h"

#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace dure::trainer {
namespace {

// By name, so that a kernel or libseccomp that lacks one is no obstacle.
constexpr const char* kRefused[] = {
    // the network, and other ways to speak to processes
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "keyctl", "add_key",
    "request_key",
    // also under a number that needs no opening
    "shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop",
    "semtimedop", "semctl", "mq_open", "mq_unlink",
    // other programs and processes
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "process_madvise", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "tkill",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo",
    // out of the group and session by which the launcher ends it
    "setpgid", "setsid",
    // what Landlock does not hold: a file's length (before its version 3), owner, mode and marks
    "truncate", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat",
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "utime",
    "utimes", "futimesat", "utimensat",
    // another view of the file system
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount",
    "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr", "name_to_handle_at",
    "open_by_handle_at", "mknod", "mknodat",
    // the kernel's larger surfaces; io_uring would also go around this filter
    "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open",
    "userfaultfd", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
    "reboot", "swapon", "swapoff", "syslog", "acct", "quotactl", "setuid", "setgid", "setreuid",
    "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "personality"};

// Newer than libseccomp's names; from 424 on, all processors number alike. setxattrat,
// removexattrat, file_setattr.
constexpr int kRefusedByNumber[] = {463, 466, 469};

// Commands that have another process signalled, put words into a terminal's input, or change the
// marks of a file that is open for reading.
constexpr uint32_t kRefusedOfFcntl[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG};
constexpr uint32_t kRefusedOfIoctl[] = {TIOCSTI,          TIOCLINUX,       FIOSETOWN,
                                        SIOCSPGRP,        FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS,
                                        FS_IOC_FSSETXATTR};
constexpr uint64_t kInt = 0xffffffff;  // all that the kernel looks at of an int

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

class Rules {
 public:
  Rules() : filter_(seccomp_init(SCMP_ACT_ALLOW)) {}

  void Refuse(const char* name) {
    const int call = seccomp_syscall_resolve_name(name);
    if (call != __NR_SCMP_ERROR) Refuse(call);
  }
  void Refuse(int call) { Add(seccomp_rule_add(filter_.get(), kEperm, call, 0)); }
  void RefuseWhen(int call, const scmp_arg_cmp& condition) {
    Add(seccomp_rule_add_array(filter_.get(), kEperm, call, 1, &condition));
  }
  // As an old kernel would answer: the C library then falls back to clone, whose flags can be seen.
  void SayItIsUnknown(int call) {
    Add(seccomp_rule_add(filter_.get(), SCMP_ACT_ERRNO(ENOSYS), call, 0));
  }
  Status Load() {
    if (filter_ == nullptr) return Fail(ErrorCode::kInternal, "seccomp: out of memory");
    if (failure_ == 0) failure_ = seccomp_load(filter_.get());
    if (failure_ == 0) return {};
    return Fail(ErrorCode::kInternal, std::string("seccomp: ") + strerror(-failure_));
  }

 private:
  static constexpr uint32_t kEperm = SCMP_ACT_ERRNO(EPERM);
  void Add(int result) {
    if (failure_ == 0 && result < 0) failure_ = result;
  }

  std::unique_ptr<void, Release> filter_;
  int failure_ = 0;
};

// A file is cut short by who may write it: neither by who opens it to read, nor with both bits of
// the access mode, which is neither (before Landlock's version 3 it looked at no more than that).
void RefuseToCut(Rules& rules) {
  for (const int access : {O_RDONLY, O_ACCMODE}) {
    const auto cuts = static_cast<scmp_datum_t>(access | O_TRUNC);
    rules.RefuseWhen(SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_TRUNC, cuts));
    rules.RefuseWhen(SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_TRUNC, cuts));
  }
  rules.SayItIsUnknown(SCMP_SYS(openat2));  // its flags cannot be seen; the C library has openat
}

}  // namespace

Status RestrictSystemCalls() {
  Rules rules;
  for (const char* name : kRefused) rules.Refuse(name);
  for (const int call : kRefusedByNumber) rules.Refuse(call);
  rules.SayItIsUnknown(SCMP_SYS(clone3));
  RefuseToCut(rules);
  // Threads yes, processes no.
  rules.RefuseWhen(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  // Itself only: abort() must work, the daemon must not be signalled.
  const auto self = static_cast<scmp_datum_t>(getpid());
  rules.RefuseWhen(SCMP_SYS(kill), SCMP_A0(SCMP_CMP_NE, self));
  rules.RefuseWhen(SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_NE, self));
  rules.RefuseWhen(SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_GT, 0));
  // It dies with the daemon; another user's rights, for files only, would also undo that.
  rules.RefuseWhen(SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, PR_SET_PDEATHSIG));
  for (const uint32_t command : kRefusedOfFcntl)
    rules.RefuseWhen(SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, command));
  for (const uint32_t command : kRefusedOfIoctl)
    rules.RefuseWhen(SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, command));
  return rules.Load();
}

}  // namespace dure::trainer
