// Many calls of the public client at once: who shares a connection, what the service leaves out, who is
// destroyed when.
#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "upstream/http_client_fixture.h"

namespace ingress::test {
namespace {

TEST_CASE("AnythingMayBeDestroyedInsideAnyEvent") {
  Backend http1([&](Socket& socket) {
    while (!socket.read_message().empty()) {
      socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    }
  });
  Backend http2([&](Socket& socket) {
    H2Peer peer(socket);
    while (const std::uint32_t stream = peer.next_request()) {
      socket.send(h2_response(stream, "200", {}, kEndHeaders) + h2_frame(kData, 0, stream, "a") +
                  h2_frame(kData, kEndStream, stream, "b"));
    }
  });
  Backend bad([&](Socket& socket) {
    socket.read_message();
    socket.send("nonsense\r\n\r\n");
  });
  struct Row {
    std::uint16_t port;
    BackendProtocol protocol;
  };
  for (const Row& row :
       {Row{http1.port(), BackendProtocol::kHttp1}, Row{http2.port(), BackendProtocol::kHttp2},
        Row{bad.port(), BackendProtocol::kHttp1}}) {
    for (const int event : {0, 1, 2}) {
      for (const bool is_client : {false, true}) {
        CAPTURE(event);
        CAPTURE(is_client);
        ClientBench bench(service_at(row.port, row.protocol));
        Answer& first = bench.ask();
        Answer& second = bench.ask();
        bool is_done = false;
        const auto destroy = [&] {
          is_done = true;
          if (is_client) {
            bench.client.reset();
          } else {
            first.call.reset();
            second.call.reset();
          }
        };
        if (row.port == bad.port() && event != 2) continue;
        for (Answer* answer : {&first, &second}) {
          (event == 0 ? answer->at_head : event == 1 ? answer->at_body : answer->at_end) = destroy;
        }
        bench.run_until([&] { return is_done; });
        const std::string before = first.text + second.text;
        if (is_client) {
          first.call->pause();
          first.call->resume();
        }
        bench.turns();
        CHECK(first.text + second.text == before);
      }
    }
  }
}

TEST_CASE("AHundredCallsAtOnceAreAllAnswered") {
  Counting counting;
  std::atomic<int> num_refused = 0;
  Backend http2([&](Socket& socket) {
    H2Peer peer(socket, 10);
    while (const std::uint32_t stream = peer.next_request()) {
      // More than it allows, which the client could not know when it sent the first hundred.
      if (stream > 19 && stream <= 199 && num_refused < 90) {
        ++num_refused;
        socket.send(h2_frame(kRstStream, 0, stream, h2_number(7)));  // REFUSED_STREAM
        continue;
      }
      peer.answer(stream, "x");
    }
  });
  struct Row {
    std::uint16_t port;
    BackendProtocol protocol;
  };
  for (const Row& row :
       {Row{counting.backend.port(), BackendProtocol::kHttp1}, Row{http2.port(), BackendProtocol::kHttp2}}) {
    ClientBench bench(service_at(row.port, row.protocol));
    for (int i = 0; i < 100; ++i) bench.ask();
    for (const auto& answer : bench.answers) {
      bench.run_until([&] { return answer->is_over; });
      CHECK(answer->text.ends_with("|end"));
    }
  }
  CHECK(num_refused == 90);
}

TEST_CASE("AGoawayMovesWhatItLeavesOutAndLetsTheRestEnd") {
  std::atomic<int> num_connections = 0;
  std::promise<void> moved;
  std::shared_future<void> was_moved(moved.get_future());
  Backend backend([&](Socket& socket) {
    H2Peer peer(socket);
    if (++num_connections == 1) {
      const std::uint32_t watch = peer.next_request();
      socket.send(h2_response(watch, "200", {}, kEndHeaders) + h2_frame(kData, 0, watch, "a"));
      peer.next_request();
      socket.send(h2_frame(kGoaway, 0, 0, h2_number(watch) + h2_number(0)));
      was_moved.wait();
      socket.send(h2_frame(kData, kEndStream, watch, "b"));
    }
    while (const std::uint32_t stream = peer.next_request()) peer.answer(stream, "moved");
  });
  ClientBench bench(service_at(backend.port(), BackendProtocol::kHttp2));
  Answer& watch = bench.ask();
  bench.run_until([&] { return watch.text == "200+a"; });
  Answer& other = bench.get({.method = "POST", .body = "x"});
  CHECK(other.text == "200+moved|end");
  CHECK(num_connections == 2);
  moved.set_value();
  bench.run_until([&] { return watch.is_over; });
  CHECK(watch.text == "200+ab|end");
}

TEST_CASE("AServiceThatLeavesOutEveryRequestIsGivenUp") {
  std::atomic<int> num_connections = 0;
  Backend backend([&](Socket& socket) {
    ++num_connections;
    H2Peer peer(socket);
    while (peer.next_request() != 0) socket.send(h2_frame(kGoaway, 0, 0, h2_number(0) + h2_number(0)));
  });
  ClientBench bench(service_at(backend.port(), BackendProtocol::kHttp2));
  Answer& answer = bench.get();
  CHECK(answer.text == "failed upstream_reset");
  CHECK(answer.error->retry == RetrySafety::kSafe);
  CHECK(num_connections == 10);
}

TEST_CASE("AStreamThatIsGivenUpIsResetAndTheOthersGoOn") {
  std::promise<int> resets;
  Backend backend([&](Socket& socket) {
    H2Peer peer(socket);
    const std::uint32_t watch = peer.next_request();
    socket.send(h2_response(watch, "200", {}, kEndHeaders) + h2_frame(kData, 0, watch, "a"));
    const std::uint32_t other = peer.next_request();
    peer.answer(other, "x");
    resets.set_value(peer.num_resets);
    socket.read_to_end();
  });
  ClientBench bench(service_at(backend.port(), BackendProtocol::kHttp2));
  Answer& watch = bench.ask();
  bench.run_until([&] { return watch.text == "200+a"; });
  watch.call.reset();
  CHECK(bench.get().text == "200+x|end");
  CHECK(resets.get_future().get() == 1);
}

}  // namespace
}  // namespace ingress::test
