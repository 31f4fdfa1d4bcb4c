// The connections of the load generator and the order in which they ask. One thread, one epoll; nothing is
// allocated per request.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "bench/proxy/load_options.h"
#include "bench/proxy/load_report.h"
#include "bench/proxy/response_reader.h"
#include "bench/proxy/sockets.h"
#include "bench/proxy/tls_client.h"

namespace bench {

class Generator {
 public:
  explicit Generator(const LoadOptions& options);

  // Connects and asks once on each connection, uncounted: the proxy has its connections and pools afterwards.
  // Ends the program when that does not succeed within 30 seconds.
  void warm_up();

  // Asks until the time or the number of requests is used up and all answers are there (or 2 seconds passed).
  void run();

  const LoadReport& report() const { return report_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Client {
    int fd = -1;
    std::uint32_t generation = 0;  // tells events of this socket from those of the one before
    bool is_waiting = false;       // for an answer
    std::size_t sent = 0;
    Clock::time_point asked_at;  // on schedule, when there is one
    ResponseReader reader;
    TlsConnection tls;  // null without TLS
  };

  void open(Client& client);
  void close(Client& client);
  // Begins a request that was due at `asked_at`.
  void ask(Client& client, Clock::time_point asked_at);
  void send_rest(Client& client);
  void on_event(const epoll_event& event);
  void read_answer(Client& client);
  // --handshakes: in place of a request and its answer.
  void shake_hands(Client& client);
  void on_answer(Client& client);
  void on_end(Client& client);
  // Counts a request that went wrong and starts over on a new connection.
  void fail(Client& client, std::uint64_t& counter);
  // What a client does next: a request that is late, the next one of a closed loop, or nothing.
  void go_on(Client& client);
  void turn(std::chrono::nanoseconds patience);
  bool may_ask() const;
  void ask_what_is_due();

  LoadOptions options_;
  RequestText request_;
  Epoll epoll_;
  std::unique_ptr<char[]> buffer_;
  std::unique_ptr<TlsClient> tls_;
  std::vector<Client> clients_;
  std::vector<Client*> free_;           // with a schedule: those that have nothing to ask
  std::deque<Clock::time_point> late_;  // due, but no client was free
  Clock::time_point next_due_;
  Clock::time_point end_;
  unsigned num_waiting_ = 0;
  std::uint64_t num_asked_ = 0;
  std::uint32_t num_opened_ = 0;
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
  bool is_measuring_ = false;
  LoadReport report_;
};

}  // namespace bench
