// Who got whose bytes: what the target `exchange` asserts of the traces that a script leaves behind.
#pragma once

#include <vector>

#include "support/exchange_world.h"

namespace ingress::fuzzing {

// - Each client's stream reads as answers to its requests, one each and in order, and nothing behind the
// last.
// - Each backend's stream reads as requests, and each is the very message of the client that its request id
// and
//   address name, less what is hop by hop; a message that was refused, or came behind one, is never among
//   them.
// - An answer is the proxy's own, or that of a backend that was asked with this very request id, sent after
// the
//   asking began; it looks whole only if that was.
// - A connection becomes a tunnel only for a client that offered the protocol that its backend chose; then
//   each side gets what the other sends behind the heads, from its first byte on, and all of it when the
//   tunnel ended in order.
void check_traces(const std::vector<ClientTrace>& clients, const std::vector<BackendTrace>& backends,
                  const std::vector<LogLine>& log);

}  // namespace ingress::fuzzing
