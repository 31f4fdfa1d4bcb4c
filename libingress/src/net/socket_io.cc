#include "net/socket_io.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define INGRESS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INGRESS_SANITIZED
#endif

namespace ingress::net {
namespace {

constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

// libc makes each of these a point where the thread may be cancelled: none of ours ever is, and what that
// takes is more than the rest of the call on our side. Sanitizers want to see them.
#if defined(INGRESS_SANITIZED)
ssize_t raw_receive(int socket, std::span<char> space) {
  return ::recv(socket, space.data(), space.size(), MSG_DONTWAIT);
}
ssize_t raw_send(int socket, const void* bytes, std::size_t size) {
  return ::send(socket, bytes, size, kSendFlags);
}
ssize_t raw_send(int socket, const msghdr& message) {
  return ::sendmsg(socket, &message, kSendFlags);
}
#else
ssize_t raw_receive(int socket, std::span<char> space) {
  return ::syscall(SYS_recvfrom, socket, space.data(), space.size(), MSG_DONTWAIT, nullptr, nullptr);
}
ssize_t raw_send(int socket, const void* bytes, std::size_t size) {
  return ::syscall(SYS_sendto, socket, bytes, size, kSendFlags, nullptr, 0);
}
ssize_t raw_send(int socket, const msghdr& message) {
  return ::syscall(SYS_sendmsg, socket, &message, kSendFlags);
}
#endif

template <typename Call>
ssize_t until_not_interrupted(Call call) {
  ssize_t result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

ssize_t receive(int socket, std::span<char> space) {
  return until_not_interrupted([=] { return raw_receive(socket, space); });
}

ssize_t send_front(int socket, const base::Chain& bytes) {
  iovec pieces[kMaxIovecs];
  const std::size_t num = bytes.to_iovecs(pieces, kMaxIovecs);
  if (num == 1) {
    return until_not_interrupted([&] { return raw_send(socket, pieces[0].iov_base, pieces[0].iov_len); });
  }
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = num;
  return until_not_interrupted([&] { return raw_send(socket, message); });
}

}  // namespace ingress::net
