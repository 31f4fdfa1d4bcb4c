// floor LISTEN UPSTREAM: moves bytes between clients and upstream connections and knows nothing of HTTP. It
// is what any proxy of one thread and two sockets per client pays at least: the floor under the bench.
//
// Each client gets an upstream connection for itself, from a pool that takes it back when the client has gone
// after an answer. One buffer of 128 KB serves all; only what could not be written is kept.

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/proxy/sockets.h"

namespace bench {
namespace {

constexpr std::size_t kBufferBytes = 128 * 1024;

// One socket. `other` is what its bytes go to; null for an upstream connection that waits in the pool.
struct End {
  int fd;
  bool is_client;
  End* other = nullptr;
  std::string unsent;  // taken from `other`, to be written before anything else
  bool spoke_last = false;
};

class Floor {
 public:
  Floor(const sockaddr_in& listen, const sockaddr_in& upstream)
      : listener_(listen_at(listen)), upstream_(upstream), buffer_(std::make_unique<char[]>(kBufferBytes)) {
    epoll_.watch_listener(listener_, 0);
  }

  [[noreturn]] void run() {
    for (;;) {
      for (const epoll_event& event : epoll_.wait()) {
        if (event.data.u64 == 0) {
          accept();
        } else {
          on_event(*reinterpret_cast<End*>(event.data.u64), event.events);
        }
      }
      // Later events of the same turn may still have named them.
      for (End* end : gone_) delete end;
      gone_.clear();
    }
  }

 private:
  void accept() {
    const int fd = accept_at(listener_);
    if (fd < 0) return;
    End* client = watch(fd, true);
    End* upstream = nullptr;
    if (pool_.empty()) {
      const int connecting = connect_to(upstream_);
      if (connecting < 0) die("connect upstream");
      upstream = watch(connecting, false);
    } else {
      upstream = pool_.back();
      pool_.pop_back();
    }
    client->other = upstream;
    upstream->other = client;
    upstream->spoke_last = true;
  }

  End* watch(int fd, bool is_client) {
    End* end = new End{.fd = fd, .is_client = is_client, .unsent = {}};
    epoll_.watch(fd, reinterpret_cast<std::uint64_t>(end));
    return end;
  }

  void on_event(End& end, std::uint32_t events) {
    if (end.fd < 0) return;
    if (end.other == nullptr) {
      if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) leave_pool(end);
      return;
    }
    bool is_alive = true;
    if ((events & EPOLLOUT) != 0 && !end.unsent.empty()) is_alive = flush(end) && move(*end.other, end);
    if (is_alive && (events & EPOLLIN) != 0) is_alive = move(end, *end.other);
    if (!is_alive || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) part(end);
  }

  // False when a socket has failed or ended.
  bool move(End& from, End& to) {
    while (to.unsent.empty()) {
      const ssize_t got = read(from.fd, buffer_.get(), kBufferBytes);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      from.spoke_last = true;
      to.spoke_last = false;
      const ssize_t put = send(to.fd, buffer_.get(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN) return false;
      if (put < got) to.unsent.assign(buffer_.get() + (put < 0 ? 0 : put), buffer_.get() + got);
      if (static_cast<std::size_t>(got) < kBufferBytes) return true;
    }
    return true;
  }

  static bool flush(End& end) {
    const ssize_t put = send(end.fd, end.unsent.data(), end.unsent.size(), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN;
    end.unsent.erase(0, static_cast<std::size_t>(put));
    return true;
  }

  void part(End& end) {
    End& client = end.is_client ? end : *end.other;
    End& upstream = *client.other;
    const bool is_reusable = &end == &client && upstream.spoke_last && client.unsent.empty();
    upstream.other = nullptr;
    drop(client);
    if (is_reusable) {
      pool_.push_back(&upstream);
    } else {
      drop(upstream);
    }
  }

  void leave_pool(End& end) {
    std::erase(pool_, &end);
    drop(end);
  }

  void drop(End& end) {
    close(std::exchange(end.fd, -1));
    gone_.push_back(&end);
  }

  int listener_;
  sockaddr_in upstream_;
  Epoll epoll_;
  std::unique_ptr<char[]> buffer_;
  std::vector<End*> pool_;
  std::vector<End*> gone_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: floor LISTEN UPSTREAM, both IP:PORT\n");
    return 2;
  }
  bench::raise_file_limit();
  bench::Floor(bench::parse_address(argv[1]), bench::parse_address(argv[2])).run();
}
