#include "net/socket_address.h"

#include <arpa/inet.h>
#include <uv.h>

#include <cstring>

namespace ingress::net {

std::optional<SocketAddress> parse_ip(const std::string& address, std::uint16_t port) {
  SocketAddress result;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
  if (uv_ip4_addr(address.c_str(), port, v4) == 0) {
    result.size = sizeof(sockaddr_in);
    return result;
  }
  result.storage = {};
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
  if (uv_ip6_addr(address.c_str(), port, v6) == 0) {
    result.size = sizeof(sockaddr_in6);
    return result;
  }
  return std::nullopt;
}

PeerAddress to_peer_address(const sockaddr_storage& storage) {
  PeerAddress result;
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, result.text, sizeof result.text);
    result.port = ntohs(v4.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], result.text, sizeof result.text);
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, result.text, sizeof result.text);
    }
    result.port = ntohs(v6.sin6_port);
  } else {
    std::memcpy(result.text, "unix", sizeof "unix");
  }
  return result;
}

std::string_view unix_path(std::string_view address) {
  constexpr std::string_view kPrefix = "unix:";
  return address.starts_with(kPrefix) ? address.substr(kPrefix.size()) : std::string_view();
}

Error io_error(const char* what, int status, std::string_view subject) {
  Error error{.code = ErrorCode::kIo, .what = what, .detail = std::string(subject)};
  char text[128];
  uv_strerror_r(status, text, sizeof text);
  if (!error.detail.empty()) error.detail += ": ";
  error.detail += text;
  return error;
}

Error stream_error(int status) {
  Error error{.code = ErrorCode::kIo, .what = "io_error"};
  switch (status) {
    case UV_ECONNRESET:
      error.what = "reset";
      break;
    case UV_EPIPE:
      error.what = "broken_pipe";
      break;
    case UV_ETIMEDOUT:
      error.what = "timeout";
      break;
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
      error.what = "unreachable";
      break;
    default:
      break;
  }
  return error;
}

Error connect_error(int status) {
  Error error{.code = ErrorCode::kConnectFailed,
              .side = ErrorSide::kUpstream,
              .retry = RetrySafety::kSafe,
              .what = "failed"};
  switch (status) {
    case UV_ECONNREFUSED:
      error.what = "refused";
      break;
    case UV_ECONNRESET:
      error.what = "reset";
      break;
    case UV_ETIMEDOUT:
      error.what = "timeout";
      break;
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
      error.what = "unreachable";
      break;
    case UV_EINVAL:
      error.what = "bad_address";
      break;
    case UV_EADDRNOTAVAIL:
      error.what = "no_local_port", error.side = ErrorSide::kSelf;
      break;
    case UV_EMFILE:
    case UV_ENFILE:
      error.what = "no_descriptors", error.side = ErrorSide::kSelf;
      break;
    case UV_ENOMEM:
    case UV_ENOBUFS:
      error.what = "no_memory", error.side = ErrorSide::kSelf;
      break;
    default:
      break;
  }
  return error;
}

}  // namespace ingress::net
