// backend LISTEN: answers by path, /1k /64k /1m, with answers prepared beforehand, each sent by one writev;
// any other path gets 404. The body of a request is read and dropped. Heads are as long as nginx's for a
// file.
//
// It trusts its client, the proxy under test: what it cannot read ends the program, and so the measurement.

#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/proxy/sockets.h"

namespace bench {
namespace {

constexpr std::size_t kBufferBytes = 128 * 1024;
constexpr std::string_view kEndOfHead = "\r\n\r\n";

struct Answer {
  std::string_view path;
  std::string head, body;
};

Answer make_answer(std::string_view path, const char* status, std::size_t bytes) {
  std::string head = std::string("HTTP/1.1 ") + status +
                     "\r\nServer: backend/1.0.0\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                     "Content-Type: application/octet-stream\r\nContent-Length: " +
                     std::to_string(bytes) +
                     "\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: keep-alive\r\n"
                     "ETag: \"65920080-400\"\r\nAccept-Ranges: bytes\r\n\r\n";
  return {path, std::move(head), std::string(bytes, 'x')};
}

const std::array<Answer, 4>& answers() {
  static const std::array<Answer, 4> all = {
      make_answer("/1k", "200 OK", 1024), make_answer("/64k", "200 OK", std::size_t{64} * 1024),
      make_answer("/1m", "200 OK", std::size_t{1024} * 1024), make_answer("", "404 Not Found", 0)};
  return all;
}

const Answer& answer_for(std::string_view head) {
  const std::size_t begin = head.find(' ') + 1;
  const std::string_view path = head.substr(begin, head.find(' ', begin) - begin);
  const auto* known = std::ranges::find(answers(), path, &Answer::path);
  return known == answers().end() ? answers().back() : *known;
}

std::uint64_t read_content_length(std::string_view head) {
  constexpr std::string_view kName = "content-length:";
  for (std::size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    std::string_view line = head.substr(at + 1);
    if (line.size() < kName.size() || strncasecmp(line.data(), kName.data(), kName.size()) != 0) continue;
    line.remove_prefix(std::min(line.find_first_not_of(' ', kName.size()), line.size()));
    std::uint64_t length = 0;
    std::from_chars(line.data(), line.data() + line.size(), length);
    return length;
  }
  return 0;
}

struct Connection {
  int fd;
  std::string unread;  // a head that is not whole yet, or what came while an answer was being sent
  std::uint64_t body_left = 0;
  const Answer* answer = nullptr;  // chosen; it is sent once body_left is 0
  std::size_t sent = 0;
};

class Backend {
 public:
  explicit Backend(const sockaddr_in& listen)
      : listener_(listen_at(listen)), buffer_(std::make_unique<char[]>(kBufferBytes)) {
    epoll_.watch_listener(listener_, 0);
  }

  [[noreturn]] void run() {
    for (;;) {
      for (const epoll_event& event : epoll_.wait()) {
        if (event.data.u64 == 0) {
          accept();
          continue;
        }
        // One event a turn names a connection, so nothing later names one that is freed here.
        auto* conn = reinterpret_cast<Connection*>(event.data.u64);
        const bool is_over = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        if (is_over || !serve(*conn)) {
          close(conn->fd);
          delete conn;
        }
      }
    }
  }

 private:
  void accept() {
    const int fd = accept_at(listener_);
    if (fd < 0) return;
    epoll_.watch(fd, reinterpret_cast<std::uint64_t>(new Connection{.fd = fd, .unread = {}}));
  }

  // False when the connection has ended.
  bool serve(Connection& conn) {
    if (conn.answer != nullptr && conn.body_left == 0) {
      if (!send_answer(conn)) return false;
      if (conn.answer != nullptr) return true;
      take(conn, std::exchange(conn.unread, {}));
    }
    for (;;) {
      const ssize_t got = read(conn.fd, buffer_.get(), kBufferBytes);
      if (got == 0) return false;
      if (got < 0) return errno == EAGAIN;
      const std::string_view data(buffer_.get(), static_cast<std::size_t>(got));
      if (conn.unread.empty()) {
        take(conn, data);
      } else {
        take(conn, std::exchange(conn.unread, {}).append(data));
      }
      if (static_cast<std::size_t>(got) < kBufferBytes) return true;
    }
  }

  // Answers every whole request of `data` and keeps the rest.
  static void take(Connection& conn, std::string_view data) {
    while (!data.empty()) {
      if (conn.answer == nullptr) {
        const std::size_t end = data.find(kEndOfHead);
        if (end == std::string_view::npos) break;
        const std::string_view head = data.substr(0, end);
        conn.answer = &answer_for(head);
        conn.body_left = read_content_length(head);
        data.remove_prefix(end + kEndOfHead.size());
      }
      const std::size_t body = std::min<std::uint64_t>(conn.body_left, data.size());
      conn.body_left -= body;
      data.remove_prefix(body);
      // A failed send shows again as an event of the connection.
      if (conn.body_left == 0) send_answer(conn);
      if (conn.answer != nullptr) break;
    }
    conn.unread.assign(data);
  }

  static bool send_answer(Connection& conn) {
    const Answer& answer = *conn.answer;
    const std::size_t from_head = std::min(conn.sent, answer.head.size());
    const std::size_t from_body = conn.sent - from_head;
    iovec parts[2] = {
        {const_cast<char*>(answer.head.data()) + from_head, answer.head.size() - from_head},
        {const_cast<char*>(answer.body.data()) + from_body, answer.body.size() - from_body},
    };
    const ssize_t put = writev(conn.fd, parts, 2);
    if (put < 0) return errno == EAGAIN;
    conn.sent += static_cast<std::size_t>(put);
    if (conn.sent == answer.head.size() + answer.body.size()) {
      conn.answer = nullptr;
      conn.sent = 0;
    }
    return true;
  }

  int listener_;
  Epoll epoll_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: backend LISTEN, which is IP:PORT\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  bench::raise_file_limit();
  bench::Backend(bench::parse_address(argv[1])).run();
}
