#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "proxyd/process/sandbox.h"

namespace proxyd {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "no filter of system calls for this architecture"
#endif

// No system call of today: numbers from here on are of kernels that this program does not know.
constexpr std::uint32_t kFirstUnknown = 600;
constexpr int kMaxLoggedRefusals = 20;

// What no process that serves does; who calls it is not ours any more, or a mistake that the log should show.
constexpr std::array kRefused = {
    // Other programs, other processes.
    SYS_execve, SYS_execveat, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_setns, SYS_unshare,
    SYS_personality,
#ifndef PROXYD_IS_TRACED_AT_ITS_END
    SYS_ptrace,
#endif
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd, SYS_pidfd_open, SYS_pidfd_send_signal,
#endif
// Files: nothing is made, moved, removed or changed.
#ifdef SYS_creat
    SYS_creat, SYS_unlink, SYS_rename, SYS_mkdir, SYS_rmdir, SYS_link, SYS_symlink, SYS_chmod, SYS_chown,
    SYS_lchown, SYS_mknod,
#endif
    SYS_unlinkat, SYS_renameat2, SYS_mkdirat, SYS_linkat, SYS_symlinkat, SYS_fchmodat, SYS_fchmod,
    SYS_fchownat, SYS_fchown, SYS_mknodat, SYS_truncate, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
    SYS_chroot, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_swapon, SYS_swapoff, SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    // Other users, more rights.
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
    SYS_capset,
    // The kernel's own.
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_kexec_load,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_acct, SYS_quotactl, SYS_syslog,
    SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname,
    SYS_listen,  // all that is listened on comes from the supervisor, listening
};

// Offered by the kernel, done without where it is not: libraries fall back to calls whose arguments can be
// seen here.
constexpr std::array kAbsent = {
#ifdef SYS_clone3
    SYS_clone3,
#endif
#ifdef SYS_openat2
    SYS_openat2,
#endif
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
};

constexpr std::array kFamilies = {AF_INET, AF_INET6, AF_UNIX,
                                  AF_NETLINK};  // the resolver asks it which addresses there are

// Of clone(): what has none of these is another process.
#ifdef PROXYD_IS_TRACED_AT_ITS_END
constexpr std::uint32_t kThreadFlags = CLONE_THREAD | CLONE_UNTRACED;  // the second: the one that traces
#else
constexpr std::uint32_t kThreadFlags = CLONE_THREAD;
#endif

constexpr std::uint32_t kWriteFlags = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
class Program {
 public:
  void load(std::size_t offset) {
    code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  }
  void answer(std::uint32_t action) { code_.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
  void answer_if_equal(std::uint32_t value, std::uint32_t action) { answer_if(BPF_JEQ, value, action); }
  void answer_if_at_least(std::uint32_t value, std::uint32_t action) { answer_if(BPF_JGE, value, action); }
  // The low half of an argument, whose upper one no flag is in.
  void refuse_argument(long call, int argument, std::uint32_t flags, std::uint32_t action) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 4));
    load(offset_of_argument(argument));
    answer_if(BPF_JSET, flags, action);
    answer(SECCOMP_RET_ALLOW);
  }
  static std::size_t offset_of_argument(int argument) {
    return offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(argument);
  }
  std::vector<sock_filter>& code() { return code_; }

 private:
  void answer_if(std::uint16_t test, std::uint32_t value, std::uint32_t action) {
    code_.push_back(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, 0, 1));
    answer(action);
  }
  std::vector<sock_filter> code_;
};

std::vector<sock_filter> make_filter() {
  constexpr std::uint32_t kRefuse = SECCOMP_RET_TRAP;
  constexpr std::uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.code().push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  program.answer(SECCOMP_RET_KILL_PROCESS);
  program.load(offsetof(seccomp_data, nr));
  program.answer_if_at_least(kFirstUnknown, kNoSuchCall);  // those of x32 too
  for (const long call : kAbsent) program.answer_if_equal(static_cast<std::uint32_t>(call), kNoSuchCall);
  for (const long call : kRefused) program.answer_if_equal(static_cast<std::uint32_t>(call), kRefuse);
#ifdef SYS_open
  program.refuse_argument(SYS_open, 1, kWriteFlags, kRefuse);
#endif
  program.refuse_argument(SYS_openat, 2, kWriteFlags, kRefuse);
  // clone(): threads alone.
  program.code().push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
  program.load(Program::offset_of_argument(0));
  program.code().push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kThreadFlags, 1, 0));
  program.answer(kRefuse);
  program.answer(SECCOMP_RET_ALLOW);
  // socket(): one of the families, else no such family.
  const auto jump = static_cast<std::uint8_t>(2 + 2 * kFamilies.size());
  program.code().push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, jump));
  program.load(Program::offset_of_argument(0));
  for (const int family : kFamilies)
    program.answer_if_equal(static_cast<std::uint32_t>(family), SECCOMP_RET_ALLOW);
  program.answer(SECCOMP_RET_ERRNO | EAFNOSUPPORT);
  program.answer(SECCOMP_RET_ALLOW);
  return std::move(program.code());
}

void append_number(char*& out, unsigned long number) {
  std::array<char, 20> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count > 0) *out++ = digits[--count];
}

// Runs in place of a refused call, on its thread: nothing but system calls that any signal handler may make.
void on_refused(int, siginfo_t* info, void* context) {
  const int saved = errno;
  static std::atomic<int> num_logged{0};
  if (num_logged.fetch_add(1, std::memory_order_relaxed) < kMaxLoggedRefusals) {
    constexpr std::string_view kText = "proxyd: the sandbox refused system call ";
    std::array<char, 80> line;
    std::memcpy(line.data(), kText.data(), kText.size());
    char* end = line.data() + kText.size();
    append_number(end, static_cast<unsigned long>(info->si_syscall));
    *end++ = '\n';
    // Nothing can be done about a stderr that is gone.
    if (::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(end - line.data())) < 0) errno = saved;
  }
  auto* machine = &static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine->gregs[REG_RAX] = -EPERM;
#else
  machine->regs[0] = static_cast<unsigned long>(-EPERM);
#endif
  errno = saved;
}

}  // namespace

std::expected<void, std::string> install_call_filter() {
  struct sigaction action{};
  action.sa_sigaction = on_refused;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  if (sigaction(SIGSYS, &action, nullptr) != 0)
    return std::unexpected(fmt::format("sigaction: {}", std::strerror(errno)));
  std::vector<sock_filter> filter = make_filter();
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return std::unexpected(fmt::format("seccomp: {}", std::strerror(errno)));
  return {};
}

}  // namespace proxyd
