// Clients that abort anywhere against backends that reset anywhere: in the end nothing is left.
#include <doctest/doctest.h>

#include <atomic>
#include <random>

#include "proxy/running_server.h"

namespace ingress::test {
namespace {

double gauge(Server& server, std::string_view name) {
  double total = 0;
  for (const MetricFamily& family : server.metrics()) {
    if (family.name != name) continue;
    for (const MetricSample& sample : family.samples) total += sample.value;
  }
  return total;
}

// Passes, waits, holds or changes, by chance.
class Moody final : public Filter {
 public:
  Verdict on_request(RequestHead& head, ExchangeContext& context) override {
    if (head.path() == "/hold") context.want_request_body(BodyMode::kBuffer);
    if (head.path() == "/stream") context.want_response_body(BodyMode::kStream);
    if (head.path() == "/hold-answer") context.want_response_body(BodyMode::kBuffer);
    return random_() % 8 == 0 ? wait(context) : Verdict::next();
  }
  Verdict on_response(ResponseHead&, ExchangeContext& context) override {
    return random_() % 8 == 0 ? wait(context) : Verdict::next();
  }

 private:
  Verdict wait(ExchangeContext& context) {
    const auto how_long = std::chrono::milliseconds(random_() % 30);
    context.worker().after(how_long, [replies = random_() % 4 == 0, resumer = context.suspend()] {
      resumer.resume(replies ? Verdict::reply(403, "no\n") : Verdict::next());
    });
    return Verdict::wait();
  }
  std::mt19937 random_{7};
};

std::string random_request(std::mt19937& random) {
  static constexpr const char* kPaths[] = {"/a", "/hold", "/stream", "/hold-answer"};
  const std::string path = kPaths[random() % 4];
  const std::string start = path + (random() % 8 == 0 ? " HTTP/1.0" : " HTTP/1.1") + "\r\nHost: x\r\n";
  const std::size_t size = random() % 4 == 0 ? 200'000 : random() % 2000;
  switch (random() % 4) {
    case 0:
      return "GET " + start + "\r\n";
    case 1:
      return "HEAD " + start + "\r\nGET " + start + "\r\n";
    case 2:
      return "POST " + start + "Content-Length: " + std::to_string(size) + "\r\n\r\n" +
             std::string(size, 'b');
    default:
      return "PUT " + path +
             " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  }
}

// Answers by chance well, late, in part, or not at all; ends with an end or a reset.
void serve_badly(Socket& socket, std::mt19937& random) {
  for (;;) {
    const std::string head = socket.read_until("\r\n\r\n");
    if (head.empty()) return;
    if (random() % 10 == 0) return socket.reset();
    if (head.find("chunked") != std::string::npos) socket.read_until("0\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    const bool is_early = random() % 6 == 0;
    if (at != std::string::npos && !is_early)
      socket.read_bytes(std::strtoull(head.c_str() + at + 16, nullptr, 10));
    const std::size_t size = random() % 3 == 0 ? 300'000 : random() % 3000;
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
    if (!head.starts_with("HEAD")) answer += std::string(size, 'r');
    if (random() % 8 == 0) {
      socket.send(std::string_view(answer).substr(0, random() % answer.size()));
      return random() % 2 == 0 ? socket.reset() : socket.close();
    }
    if (!socket.send(answer) || is_early) return;
  }
}

void abuse(std::uint16_t port, unsigned seed, int rounds) {
  std::mt19937 random(seed);
  for (int i = 0; i < rounds; ++i) {
    Socket client = Socket::connect(port);
    const std::string request = random_request(random);
    const std::size_t size = random() % 3 == 0 ? random() % request.size() : request.size();
    client.send(std::string_view(request).substr(0, size));
    if (random() % 4 == 0) client.end_sending();
    if (size == request.size()) client.read_bytes(random() % 3 == 0 ? 0 : random() % 5000);
    if (random() % 2 == 0) client.reset();
  }
}

TEST_CASE("NothingIsLeftOfClientsAndBackendsThatAbortAnywhere") {
  std::atomic<unsigned> seeds = 100;
  Backend backend([&](Socket& socket) {
    std::mt19937 random(seeds.fetch_add(1));
    serve_badly(socket, random);
  });
  GatewayConfig config = one_backend(backend.port());
  config.listeners[0].timeouts.request_head = std::chrono::milliseconds(300);
  config.listeners[0].timeouts.request_body_idle = std::chrono::milliseconds(300);
  config.listeners[0].timeouts.keep_alive_idle = std::chrono::milliseconds(300);
  config.listeners[0].timeouts.write_idle = std::chrono::milliseconds(300);
  config.clusters[0].timeouts.response_head = std::chrono::milliseconds(300);
  config.clusters[0].timeouts.response_body_idle = std::chrono::milliseconds(300);
  config.clusters[0].timeouts.request_write_idle = std::chrono::milliseconds(300);
  config.clusters[0].timeouts.idle_connection = std::chrono::milliseconds(300);
  RunningServer running(config, {.workers = 2, .make_filters = [] {
                                   FilterList list;
                                   list.push_back(std::make_unique<Moody>());
                                   return list;
                                 }});
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < 8; ++i) {
    clients.emplace_back([port = running.port(), i] { abuse(port, i, 60); });
  }
  for (int i = 0; i < 20; ++i) {  // and the configuration changes meanwhile
    config.clusters[0].limits.max_idle_connections = 1 + static_cast<std::uint32_t>(i % 5);
    running.publish(config);
  }
  for (std::thread& client : clients) client.join();
  Server& server = running.server();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  const auto is_at_rest = [&] {
    return gauge(server, "connections_open") == 0 && gauge(server, "requests_active") == 0 &&
           gauge(server, "snapshot_views") == 2;
  };
  while (!is_at_rest() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  CHECK(gauge(server, "connections_open") == 0);
  CHECK(gauge(server, "requests_active") == 0);
  CHECK(gauge(server, "snapshot_views") == 2);
  CHECK(gauge(server, "requests_total") > 200);
}

}  // namespace
}  // namespace ingress::test
