// What a client asks that wants to upgrade its connection, what a backend says that agrees, and an open
// tunnel.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "proxy/exchange_fixture.h"

namespace ingress::test {

inline const std::string kAsk =
    "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
inline const std::string kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Kept: 1\r\n\r\n";
// What the client gets of kSwitch.
inline const std::string kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nX-Kept: 1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct OpenTunnel {
  explicit OpenTunnel(FakeWorker& worker_in) : worker(worker_in) {
    client.peer->send(kAsk);
    CHECK(has(backend->take_received(), "\r\nUpgrade: websocket\r\n"));
    backend->send(kSwitch);
    CHECK(client.peer->take_received() == kSwitched);
    worker.turn();
  }
  RecordingLog::Line end_line() { return worker.log.wait_for(1); }

  FakeWorker& worker;
  std::shared_ptr<FakePeer> backend = worker.add_idle_backend();
  FakeClient client{worker};
};

}  // namespace ingress::test
