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

// In neither Debian's passwd nor most others: owns nothing. The kernel's own word for nobody is 65534, which
// others run as too.
constexpr id_t kNobody = 64'321;

struct Ids {
  uid_t user = kNobody;
  gid_t group = kNobody;
};

std::expected<Ids, std::string> find_user(const std::string& name) {
  if (name.empty()) return Ids{};
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr) return std::unexpected(fmt::format("--user: there is no user \"{}\"", name));
  return Ids{.user = user->pw_uid, .group = user->pw_gid};
}

std::expected<void, std::string> become(const Ids& ids) {
  if (setgroups(0, nullptr) != 0) return failure("setgroups");
  if (setresgid(ids.group, ids.group, ids.group) != 0) return failure("setresgid");
  if (setresuid(ids.user, ids.user, ids.user) != 0) return failure("setresuid");
  return {};
}

// The bound of all that are to come; what we have now is not touched. One that the kernel does not know ends
// the row, as does the right to do this at all: without it there is nothing to be had by others either.
void lower_capability_bound() {
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability) == 0; ++capability) continue;
}

std::expected<void, std::string> drop_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, 2> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) return failure("capset");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
    return failure("PR_CAP_AMBIENT");
  return {};
}

}  // namespace

std::expected<void, std::string> enter_sandbox(const SandboxOptions& options) {
  const bool was_root = geteuid() == 0;
  const auto ids = find_user(options.user);
  if (!ids) return std::unexpected(ids.error());
  lower_capability_bound();
  if (was_root && ids->user != 0) {
    if (auto done = become(*ids); !done) return done;
  }
  if (auto done = drop_capabilities(); !done) return done;
#ifdef PROXYD_IS_TRACED_AT_ITS_END
  prctl(PR_SET_DUMPABLE, 1);  // its search for leaks looks at this process from a thread of its own
#endif
  // Becoming somebody else has cleared it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure("PR_SET_NO_NEW_PRIVS");
  return install_call_filter();
}

}  // namespace proxyd
