// Addresses and errors of sockets: text to sockaddr and back, errno to Error.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ingress/error.h"
#include "net/transport.h"

namespace ingress::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// An IPv4 or IPv6 address without brackets (a zone as in "fe80::1%eth0" is taken); nothing else.
std::optional<SocketAddress> parse_ip(const std::string& address, std::uint16_t port);

// IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2), which clients of a dual-stack socket have, are
// told as the IPv4 address they are. Unix sockets and anything unknown give "unix".
PeerAddress to_peer_address(const sockaddr_storage& storage);

// The path of "unix:/path"; empty when `address` is of another kind.
std::string_view unix_path(std::string_view address);

// kIo for a libuv status or a negated errno, with its text and `subject` as detail.
Error io_error(const char* what, int status, std::string_view subject = {});
// How an established stream broke; static text only.
Error stream_error(int status);
// Why a connection attempt failed; static text only.
Error connect_error(int status);

}  // namespace ingress::net
