#include "proxyd/process/sandbox.h"

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace proxyd {
namespace {

std::unexpected<std::string> failure(const char* what) {
  return std::unexpected(fmt::format("{}: {}", what, std::strerror(errno)));
}

std::expected<void, std::string> become_user(const std::string& name) {
  errno = 0;
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr) return std::unexpected(fmt::format("--user: there is no user \"{}\"", name));
  const uid_t uid = user->pw_uid;
  const gid_t gid = user->pw_gid;
  if (uid == 0) return std::unexpected("--user: must not be root");
  if (setgroups(0, nullptr) != 0) return failure("setgroups");
  if (setresgid(gid, gid, gid) != 0) return failure("setresgid");
  if (setresuid(uid, uid, uid) != 0) return failure("setresuid");
  return {};
}

std::expected<void, std::string> drop_capabilities() {
  // Those that nobody can come by again, as far as the kernel knows them; one that is out of its range ends
  // the row.
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability) == 0; ++capability) continue;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) return failure("capset");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
    return failure("PR_CAP_AMBIENT");
  return {};
}

}  // namespace

std::expected<void, std::string> enter_sandbox(const SandboxOptions& options) {
  if (geteuid() == 0 && !options.user.empty()) {
    // While we may still: the set that bounds all that come.
    if (auto done = become_user(options.user); !done) return done;
  }
  if (auto done = drop_capabilities(); !done) return done;
  // Becoming somebody else has cleared it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure("PR_SET_NO_NEW_PRIVS");
  return install_call_filter();
}

}  // namespace proxyd
