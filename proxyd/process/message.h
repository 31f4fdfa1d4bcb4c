// What a child process asks of the supervisor, and what it is answered: one packet each, with descriptors.
// Owner: nobody. The supervisor takes whatever comes for hostile: a child is what an attacker would have.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "proxyd/process/owned_fd.h"

namespace proxyd {

struct ProcessMessage {
  enum class Kind : std::uint8_t {
    // Of the child. Each is answered, once it is done, by kDone or kFailed.
    kOpenSockets,  // protocol, port, count, text = address NUL listener; answered with that many descriptors
    kGiveUpSockets,  // the same
    kOpenLog,        // answered with the access log, opened anew
    kKeepConfig,     // with one descriptor: a sealed memfd
    kOpenLink,       // answered with an end of a stream to the other child, which is given the other end
    kReady,          // the start is over: from now on this process is started again when it ends
    // Of the supervisor.
    kDone,    // port, count = descriptors in all; more packets follow when one cannot carry them
    kFailed,  // text = why
  };
  Kind kind = Kind::kDone;
  std::uint8_t protocol = 0;  // an ingress::ListenerProtocol
  std::uint16_t port = 0;
  std::uint32_t count = 0;
  std::string text = {};  // at most kMaxTextBytes
  std::vector<OwnedFd> fds = {};

  static constexpr std::size_t kMaxTextBytes = 4096;
  static constexpr std::size_t kMaxFds = 253;  // the kernel's limit of one packet
};

enum class Waiting : unsigned char { kYes, kNo };

// Over a SOCK_SEQPACKET socket. Fails with an errno; EAGAIN only with Waiting::kNo, EPIPE when the other end
// is gone, EBADMSG for what is no message.
std::expected<void, int> send_message(int socket, const ProcessMessage& message, Waiting waiting);
std::expected<ProcessMessage, int> receive_message(int socket, Waiting waiting);

}  // namespace proxyd
