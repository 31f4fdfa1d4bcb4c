#include "support/exchange_world.h"

#include <algorithm>
#include <chrono>

#include "support/require.h"

namespace ingress::fuzzing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FakePeer;

// Enough for pools, races and mix-ups; more would only be slower.
constexpr std::size_t kMaxClients = 3, kMaxBackends = 6;
constexpr std::size_t kMaxRecords = 64;
constexpr char kEndOfRecord = '\xff';

enum Choice : std::uint8_t {
  kConnectByHand = 1,
  kStreamRequests = 2,   // a filter sees request bodies
  kStreamResponses = 4,  // and response bodies
  kHoldRequests = 8,     // one holds them whole
  kHoldResponses = 16,
  kSuspend = 32,  // one waits until the script lets it go on
  kRequestLimit = 64,
  kSmallListener = 128,
};

GatewayConfig make_config(std::uint8_t choices) {
  GatewayConfig config;
  config.listeners = {{.name = "web", .address = "127.0.0.1", .port = 0}};
  config.listeners[0].limits = {
      .request_line_bytes = 400, .head_bytes = 2000, .max_headers = 20, .body_bytes = 4000};
  if (choices & kSmallListener) config.listeners[0].limits.body_bytes = 20;
  config.clusters = {{.name = "backend", .endpoints = {{"192.0.2.100", 80}}}};
  config.clusters[0].limits = {.response_head_bytes = 2000,
                               .max_response_headers = 20,
                               .max_interim_responses = 3,
                               .max_idle_connections = 2};
  config.routes = {{.name = "all", .rules = {{.backends = {{.cluster = "backend"}}}}}};
  config.routes[0].rules[0].timeouts.tunnel_idle = seconds(30);
  if (choices & kRequestLimit) config.routes[0].rules[0].timeouts.request = seconds(20);
  return config;
}

// Changes nothing, in every way that there is to do so.
class IdentityFilter final : public Filter {
 public:
  IdentityFilter(std::uint8_t choices, std::vector<Resumer>& waiting)
      : choices_(choices), waiting_(waiting) {}

  Verdict on_request(RequestHead&, ExchangeContext& context) override {
    if (choices_ & kHoldRequests) {
      context.want_request_body(BodyMode::kBuffer, 1000);
    } else if (choices_ & kStreamRequests) {
      context.want_request_body(BodyMode::kStream, 0);
    }
    return wait_or_go_on(context);
  }
  Verdict on_response(ResponseHead&, ExchangeContext& context) override {
    if (choices_ & kHoldResponses) {
      context.want_response_body(BodyMode::kBuffer, 1000);
    } else if (choices_ & kStreamResponses) {
      context.want_response_body(BodyMode::kStream, 0);
    }
    return wait_or_go_on(context);
  }

 private:
  Verdict wait_or_go_on(ExchangeContext& context) {
    if (!(choices_ & kSuspend)) return Verdict::next();
    waiting_.push_back(context.suspend());
    return Verdict::wait();
  }

  std::uint8_t choices_;
  std::vector<Resumer>& waiting_;
};

// What breaks first has no end.
void end(Trace& trace) {
  trace.has_ended = trace.has_ended || !trace.has_broken;
}

}  // namespace

// Frees connections as the real one does: after the current callback.
class ExchangeWorld::Worker final : public test::SocketlessWorker {
 public:
  Worker(std::uint8_t choices, ExchangeWorld& world)
      : SocketlessWorker(make_config(choices),
                         [](net::EventLoop& on) { return std::make_unique<test::FakeConnector>(on); }),
        world_(world) {
    // The clock stands still but for pass(): a busy machine is no part of the input.
    start_ = loop->now();
    loop->timers().set_clock(
        [](const void* self) {
          const auto* worker = static_cast<const Worker*>(self);
          return worker->start_ + worker->passed;
        },
        this);
    loop->timers().on_earlier = [] {};
    if (choices & (kStreamRequests | kStreamResponses | kHoldRequests | kHoldResponses | kSuspend)) {
      filters.push_back(std::make_unique<IdentityFilter>(choices, waiting));
    }
  }

  void step_clock(milliseconds time) {
    passed += time;
    loop->post([this] { loop->timers().advance(start_ + passed); });
    turn();
  }
  test::FakeConnector& fake_connector() { return static_cast<test::FakeConnector&>(*connector); }
  std::unique_ptr<proxy::Exchange> take_exchange() override {
    ++num_lent;
    return SocketlessWorker::take_exchange();
  }
  void put_back_exchange(std::unique_ptr<proxy::Exchange> exchange) override {
    require(exchange != nullptr && num_lent > 0, "every exchange comes back once");
    --num_lent;
    SocketlessWorker::put_back_exchange(std::move(exchange));
  }
  void on_connection_closed(proxy::DownstreamConnection& connection) override {
    ++num_closed;
    loop->defer([this, &connection] {
      for (const auto& client : world_.clients_) {
        if (client->connection.get() == &connection) client->connection.reset();
      }
    });
  }

  std::vector<Resumer> waiting;
  std::size_t num_lent = 0;

 private:
  ExchangeWorld& world_;
  milliseconds start_{0};
};

ExchangeWorld::ExchangeWorld(std::uint8_t choices)
    : worker_(std::make_unique<Worker>(choices, *this)), connects_at_once_((choices & kConnectByHand) == 0) {
  worker_->set_log(*this);
  open_client();
}

ExchangeWorld::~ExchangeWorld() {
  for (const auto& client : clients_) client->connection.reset();
  worker_->turn();
}

void ExchangeWorld::write(unsigned, const ExchangeRecord& record) {
  log_.push_back({.client = std::string(record.client_address),
                  .request_id = std::string(record.request_id),
                  .method = std::string(record.method),
                  .path = std::string(record.path),
                  .why = std::string(record.why) +
                         (record.why == "tunnel" ? ":" + std::string(record.why_detail) : std::string()),
                  .has_head = !record.protocol.empty(),
                  .status = record.status});
}

void ExchangeWorld::run(std::string_view script) {
  for (std::size_t i = 0; i < kMaxRecords && !script.empty(); ++i) {
    const std::size_t end = std::min(script.find(kEndOfRecord), script.size());
    run_record(script.substr(0, end));
    script.remove_prefix(std::min(end + 1, script.size()));
    turn();
  }
}

// A letter for what to do, a byte for to whom and how, and the rest.
void ExchangeWorld::run_record(std::string_view record) {
  if (record.empty()) return;
  const auto letter = static_cast<unsigned>(record[0]);
  const unsigned detail = record.size() < 2 ? 0 : static_cast<unsigned char>(record[1]);
  const std::string_view bytes = record.substr(std::min<std::size_t>(record.size(), 2));
  if (letter >= 'A' && letter <= 'H') {
    act_as_client(*clients_[detail % clients_.size()], letter - 'A', detail / 8, bytes);
  } else if (letter >= 'a' && letter <= 'h' && !backends_.empty()) {
    act_as_backend(*backends_[detail % backends_.size()], letter - 'a', detail / 8, bytes);
  } else {
    act_as_world(letter % 8, detail);
  }
}

void ExchangeWorld::send(Trace& trace, FakePeer& peer, std::string_view bytes) {
  if (bytes.empty() || trace.has_ended || trace.has_broken) return;
  trace.sent += bytes;
  peer.send(bytes);
}

void ExchangeWorld::act_as_client(Client& client, unsigned action, unsigned detail, std::string_view bytes) {
  switch (action) {
    case 0:
      return send(client.trace, *client.peer, bytes);
    case 1:
      return ask(client, detail);
    case 2:
      end(client.trace);
      return client.peer->end_sending();
    case 3:
      client.trace.has_broken = true;
      return client.peer->break_with();
    case 4:
      return client.peer->stop_reading(detail * 16);
    case 5:
      return client.peer->read_some(detail * 512);
    case 6:
      return client.peer->read_all();
    default:
      return client.peer->turn();
  }
}

// A request that is in order. Its body is the same for nobody else.
void ExchangeWorld::ask(Client& client, unsigned detail) {
  static constexpr const char* kMethods[] = {"GET", "POST", "HEAD", "PUT"};
  const std::string mark = client.trace.address + "-" + std::to_string(client.trace.sent.size());
  const std::string head = std::string(kMethods[detail % 4]) + " /" + mark + " HTTP/1.1\r\nHost: a\r\n";
  if (detail % 2 == 0 && (detail & 8)) {
    return send(client.trace, *client.peer, head + "Connection: upgrade\r\nUpgrade: chat, chat/2\r\n\r\n");
  }
  if (detail % 2 == 0) return send(client.trace, *client.peer, head + "\r\n");
  if (detail & 4) {
    return send(client.trace, *client.peer,
                head + "Transfer-Encoding: chunked\r\n\r\n2\r\nof\r\n1\r\n \r\n9;x\r\n" + mark.substr(0, 9) +
                    "\r\n0\r\nX-Sum: 1\r\n\r\n");
  }
  send(client.trace, *client.peer,
       head + "Content-Length: " + std::to_string(mark.size()) + "\r\n\r\n" + mark);
}

void ExchangeWorld::act_as_backend(Backend& backend, unsigned action, unsigned detail,
                                   std::string_view bytes) {
  switch (action) {
    case 0:
      return send(backend.trace, *backend.peer, bytes);
    case 1:
      return answer(backend, detail);
    case 2:
      end(backend.trace);
      return backend.peer->end_sending();
    case 3:
      backend.trace.has_broken = true;
      return backend.peer->break_with();
    case 4:
      return backend.peer->stop_reading(detail * 16);
    case 5:
      return backend.peer->read_some(detail * 512);
    case 6:
      return backend.peer->read_all();
    default:
      return backend.peer->turn();
  }
}

// An answer in order, which nobody else gives.
void ExchangeWorld::answer(Backend& backend, unsigned detail) {
  const std::string mark = "answer " + std::to_string(backend.trace.received.size()) + " of " +
                           std::to_string(backend.trace.sent.size());
  if (detail & 16) {
    return send(backend.trace, *backend.peer,
                "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: " +
                    std::string(detail & 1 ? "Chat/2" : "chat") + "\r\nX-Mark: " + mark + "\r\n\r\n");
  }
  static constexpr const char* kStatuses[] = {"200 OK", "404 Not Found", "204 No Content",
                                              "304 Not Modified"};
  std::string text = "HTTP/1.1 " + std::string(kStatuses[detail % 4]) + "\r\nX-Mark: " + mark + "\r\n";
  if (detail % 4 >= 2) return send(backend.trace, *backend.peer, text + "\r\n");
  if (detail & 4) text = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + text;
  if (detail & 8) {
    text += "Transfer-Encoding: chunked\r\n\r\n1\r\nA\r\n4\r\nlong\r\n0\r\nX-Sum: 2\r\n\r\n";
  } else {
    text += "Content-Length: " + std::to_string(mark.size()) + "\r\n\r\n" + mark;
  }
  send(backend.trace, *backend.peer, text);
}

void ExchangeWorld::act_as_world(unsigned action, unsigned detail) {
  static constexpr int kSeconds[] = {0, 1, 3, 11, 21, 31, 61, 76};
  switch (action) {
    case 0:
      return worker_->step_clock(seconds(kSeconds[detail % 8]));
    case 1:
      return connect();
    case 2:
      if (worker_->fake_connector().num_waiting() > 0) worker_->fake_connector().refuse();
      return;
    case 3:
      return open_client();
    case 4:
      if (!worker_->waiting.empty()) {
        Resumer resumer = std::move(worker_->waiting.back());
        worker_->waiting.pop_back();
        if (detail % 4 == 3) return resumer.resume(Verdict::reply(403, "no\n"));
        return resumer.resume(Verdict::next());
      }
      return;
    case 5:
      if (detail == 5) worker_->is_draining = true;
      for (const auto& client : clients_) {
        if (detail == 5 && client->connection) client->connection->drain();
        if (detail == 6 && client->connection) client->connection->drain_tunnel();
      }
      return;
    default:
      return;
  }
}

void ExchangeWorld::open_client() {
  if (clients_.size() == kMaxClients) return;
  auto client = std::make_unique<Client>();
  client->trace.address = "192.0.2." + std::to_string(10 + clients_.size());
  client->peer = FakePeer::make(&worker_->loop->buffers());
  client->peer->set_addresses(client->trace.address, 40000, "192.0.2.2", 80);
  client->connection =
      std::make_unique<proxy::DownstreamH1>(*worker_, worker_->listener, client->peer->take_transport());
  clients_.push_back(std::move(client));
  clients_.back()->connection->start();
}

void ExchangeWorld::connect() {
  if (worker_->fake_connector().num_waiting() == 0) return;
  if (backends_.size() == kMaxBackends) return worker_->fake_connector().refuse();
  backends_.push_back(std::make_unique<Backend>());
  backends_.back()->peer = worker_->fake_connector().accept();
}

void ExchangeWorld::turn() {
  worker_->turn();
  while (connects_at_once_ && worker_->fake_connector().num_waiting() > 0) {
    connect();
    worker_->turn();
  }
  for (const auto& backend : backends_) {
    const std::size_t size = backend->peer->written().size();
    if (size <= backend->num_written) continue;
    backend->trace.marks.push_back({.written = backend->num_written, .sent = backend->trace.sent.size()});
    backend->num_written = size;
  }
}

// As many rounds as there can be requests in a row, each of which may wait out its time limits; some more
// behind.
void ExchangeWorld::settle() {
  connects_at_once_ = true;
  for (int round = 0, behind = 0; round < 4096 && behind < 16; ++round) {
    turn();
    for (const auto& client : clients_) {
      end(client->trace);
      client->peer->read_all();
      client->peer->end_sending();
    }
    for (const auto& backend : backends_) backend->peer->read_all();
    while (!worker_->waiting.empty()) act_as_world(4, 0);
    turn();
    worker_->step_clock(seconds(61));
    behind += worker_->num_closed == static_cast<int>(clients_.size());
  }
  worker_->close_http2();
}

void ExchangeWorld::check_empty() {
  for (const auto& client : clients_) require(client->connection == nullptr, "clients' connections end");
  for (const auto& client : clients_) require(client->peer->is_destroyed(), "and so does its socket");
  for (const auto& backend : backends_) require(backend->peer->is_destroyed(), "backends' connections end");
  require(worker_->num_closed == static_cast<int>(clients_.size()), "each is told closed once");
  require(worker_->num_lent == 0, "every exchange is back");
  require(worker_->metrics.exchanges_open.get() == 0, "none counts as open");
  require(worker_->metrics.tunnels_open.get() == 0, "nor does a tunnel");
  require(worker_->fake_connector().num_waiting() == 0, "nobody waits for a connection");
  require(worker_->views.num_alive() == 1, "nothing is pinned");
  require(worker_->loop->timers().num_set() == 0, "no time limit runs");
  require(worker_->loop->buffers().live_bytes() == 0, "no block is held");
}

std::vector<ClientTrace> ExchangeWorld::clients() const {
  std::vector<ClientTrace> traces;
  for (const auto& client : clients_) {
    traces.push_back(client->trace);
    traces.back().received = client->peer->received();
    traces.back().end = client->peer->end();
  }
  return traces;
}

std::vector<BackendTrace> ExchangeWorld::backends() const {
  std::vector<BackendTrace> traces;
  for (const auto& backend : backends_) {
    traces.push_back(backend->trace);
    traces.back().received = backend->peer->written();
    traces.back().end = backend->peer->end();
  }
  return traces;
}

}  // namespace ingress::fuzzing
