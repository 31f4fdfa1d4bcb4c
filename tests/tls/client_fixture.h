// A client's side of TLS without sockets: a loop, an authority, and connections whose server is in memory.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tls/client_context.h"
#include "tls/test_authority.h"
#include "tls/test_server.h"
#include "tls/tls_transport.h"

namespace ingress::tls {

using test::FakePeer;
using test::Issued;
using test::TestAuthority;
using test::TestBackend;
using test::TestServer;

inline const TestAuthority& authority() {
  static const TestAuthority made;
  return made;
}

class ClientRecorder final : public net::TransportHandler {
 public:
  void on_ready() override { ++num_ready; }
  void on_read(base::Slice bytes) override { text += bytes.view(); }
  void on_read_end() override { ++num_ends; }
  void on_drained() override {}
  void on_broken(Error error) override { broken.push_back(std::move(error)); }
  std::string text;
  int num_ready = 0, num_ends = 0;
  std::vector<Error> broken;
};

struct Client {
  Client() : loop(std::move(*net::EventLoop::create())) {}
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  std::uint64_t failures(ClientTlsFailure failure) const {
    return counters.failures[static_cast<std::size_t>(failure)].get();
  }
  std::unique_ptr<net::EventLoop> loop;
  ClientTlsCounters counters;
  std::shared_ptr<SessionCache> sessions = std::make_shared<SessionCache>();
};

inline BackendTls trusting() {
  return {.server_name = "backend.example", .ca_bundle = authority().pem()};
}

inline ClientContextPtr context_of(const BackendTls& settings) {
  auto loaded = ClientContext::load(settings, std::chrono::system_clock::now());
  for (const Problem& problem : loaded.problems) MESSAGE(problem.field, " ", problem.why);
  REQUIRE(loaded.context);
  return loaded.context;
}

struct ClientConnection {
  ClientConnection(Client& client_in, const ClientContextPtr& context, const TestBackend& backend,
                   std::string address = "10.0.0.1")
      : client(client_in),
        peer(FakePeer::make(&client.loop->buffers())),
        server(peer, backend),
        transport(std::move(*connect(*client.loop, peer->take_transport(),
                                     {.context = context,
                                      .address = std::move(address),
                                      .port = 443,
                                      .protocols = "\x08http/1.1",
                                      .sessions = client.sessions},
                                     client.counters))) {
    transport->start(&handler);
    client.turn();  // the ClientHello leaves from the loop
  }
  ~ClientConnection() {
    transport.reset();
    client.turn();
  }
  bool shake_hands(std::size_t pace = static_cast<std::size_t>(-1)) {
    for (int i = 0; i < 4 && handler.broken.empty(); ++i) {
      if (server.step(pace) && handler.num_ready == 1) return true;
    }
    return false;
  }
  void write(std::string_view text) {
    base::Chain chain;
    chain.append(client.loop->buffers().copy(text));
    transport->write(std::move(chain));
  }

  Client& client;
  std::shared_ptr<FakePeer> peer;
  TestServer server;
  ClientRecorder handler;
  net::TransportPtr transport;
};

}  // namespace ingress::tls
