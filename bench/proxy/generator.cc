#include "bench/proxy/generator.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBufferBytes = 128 * 1024;
// From here on the kernel drops body bytes instead of copying them: the generator only counts them.
constexpr std::uint64_t kTruncateBytes = 16 * 1024;
constexpr std::uint64_t kMaxConnectFailures = 1000;

std::uint64_t read_cpu_ns(pid_t pid) {
  if (pid == 0) return 0;
  timespec time{};
  clockid_t clock{};
  // utime+stime of all threads, in nanoseconds; /proc/PID/stat counts in ticks of 10 ms.
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) die("CPU time of --watch");
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

Generator::Generator(const LoadOptions& options)
    : options_(options),
      request_(make_request(options)),
      buffer_(std::make_unique<char[]>(kBufferBytes)),
      clients_(options.num_connections) {
  // The default slack would start every request of a schedule 50 microseconds late.
  if (prctl(PR_SET_TIMERSLACK, 1) != 0) die("timer slack");
  if (!options_.has_tls) return;
  tls_ = std::make_unique<TlsClient>(options_);
  if (options_.resumes) tls_->fetch_session(options_, request_.text);
}

void Generator::warm_up() {
  end_ = Clock::now() + 30s;
  for (Client& client : clients_) {
    ask(client, Clock::now());
    // Thousands at once would overflow the proxy's queue of new connections.
    while (num_waiting_ >= 256 && Clock::now() < end_) turn(100ms);
  }
  while (num_waiting_ > 0 && Clock::now() < end_) turn(100ms);
  if (num_waiting_ > 0 || report_.num_errors() > 0) {
    print_json(report_);
    std::fprintf(stderr, "load: %u of %zu first requests failed or got no answer\n",
                 num_waiting_ + static_cast<unsigned>(report_.num_errors()), clients_.size());
    std::exit(1);
  }
  report_ = {};
}

void Generator::run() {
  is_measuring_ = true;
  const std::uint64_t cpu_before = read_cpu_ns(options_.watched_pid);
  const Clock::time_point begin = Clock::now();
  end_ = begin + std::chrono::duration_cast<Clock::duration>(options_.duration);
  next_due_ = begin;
  num_asked_ = 0;
  for (Client& client : clients_) go_on(client);
  while (may_ask() || !late_.empty()) {
    if (options_.rate > 0) ask_what_is_due();
    const Clock::time_point until = options_.rate > 0 ? std::min(next_due_, end_) : end_;
    turn(std::max<std::chrono::nanoseconds>(until - Clock::now(), 0ns));
    if (Clock::now() >= end_) {
      report_.num_unanswered += late_.size();
      late_.clear();
    }
  }
  const Clock::time_point patience = Clock::now() + 2s;
  while (num_waiting_ > 0 && Clock::now() < patience) turn(patience - Clock::now());
  report_.num_unanswered += num_waiting_;
  report_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report_.watched_cpu_ns = read_cpu_ns(options_.watched_pid) - cpu_before;
}

bool Generator::may_ask() const {
  return (options_.max_requests == 0 || num_asked_ < options_.max_requests) && Clock::now() < end_ &&
         report_.num_connect_failures < kMaxConnectFailures;
}

void Generator::ask_what_is_due() {
  const auto interval =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.rate));
  for (const Clock::time_point now = Clock::now(); next_due_ <= now && may_ask(); next_due_ += interval) {
    ++num_asked_;
    if (free_.empty()) {
      late_.push_back(next_due_);
    } else {
      Client& client = *free_.back();
      free_.pop_back();
      ask(client, next_due_);
    }
  }
}

void Generator::go_on(Client& client) {
  if (!is_measuring_) return;
  if (options_.rate > 0) {
    if (late_.empty()) {
      free_.push_back(&client);
    } else {
      ask(client, std::exchange(late_.front(), {}));
      late_.pop_front();
    }
  } else if (may_ask()) {
    ++num_asked_;
    ask(client, Clock::now());
  }
}

void Generator::open(Client& client) {
  ++client.generation;
  client.fd = connect_to(options_.target, options_.has_new_connections ? num_opened_++ : 0);
  if (client.fd < 0) return;
  const auto index = static_cast<std::uint64_t>(&client - clients_.data());
  epoll_.watch(client.fd, index << 32 | client.generation);
  if (tls_) client.tls = tls_->open(client.fd);
}

void Generator::close(Client& client) {
  client.tls.reset();
  if (client.fd >= 0) ::close(std::exchange(client.fd, -1));
}

void Generator::ask(Client& client, Clock::time_point asked_at) {
  client.is_waiting = true;
  client.asked_at = asked_at;
  client.sent = 0;
  client.reader.reset();
  ++num_waiting_;
  if (client.fd >= 0) {
    send_rest(client);
  } else {
    open(client);  // its first event says that it can be written to
    if (client.fd < 0) fail(client, report_.num_connect_failures);
  }
}

void Generator::send_rest(Client& client) {
  if (options_.num_hosts > 0) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    std::uint64_t host = random_ % options_.num_hosts;
    for (std::size_t digit = 7; digit > 0; --digit, host /= 10)
      request_.text[request_.host_offset + digit - 1] = static_cast<char>('0' + host % 10);
  }
  while (client.sent < request_.text.size()) {
    const char* const rest = request_.text.data() + client.sent;
    const std::size_t size = request_.text.size() - client.sent;
    const ssize_t put =
        client.tls ? tls_send(*client.tls, rest, size) : send(client.fd, rest, size, MSG_NOSIGNAL);
    if (put < 0) {
      if (errno != EAGAIN)
        fail(client, errno == ECONNREFUSED ? report_.num_connect_failures : report_.num_cut);
      return;
    }
    client.sent += static_cast<std::size_t>(put);
  }
}

void Generator::turn(std::chrono::nanoseconds patience) {
  for (const epoll_event& event : epoll_.wait(patience)) on_event(event);
}

void Generator::on_event(const epoll_event& event) {
  Client& client = clients_[event.data.u64 >> 32];
  if (client.fd < 0 || client.generation != static_cast<std::uint32_t>(event.data.u64)) return;
  if (options_.is_handshake_only) return shake_hands(client);
  // A handshake has to read before the request can leave.
  const std::uint32_t writable = client.tls ? EPOLLOUT | EPOLLIN : EPOLLOUT;
  if (client.is_waiting && client.sent < request_.text.size() && (event.events & writable) != 0) {
    send_rest(client);
    // What the socket holds now will be an event of its own, unless the request has failed.
    if ((event.events & EPOLLIN) == 0 || client.generation != static_cast<std::uint32_t>(event.data.u64))
      return;
  }
  constexpr std::uint32_t kOver = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((event.events & (EPOLLIN | kOver)) != 0) read_answer(client);
  // The end that this event told of is behind the bytes that a short read took.
  if ((event.events & kOver) != 0 && client.fd >= 0 &&
      client.generation == static_cast<std::uint32_t>(event.data.u64))
    read_answer(client);
}

void Generator::read_answer(Client& client) {
  const std::uint32_t generation = client.generation;
  for (;;) {
    const bool is_dropping = !client.tls && client.reader.body_left() >= kTruncateBytes;
    const std::size_t wanted = is_dropping ? client.reader.body_left() : kBufferBytes;
    // tcp(7): with MSG_TRUNC the bytes are discarded, and nothing is written to the buffer.
    char* const into = is_dropping ? nullptr : buffer_.get();
    const ssize_t got = client.tls ? tls_receive(*client.tls, into, wanted)
                                   : recv(client.fd, into, wanted, is_dropping ? MSG_TRUNC : 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return on_end(client);
    const auto bytes = static_cast<std::size_t>(got);
    const auto state =
        is_dropping ? client.reader.skip_body(bytes) : client.reader.take({buffer_.get(), bytes});
    if (!client.is_waiting || state == ResponseReader::State::kBad) return fail(client, report_.num_bad);
    if (state == ResponseReader::State::kDone) {
      // The next request may be on its way now, or the socket gone; what else it holds is another event.
      on_answer(client);
      if (client.generation != generation || client.is_waiting) return;
    }
    // A record is shorter than the buffer, and more may be there.
    if (bytes < wanted && !client.tls) return;
  }
}

void Generator::on_answer(Client& client) {
  if (client.reader.status() != 200) return fail(client, report_.num_wrong_status);
  if (client.reader.content_length() != options_.expected_bytes)
    return fail(client, report_.num_wrong_length);
  if (client.tls && report_.tls.empty()) report_.tls = tls_facts(*client.tls);
  client.is_waiting = false;
  --num_waiting_;
  ++report_.num_requests;
  report_.latency.record(static_cast<std::uint64_t>((Clock::now() - client.asked_at).count()));
  if (options_.has_new_connections || client.reader.is_last()) close(client);
  go_on(client);
}

// Ends it with close_notify and waits until the other side has ended too: it has done all its work then.
void Generator::shake_hands(Client& client) {
  if (client.sent == 0) {
    const HandshakeState state = tls_shake_hands(*client.tls);
    if (state == HandshakeState::kWaiting) return;
    if (state == HandshakeState::kFailed) return fail(client, report_.num_cut);
    if (report_.tls.empty()) report_.tls = tls_facts(*client.tls);
    if (options_.resumes && !SSL_session_reused(client.tls.get())) return fail(client, report_.num_bad);
    report_.latency.record(static_cast<std::uint64_t>((Clock::now() - client.asked_at).count()));
    client.sent = 1;
    SSL_shutdown(client.tls.get());
    shutdown(client.fd, SHUT_WR);
  }
  // What comes are tickets and the end, or a reset by who had nothing more to say.
  for (;;) {
    const ssize_t got = recv(client.fd, buffer_.get(), kBufferBytes, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) break;
  }
  client.is_waiting = false;
  --num_waiting_;
  ++report_.num_requests;
  close(client);
  go_on(client);
}

void Generator::on_end(Client& client) {
  if (client.is_waiting)
    return fail(client, client.sent == 0 ? report_.num_connect_failures : report_.num_cut);
  close(client);  // it connects again with its next request
  ++report_.num_reopened;
}

void Generator::fail(Client& client, std::uint64_t& counter) {
  ++counter;
  close(client);
  if (!std::exchange(client.is_waiting, false)) return;
  --num_waiting_;
  // A refused connection would be refused again at once: a closed loop has one client less from now on.
  if (&counter != &report_.num_connect_failures) return go_on(client);
  if (is_measuring_ && options_.rate > 0) free_.push_back(&client);
}

}  // namespace bench
