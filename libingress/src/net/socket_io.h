// Reading and writing of sockets at the price of the system call.
//
// Thread: any. Nothing here blocks or raises SIGPIPE.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

#include "base/buffer.h"

namespace ingress::net {

// As recv(2): what came, 0 at the end, -1 with errno.
ssize_t receive(int socket, std::span<char> space);

// Writes from the front of `bytes`, which must not be empty, as much as the kernel takes at once, and says
// how much: at most kMaxIovecs slices. -1 with errno. `bytes` stays as it is.
ssize_t send_front(int socket, const base::Chain& bytes);

// One system call's worth: enough for a head, its body slices and a few pipelined answers.
inline constexpr std::size_t kMaxIovecs = 64;

}  // namespace ingress::net
