// What the serving process gives up for good before it reads its first byte: rights, and system calls that
// serving needs never. docs/processes.md lists them.
#pragma once

#include <expected>
#include <string>

// AddressSanitizer looks for leaks at the end of a process from another one, which traces it.
#if defined(__SANITIZE_ADDRESS__)
#define PROXYD_IS_TRACED_AT_ITS_END
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PROXYD_IS_TRACED_AT_ITS_END
#endif
#endif

namespace proxyd {

struct SandboxOptions {
  std::string user = {};  // whom to become when we are root; empty = a number that no user has
};

// No new privileges, no capability, another user when we are root, and a filter of system calls that all
// threads from here on have. Before there is a second thread. Fails with a sentence, half done: then the
// process must end.
std::expected<void, std::string> enter_sandbox(const SandboxOptions& options);

// The filter alone: the system calls that it refuses fail with EPERM and are logged, the first few of them.
std::expected<void, std::string> install_call_filter();

}  // namespace proxyd
