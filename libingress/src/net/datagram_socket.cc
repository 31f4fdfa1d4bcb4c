#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <utility>

#include "net/datagrams.h"
#include "net/socket_address.h"

namespace ingress::net {

struct DatagramSocket::Poll {
  uv_poll_t handle{};
};

std::expected<int, Error> connect_datagrams(const std::string& address, std::uint16_t port) {
  const auto target = parse_ip(address, port);
  if (!target) return std::unexpected(connect_error(-EINVAL));
  const int fd = ::socket(target->family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(connect_error(-errno));
  if (::connect(fd, target->get(), target->size) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return std::unexpected(connect_error(-error));
}

DatagramSocket::DatagramSocket(int fd, OnReadable on_readable, void* owner)
    : fd_(fd), on_readable_(on_readable), owner_(owner), poll_(std::make_unique<Poll>()) {}

DatagramSocket::~DatagramSocket() = default;

std::expected<DatagramSocketPtr, Error> DatagramSocket::adopt(EventLoop& loop, int fd, OnReadable on_readable,
                                                              void* owner) {
  auto* const socket = new DatagramSocket(fd, on_readable, owner);
  const int status = uv_poll_init_socket(loop.uv_loop(), &socket->poll_->handle, fd);
  if (status != 0) {
    ::close(fd);
    delete socket;
    return std::unexpected(io_error("cannot watch a socket", status));
  }
  socket->poll_->handle.data = socket;
  socket->start();
  return Ptr(socket);
}

void DatagramSocket::start() {
  uv_poll_start(&poll_->handle, UV_READABLE, [](uv_poll_t* handle, int status, int) {
    auto* const self = static_cast<DatagramSocket*>(handle->data);
    // libuv stops at POLLERR, which an ICMP error is told by: reading tells which, and takes it away.
    if (status != 0) self->start();
    self->on_readable_(self->owner_);
  });
}

void DatagramSocket::close() {
  auto* const handle = reinterpret_cast<uv_handle_t*>(&poll_->handle);
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<DatagramSocket*>(closed->data); });
  ::close(std::exchange(fd_, -1));
}

}  // namespace ingress::net
