#include "proxyd/process/message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace proxyd {
namespace {

struct Head {
  std::uint8_t kind, protocol;
  std::uint16_t port;
  std::uint32_t count;
};

// Takes the descriptors first: whatever the packet is, they must not stay open.
std::vector<OwnedFd> take_descriptors(msghdr& packet) {
  std::vector<OwnedFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&packet); part != nullptr; part = CMSG_NXTHDR(&packet, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

std::expected<void, int> send_message(int socket, const ProcessMessage& message, Waiting waiting) {
  if (message.text.size() > ProcessMessage::kMaxTextBytes || message.fds.size() > ProcessMessage::kMaxFds)
    return std::unexpected(EMSGSIZE);
  Head head{static_cast<std::uint8_t>(message.kind), message.protocol, message.port, message.count};
  std::array<iovec, 2> pieces = {
      {{&head, sizeof head}, {const_cast<char*>(message.text.data()), message.text.size()}}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(ProcessMessage::kMaxFds * sizeof(int))> control{};
  msghdr packet{};
  packet.msg_iov = pieces.data();
  packet.msg_iovlen = pieces.size();
  if (!message.fds.empty()) {
    packet.msg_control = control.data();
    packet.msg_controllen = CMSG_SPACE(message.fds.size() * sizeof(int));
    cmsghdr* part = CMSG_FIRSTHDR(&packet);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(message.fds.size() * sizeof(int));
    for (std::size_t i = 0; i < message.fds.size(); ++i) {
      const int fd = message.fds[i].get();
      std::memcpy(CMSG_DATA(part) + i * sizeof(int), &fd, sizeof fd);
    }
  }
  const int flags = MSG_NOSIGNAL | (waiting == Waiting::kNo ? MSG_DONTWAIT : 0);
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &packet, flags);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return std::unexpected(errno);
  return {};
}

std::expected<ProcessMessage, int> receive_message(int socket, Waiting waiting) {
  Head head{};
  std::array<char, ProcessMessage::kMaxTextBytes> text;
  std::array<iovec, 2> pieces = {{{&head, sizeof head}, {text.data(), text.size()}}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(ProcessMessage::kMaxFds * sizeof(int))> control{};
  msghdr packet{};
  packet.msg_iov = pieces.data();
  packet.msg_iovlen = pieces.size();
  packet.msg_control = control.data();
  packet.msg_controllen = control.size();
  const int flags = MSG_CMSG_CLOEXEC | (waiting == Waiting::kNo ? MSG_DONTWAIT : 0);
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket, &packet, flags);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return std::unexpected(errno);
  ProcessMessage message;
  message.fds = take_descriptors(packet);
  if (got == 0) return std::unexpected(EPIPE);
  if (static_cast<std::size_t>(got) < sizeof head || (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
      head.kind > static_cast<std::uint8_t>(ProcessMessage::Kind::kFailed))
    return std::unexpected(EBADMSG);
  message.kind = static_cast<ProcessMessage::Kind>(head.kind);
  message.protocol = head.protocol;
  message.port = head.port;
  message.count = head.count;
  message.text.assign(text.data(), static_cast<std::size_t>(got) - sizeof head);
  return message;
}

}  // namespace proxyd
