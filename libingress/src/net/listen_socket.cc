#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/datagrams.h"
#include "net/socket_address.h"
#include "net/tcp.h"

namespace ingress::net {

namespace {

// The kernel lowers it to net.core.somaxconn.
constexpr int kBacklog = 4096;

// A descriptor on its way to the caller; closed when an error comes in between.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&&) = delete;
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool set_option(int fd, int level, int name) {
  const int on = 1;
  return setsockopt(fd, level, name, &on, sizeof on) == 0;
}

std::string to_text(const std::string& address, std::uint16_t port) {
  const bool is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

Error bind_error(int error_number, const std::string& where) {
  if (error_number == EADDRINUSE) {
    return {.code = ErrorCode::kIo, .what = "address in use", .detail = where};
  }
  return io_error("cannot listen", -error_number, where);
}

enum class SocketType : int { kStream = SOCK_STREAM, kDatagram = SOCK_DGRAM };

bool is_unspecified(const SocketAddress& address) {
  if (address.family() == AF_INET)
    return reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr.s_addr == INADDR_ANY;
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr);
}

bool set_options(int fd, SocketType type, const SocketAddress& address) {
  const bool is_v6 = address.family() == AF_INET6;
  // "::" serves IPv4 too where net.ipv6.bindv6only says so (the usual default); any other never could.
  if (is_v6 && !is_unspecified(address) && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) return false;
  if (type == SocketType::kDatagram) {
    // Answers are to leave from the address that was spoken to, which the socket itself does not say.
    if (!is_unspecified(address)) return true;
    return is_v6 ? set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO) : set_option(fd, IPPROTO_IP, IP_PKTINFO);
  }
  // Accepted sockets inherit it: one system call less for each.
  return set_option(fd, SOL_SOCKET, SO_REUSEADDR) && set_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

// A socket bound to `address`, not listening yet.
// Without SO_REUSEPORT, binding fails when anybody listens there, even with SO_REUSEPORT set. Setting it
// on the bound socket then lets our own further sockets in, and nobody can slip in between as after a
// probe that is closed again.
std::expected<OwnedFd, int> bind_one(SocketType type, const SocketAddress& address, bool is_shared,
                                     bool is_first) {
  OwnedFd fd(::socket(address.family(), static_cast<int>(type) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return std::unexpected(errno);
  if (!set_options(fd.get(), type, address)) return std::unexpected(errno);
  if (!is_first && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT)) return std::unexpected(errno);
  if (::bind(fd.get(), address.get(), address.size) != 0) return std::unexpected(errno);
  if (is_first && is_shared && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT)) {
    return std::unexpected(errno);
  }
  return fd;
}

std::expected<std::uint16_t, int> bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::unexpected(errno);
  return to_peer_address(storage).port;
}

std::expected<BoundSockets, Error> bind_ip(SocketType type, const std::string& address, std::uint16_t port,
                                           unsigned count) {
  const auto parsed = parse_ip(address, port);
  if (!parsed) {
    return std::unexpected(
        Error{.code = ErrorCode::kInvalidArgument, .what = "not an IP address", .detail = address});
  }
  SocketAddress target = *parsed;
  std::vector<OwnedFd> owned;
  BoundSockets result;
  for (unsigned i = 0; i < count; ++i) {
    auto fd = bind_one(type, target, count > 1, i == 0);
    if (!fd) return std::unexpected(bind_error(fd.error(), to_text(address, port)));
    if (i == 0) {
      const auto chosen = bound_port(fd->get());
      if (!chosen) return std::unexpected(bind_error(chosen.error(), to_text(address, port)));
      result.port = *chosen;
      target = *parse_ip(address, *chosen);
    }
    owned.push_back(std::move(*fd));
  }
  // Only now: a socket that listens already while a later one fails to bind would lose its clients.
  for (const OwnedFd& fd : owned) {
    if (type == SocketType::kDatagram) break;
    if (::listen(fd.get(), kBacklog) != 0) return std::unexpected(bind_error(errno, to_text(address, port)));
  }
  for (OwnedFd& fd : owned) result.fds.push_back(fd.take());
  return result;
}

enum class SocketFile { kNone, kStale, kLive, kOther };

// A socket file is live when connecting reaches somebody; a full backlog (EAGAIN) counts.
SocketFile inspect(const sockaddr_un& address) {
  struct stat status;
  if (::lstat(address.sun_path, &status) != 0) return SocketFile::kNone;
  if (!S_ISSOCK(status.st_mode)) return SocketFile::kOther;
  const OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return SocketFile::kLive;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return SocketFile::kLive;
  }
  return errno == ECONNREFUSED ? SocketFile::kStale : SocketFile::kLive;
}

std::expected<BoundSockets, Error> bind_unix(std::string_view path, const std::string& where) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return std::unexpected(
        Error{.code = ErrorCode::kInvalidArgument, .what = "bad unix socket path", .detail = where});
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  switch (inspect(address)) {
    case SocketFile::kNone:
      break;
    case SocketFile::kStale:
      ::unlink(address.sun_path);
      break;
    case SocketFile::kLive:
      return std::unexpected(bind_error(EADDRINUSE, where));
    case SocketFile::kOther:
      return std::unexpected(Error{.code = ErrorCode::kIo, .what = "not a socket", .detail = where});
  }
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return std::unexpected(bind_error(errno, where));
  }
  BoundSockets result;
  result.fds.push_back(fd.take());
  return result;
}

}  // namespace

std::expected<BoundSockets, Error> bind_listening(const std::string& address, std::uint16_t port,
                                                  unsigned count) {
  if (address.starts_with("unix:")) return bind_unix(unix_path(address), address);
  return bind_ip(SocketType::kStream, address, port, std::max(count, 1U));
}

std::expected<BoundSockets, Error> bind_datagrams(const std::string& address, std::uint16_t port,
                                                  unsigned count) {
  return bind_ip(SocketType::kDatagram, address, port, std::max(count, 1U));
}

}  // namespace ingress::net
