// A worker with clients and backends in memory, moved by a script: what the target `exchange` runs.
//
// A script is a list of records that end with a byte 0xff: what to do, to whom, and the bytes for it. So
// every input is a script, and one that is longer, shorter or spliced still is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/access_log.h"
#include "proxy/downstream_h1.h"
#include "support/fake_connector.h"
#include "support/fake_transport.h"
#include "support/socketless_worker.h"
#include "support/strict_http.h"

namespace ingress::fuzzing {

// How somebody's connection went, as seen by whoever is at its other end.
struct Trace {
  std::string sent;
  std::string received;  // of a backend: whatever was written to it, since it may answer unread
  test::FakePeer::End end = test::FakePeer::End::kOpen;  // what the proxy did
  bool has_ended = false;                                // our direction, before anything broke
  bool has_broken = false;
};

struct ClientTrace : Trace {
  std::string address;
};

struct BackendTrace : Trace {
  // Whenever the proxy wrote: how much it had written before, and how much we had sent.
  struct Mark {
    std::size_t written, sent;
  };
  std::vector<Mark> marks;
};

// One line of the access log.
struct LogLine {
  std::string client, request_id, method, path, why;
  bool has_head = false;  // a request line was read at least
  std::uint16_t status = 0;
};

class ExchangeWorld final : private AccessLog {
 public:
  // What differs between inputs beside the script: bits, see the .cc.
  explicit ExchangeWorld(std::uint8_t choices);
  // What its listener asks of paths: what listeners do unless they are told otherwise.
  static constexpr StrictPaths kPaths = {.merges_slashes = true, .refuses_hidden_dots = true};
  ~ExchangeWorld() override;

  void run(std::string_view script);
  // Ends everything that can end by itself and lets so much time go by that the rest must have.
  void settle();
  // Asserts that nothing is left over: objects, time limits, blocks.
  void check_empty();

  std::vector<ClientTrace> clients() const;
  std::vector<BackendTrace> backends() const;
  const std::vector<LogLine>& log() const { return log_; }

 private:
  class Worker;
  struct Client {
    ClientTrace trace;
    std::shared_ptr<test::FakePeer> peer;
    std::unique_ptr<proxy::DownstreamH1> connection;
  };
  struct Backend {
    BackendTrace trace;
    std::shared_ptr<test::FakePeer> peer;
    std::size_t num_written = 0;  // by the proxy, taken or not, when last looked
  };

  void write(unsigned worker, const ExchangeRecord& record) override;
  void run_record(std::string_view record);
  void act_as_client(Client& client, unsigned action, unsigned detail, std::string_view bytes);
  void act_as_backend(Backend& backend, unsigned action, unsigned detail, std::string_view bytes);
  void act_as_world(unsigned action, unsigned detail);
  void send(Trace& trace, test::FakePeer& peer, std::string_view bytes);
  void ask(Client& client, unsigned detail);
  void answer(Backend& backend, unsigned detail);
  void open_client();
  void connect();
  void turn();

  std::unique_ptr<Worker> worker_;
  std::vector<LogLine> log_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Backend>> backends_;
  bool connects_at_once_;
};

}  // namespace ingress::fuzzing
