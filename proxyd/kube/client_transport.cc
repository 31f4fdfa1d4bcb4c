#include "proxyd/kube/client_transport.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "proxyd/options.h"

namespace proxyd {
namespace {

using ingress::Error;
using ingress::ErrorCode;

constexpr std::chrono::seconds kConnectTimeout{5};
// The API server sends pings to HTTP/2 clients, and lists come fast: nothing needs more than this.
constexpr std::uint32_t kStreamWindow = 1024 * 1024;
constexpr std::uint32_t kConnectionWindow = 8 * 1024 * 1024;
// Between two pieces of an answer that is no watch.
constexpr std::chrono::milliseconds kBodyIdle{10'000};

Error too_large(const char* what) {
  return {.code = ErrorCode::kTooLarge, .side = ingress::ErrorSide::kUpstream, .what = what, .detail = {}};
}

std::optional<std::chrono::seconds> retry_after_of(const std::vector<ingress::ClientField>& fields) {
  for (const ingress::ClientField& field : fields) {
    // Field names come in lower case or as sent.
    constexpr std::string_view kName = "retry-after";
    if (field.name.size() != kName.size() || field.value.empty() || field.value.size() > 6) continue;
    bool is_same = true;
    for (std::size_t i = 0; i < kName.size(); ++i) is_same &= (field.name[i] | 0x20) == (kName[i] | 0x20);
    if (!is_same || field.value.find_first_not_of("0123456789") != std::string::npos) continue;
    return std::chrono::seconds(std::stoul(field.value));
  }
  return std::nullopt;
}

}  // namespace

// One request from the moment it is asked for until its last callback.
// Owner: shared by its handle and the queue; every event holds it, so a callback may destroy the handle.
struct ClientTransport::Exchange final : ingress::ClientEvents, std::enable_shared_from_this<Exchange> {
  KubeRequest request;
  bool is_watch = false;
  std::chrono::milliseconds idle{0};
  OnAnswer on_answer;
  WatchEvents events;

  std::weak_ptr<ClientTransport*> transport;
  std::shared_ptr<ingress::Client> client;  // before call, which it must outlive
  std::unique_ptr<ingress::Client::Call> call;
  std::unique_ptr<KubeClock::Timer> deadline;  // of a whole answer
  KubeAnswer answer;
  std::string line;  // the beginning of one
  bool is_over = false, is_repeated = false;

  bool is_streaming() const { return is_watch && answer.status == 200; }

  void on_head(std::uint16_t status, const std::vector<ingress::ClientField>& fields) override {
    const auto self = shared_from_this();
    answer = {.status = status, .body = {}, .retry_after = retry_after_of(fields)};
    if (status == 401 && !is_repeated) return;  // the credentials may be old: see on_end()
    if (is_watch) events.on_head(status);
  }

  void on_body(std::string_view piece) override {
    const auto self = shared_from_this();
    if (is_streaming()) return take_lines(piece);
    if (answer.body.size() + piece.size() > kMaxAnswerBytes) return end(std::unexpected(too_large("answer")));
    answer.body += piece;
  }

  void take_lines(std::string_view piece) {
    while (!is_over) {
      const std::size_t end_of_line = piece.find('\n');
      const std::string_view part = piece.substr(0, end_of_line);
      if (line.size() + part.size() > kMaxLineBytes) return end(std::unexpected(too_large("line")));
      if (end_of_line == std::string_view::npos) {
        line += part;
        return;
      }
      piece.remove_prefix(end_of_line + 1);
      if (line.empty()) {
        if (!part.empty()) events.on_line(part);
        continue;
      }
      line += part;
      const std::string whole = std::exchange(line, {});
      events.on_line(whole);
    }
  }

  void on_end(std::expected<void, Error> outcome) override {
    const auto self = shared_from_this();
    if (!outcome) return end(std::unexpected(std::move(outcome.error())));
    if (answer.status == 401 && !is_repeated && repeat()) return;
    end(std::move(answer));
  }

  // Whether the request is sent again, with other credentials.
  bool repeat() {
    is_repeated = true;
    const auto owner = transport.lock();
    if (owner && (*owner)->read_again()) {
      drop();
      is_over = false;
      answer = {};
      (*owner)->waiting_.push_front(shared_from_this());
      (*owner)->pump();
      return true;
    }
    if (is_watch) events.on_head(answer.status);
    return false;
  }

  void end(std::expected<KubeAnswer, Error> result) {
    if (is_over) return;
    const auto owner = transport.lock();
    if (owner && !result && result.error().code == ErrorCode::kTimeout) (*owner)->leave(client);
    drop();
    if (is_watch) {
      events.on_end(std::move(result));
    } else {
      on_answer(std::move(result));
    }
  }

  void drop() {
    is_over = true;
    deadline.reset();
    call.reset();
    client.reset();
  }
};

class ClientTransport::Handle final : public Call {
 public:
  explicit Handle(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() override { exchange_->drop(); }

 private:
  std::shared_ptr<Exchange> exchange_;
};

std::expected<std::unique_ptr<ClientTransport>, std::string> ClientTransport::create(ingress::Loop& loop,
                                                                                     KubeClock& clock,
                                                                                     LoadKubeAccess load) {
  auto access = load();
  if (!access) return std::unexpected(access.error());
  std::unique_ptr<ClientTransport> out(new ClientTransport(loop, clock, std::move(load)));
  if (std::string why = out->use(std::move(*access)); !why.empty()) return std::unexpected(std::move(why));
  out->read_later();
  return out;
}

ClientTransport::~ClientTransport() {
  self_.reset();
}

std::string ClientTransport::address() const {
  const bool is_v6 = access_.host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", access_.is_https ? "https" : "http",
                     is_v6 ? '[' + access_.host + ']' : access_.host, access_.port);
}

// Empty when a client could be made of it.
std::string ClientTransport::use(KubeAccess access) {
  const bool is_same_service = client_ && access.host == access_.host && access.port == access_.port &&
                               access.is_https == access_.is_https && access.tls == access_.tls;
  if (is_same_service) {
    access_ = std::move(access);
    return {};
  }
  auto client = connect(access);
  if (!client) return client.error().text();
  client_ = std::make_shared<ingress::Client>(std::move(*client));
  access_ = std::move(access);
  return {};
}

std::expected<ingress::Client, Error> ClientTransport::connect(const KubeAccess& access) {
  ingress::Cluster service{.name = "kube-apiserver", .endpoints = {{access.host, access.port}}};
  service.timeouts.connect = kConnectTimeout;
  service.protocol = ingress::BackendProtocol::kAuto;
  service.http2.stream_window_bytes = kStreamWindow;
  service.http2.connection_window_bytes = kConnectionWindow;
  if (access.is_https) service.tls = access.tls;
  return ingress::Client::create(loop_, std::move(service));
}

// Where one connection has gone silent, those kept beside it may have too, and each would take a time-out to
// notice: new requests go by new ones. What runs on the old ones goes on.
void ClientTransport::leave(const std::shared_ptr<ingress::Client>& silent) {
  if (silent != client_) return;
  if (auto client = connect(access_)) client_ = std::make_shared<ingress::Client>(std::move(*client));
}

// Whether there are other credentials now.
bool ClientTransport::read_again() {
  auto access = load_();
  if (!access) {
    access_problem_ = access.error();
    return false;
  }
  if (*access == access_) {
    access_problem_.clear();
    return false;
  }
  access_problem_ = use(std::move(*access));
  return access_problem_.empty();
}

void ClientTransport::read_later() {
  read_timer_ = clock_.after(kReadAgain, [this] {
    read_again();
    read_later();
  });
}

std::unique_ptr<KubeTransport::Call> ClientTransport::send(KubeRequest request, OnAnswer on_answer) {
  auto exchange = std::make_shared<Exchange>();
  exchange->request = std::move(request);
  exchange->on_answer = std::move(on_answer);
  return add(std::move(exchange));
}

std::unique_ptr<KubeTransport::Call> ClientTransport::watch(KubeRequest request,
                                                            std::chrono::milliseconds idle,
                                                            WatchEvents events) {
  auto exchange = std::make_shared<Exchange>();
  exchange->request = std::move(request);
  exchange->is_watch = true;
  exchange->idle = idle;
  exchange->events = std::move(events);
  return add(std::move(exchange));
}

std::unique_ptr<KubeTransport::Call> ClientTransport::add(std::shared_ptr<Exchange> exchange) {
  exchange->transport = self_;
  waiting_.push_back(exchange);
  pump();
  return std::make_unique<Handle>(std::move(exchange));
}

void ClientTransport::pump() {
  while (!waiting_.empty()) {
    const std::shared_ptr<Exchange> next = waiting_.front();
    if (!next->is_over && !bucket_.take(clock_.now())) {
      pump_timer_ = clock_.after(bucket_.wait(clock_.now()), [this] { pump(); });
      return;
    }
    waiting_.pop_front();
    if (!next->is_over) begin(next);
  }
}

void ClientTransport::begin(const std::shared_ptr<Exchange>& exchange) {
  KubeRequest& request = exchange->request;
  ingress::ClientRequest sent{.method = request.method, .target = access_.path_prefix + request.path};
  sent.fields = {{"accept", request.accept}, {"user-agent", fmt::format("proxyd/{}", version())}};
  if (!request.content_type.empty()) sent.fields.push_back({"content-type", request.content_type});
  if (!access_.token.empty()) sent.fields.push_back({"authorization", "Bearer " + access_.token});
  sent.body = request.body;
  sent.head_timeout = request.timeout;
  sent.body_idle_timeout = exchange->is_watch ? exchange->idle : kBodyIdle;
  exchange->client = client_;
  if (!exchange->is_watch) {
    exchange->deadline = clock_.after(request.timeout, [weak = std::weak_ptr(exchange)] {
      const auto late = weak.lock();
      if (late)
        late->end(std::unexpected(Error{.code = ErrorCode::kTimeout,
                                        .side = ingress::ErrorSide::kUpstream,
                                        .what = "no whole answer in time",
                                        .detail = {}}));
    });
  }
  exchange->call = client_->send(std::move(sent), *exchange);
}

}  // namespace proxyd
