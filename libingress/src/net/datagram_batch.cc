#include "net/datagram_batch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ingress::net {

namespace {

// More than the largest datagram of IPv4 (65,507) and of IPv6 without jumbograms (65,527).
constexpr std::size_t kSpace = 64 * 1024;
constexpr std::size_t kControlSpace = 64;
static_assert(kControlSpace >= CMSG_SPACE(sizeof(in6_pktinfo)) &&
              kControlSpace >= CMSG_SPACE(sizeof(in_pktinfo)));
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::array<std::uint8_t, 16> mapped(const in_addr& address) {
  std::array<std::uint8_t, 16> out;
  std::ranges::copy(kMapped, out.begin());
  std::memcpy(out.data() + kMapped.size(), &address, sizeof address);
  return out;
}

bool is_v4(const std::array<std::uint8_t, 16>& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

bool is_link_local(const std::array<std::uint8_t, 16>& address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool has_local(const DatagramPath& path) {
  return path.local != std::array<std::uint8_t, 16>{};
}

// Whether the same is to be tried again.
bool note_failure(int error, DatagramsSent& out) {
  if (error == EINTR) return true;
  // Told of an earlier one; this one has not been tried yet.
  if (error == ECONNREFUSED && !out.is_refused) return out.is_refused = true;
  ++(error == EAGAIN || error == ENOBUFS ? out.num_blocked : out.num_failed);
  return false;
}

template <class Info>
void put_control(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

}  // namespace

DatagramsSent send_datagram(int socket, std::string_view bytes) {
  DatagramsSent out;
  for (;;) {
    if (::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      out.num = 1;
      out.num_bytes = bytes.size();
      return out;
    }
    if (!note_failure(errno, out)) return out;
  }
}

PeerAddress DatagramPath::peer() const {
  PeerAddress out;
  if (is_v4(client)) {
    inet_ntop(AF_INET, client.data() + kMapped.size(), out.text, sizeof out.text);
  } else {
    inet_ntop(AF_INET6, client.data(), out.text, sizeof out.text);
  }
  out.port = port;
  return out;
}

std::uint64_t DatagramPath::source() const {
  std::uint64_t out = 0;
  if (is_v4(client)) {  // behind ff00::/8, which no client comes from
    unsigned char bytes[sizeof out] = {0xff};
    std::memcpy(bytes + 4, client.data() + kMapped.size(), 4);
    std::memcpy(&out, bytes, sizeof out);
  } else {
    std::memcpy(&out, client.data(), sizeof out);
  }
  return out;
}

struct DatagramBatch::State {
  std::unique_ptr<char[]> space{
      new char[kMax * kSpace]};  // not cleared: pages that are not used cost nothing
  mmsghdr messages[kMax]{};
  iovec pieces[kMax]{};
  sockaddr_storage peers[kMax]{};
  alignas(cmsghdr) char controls[kMax][kControlSpace]{};

  DatagramsSent send(int socket, std::size_t first, std::size_t count);
};

DatagramBatch::DatagramBatch() : state_(std::make_unique<State>()) {}
DatagramBatch::~DatagramBatch() = default;

int DatagramBatch::receive(int socket) {
  for (std::size_t i = 0; i < kMax; ++i) {
    state_->pieces[i] = {state_->space.get() + i * kSpace, kSpace};
    msghdr& message = state_->messages[i].msg_hdr;
    message = {};
    message.msg_name = &state_->peers[i];
    message.msg_namelen = sizeof state_->peers[i];
    message.msg_iov = &state_->pieces[i];
    message.msg_iovlen = 1;
    message.msg_control = state_->controls[i];
    message.msg_controllen = kControlSpace;
  }
  int num = 0;
  do {
    num = ::recvmmsg(socket, state_->messages, kMax, MSG_DONTWAIT, nullptr);
  } while (num < 0 && errno == EINTR);
  if (num < 0) return errno == EAGAIN ? 0 : -1;
  for (int i = 0; i < num; ++i) state_->pieces[i].iov_len = state_->messages[i].msg_len;
  return num;
}

std::string_view DatagramBatch::bytes(std::size_t i) const& {
  return {static_cast<const char*>(state_->pieces[i].iov_base), state_->pieces[i].iov_len};
}

DatagramPath DatagramBatch::path(std::size_t i) const {
  DatagramPath path;
  const sockaddr_storage& peer = state_->peers[i];
  path.family = peer.ss_family;
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    path.client = mapped(v4.sin_addr);
    path.port = ntohs(v4.sin_port);
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    std::memcpy(path.client.data(), &v6.sin6_addr, path.client.size());
    path.port = ntohs(v6.sin6_port);
    path.interface = v6.sin6_scope_id;
  }
  msghdr& message = state_->messages[i].msg_hdr;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      path.local = mapped(info.ipi_spec_dst);  // also where it was sent to a broadcast address
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      std::memcpy(path.local.data(), &info.ipi6_addr, path.local.size());
    }
  }
  return path;
}

DatagramsSent DatagramBatch::send(int socket, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) {
    msghdr& message = state_->messages[i].msg_hdr;
    message = {};
    message.msg_iov = &state_->pieces[i];
    message.msg_iovlen = 1;
  }
  return state_->send(socket, first, count);
}

DatagramsSent DatagramBatch::reply(int socket, std::size_t first, std::size_t count,
                                   const DatagramPath& path) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(sockaddr_in);
  const bool is_v4_socket = path.family == AF_INET;
  if (is_v4_socket) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(peer);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(path.port);
    std::memcpy(&v4.sin_addr, path.client.data() + kMapped.size(), sizeof v4.sin_addr);
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(peer);
    size = sizeof v6;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(path.port);
    v6.sin6_scope_id = path.interface;
    std::memcpy(&v6.sin6_addr, path.client.data(), sizeof v6.sin6_addr);
  }
  for (std::size_t i = first; i < first + count; ++i) {
    msghdr& message = state_->messages[i].msg_hdr;
    message = {};
    message.msg_name = &peer;
    message.msg_namelen = size;
    message.msg_iov = &state_->pieces[i];
    message.msg_iovlen = 1;
    if (!has_local(path)) continue;
    message.msg_control = state_->controls[i];
    std::memset(state_->controls[i], 0, kControlSpace);
    if (is_v4_socket) {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, path.local.data() + kMapped.size(), sizeof info.ipi_spec_dst);
      put_control(message, IPPROTO_IP, IP_PKTINFO, info);
    } else {
      in6_pktinfo info{};
      std::memcpy(&info.ipi6_addr, path.local.data(), sizeof info.ipi6_addr);
      if (is_link_local(path.local)) info.ipi6_ifindex = path.interface;
      put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  return state_->send(socket, first, count);
}

DatagramsSent DatagramBatch::State::send(int socket, std::size_t first, std::size_t count) {
  DatagramsSent out;
  const std::size_t end = first + count;
  while (first < end) {
    const int num =
        ::sendmmsg(socket, messages + first, static_cast<unsigned>(end - first), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (num > 0) {
      out.num += static_cast<std::uint64_t>(num);
      for (int i = 0; i < num; ++i, ++first) out.num_bytes += pieces[first].iov_len;
      continue;
    }
    if (!note_failure(errno, out)) ++first;
  }
  return out;
}

}  // namespace ingress::net
