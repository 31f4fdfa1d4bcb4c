// Requests by HTTP/2 to a backend that the test plays, frame by frame.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/net_fixture.h"
#include "support/fake_connector.h"
#include "support/h2_frames.h"
#include "upstream/give_back.h"
#include "upstream/open_stream.h"

namespace ingress::test {

using namespace ingress::upstream;

// One request, and what it was told: "200+5body|end", "failed upstream_reset".
class H2Request final : public UpstreamEvents {
 public:
  explicit H2Request(net::EventLoop& loop) : loop_(loop) {}
  void send(ClientStreamPtr on, http::BodyFraming framing = {}) {
    stream = std::move(on);
    RequestHead head;
    head.set_method_view(method);
    head.set_target_view("/", {}, false);
    head.set_authority("x", 0, "x");
    head.note_checked();
    stream->begin(*this, method, {});
    stream->send_head(head, framing);
    if (framing.kind == http::BodyKind::kNone) stream->send_end({});
    stream->flush();
  }
  void send_body(std::string_view bytes) {
    base::Chain piece;
    piece.append(loop_.buffers().copy(bytes));
    stream->send_body(std::move(piece));
    stream->flush();
  }

  void on_response_interim(ResponseHead& head) override { text += "(" + std::to_string(head.status()) + ")"; }
  void on_response_head(ResponseHead& head, http::BodyFraming) override {
    text += std::to_string(head.status()) + "+";
  }
  void on_response_body(base::Chain&& piece) override {
    text += piece.to_string();
    piece.clear();
  }
  void on_response_end(const Headers&) override { text += "|end"; }
  void on_response_read_done() override { ++num_reads; }
  void on_upstream_drained() override { ++num_drained; }
  void on_upstream_failed(Error failed) override {
    error = failed;
    text += "failed " + std::string(to_string(failed.code)) + " " + failed.what;
    if (drops_at_failure) stream.reset();
  }

  std::string method = "GET";
  std::string text;
  std::optional<Error> error;
  int num_reads = 0, num_drained = 0;
  bool drops_at_failure = false;
  ClientStreamPtr stream;

 private:
  net::EventLoop& loop_;
};

struct H2Bench {
  LoopFixture fixture;
  FakeConnector connector{fixture.loop()};
  Cluster cluster{.name = "a", .endpoints = {{"10.0.0.1", 80}}, .protocol = BackendProtocol::kHttp2};
  EndpointRef endpoint{new EndpointState({"10.0.0.1", 80})};
  std::vector<std::unique_ptr<Connector::Attempt>> attempts;
  std::vector<std::unique_ptr<H2Request>> requests;

  ~H2Bench() {
    requests.clear();
    attempts.clear();
    endpoint->h2.clear();
    turns();
  }
  void turns() { fixture.run_turns(); }
  // A request on a kept connection, or on one that is opened for it or joined.
  H2Request& ask(http::BodyFraming framing = {}) {
    H2Request& request = *requests.emplace_back(std::make_unique<H2Request>(fixture.loop()));
    if (ClientStreamPtr kept = take_kept(*endpoint, cluster, {})) {
      request.send(std::move(kept), framing);
      return request;
    }
    attempts.push_back(open_stream(fixture.loop(), connector, endpoint, cluster, {}, {},
                                   [&request, framing](std::expected<ClientStreamPtr, Error> stream) {
                                     if (stream) return request.send(std::move(*stream), framing);
                                     request.on_upstream_failed(std::move(stream.error()));
                                   }));
    return request;
  }
  std::shared_ptr<FakePeer> accept() {
    std::shared_ptr<FakePeer> peer = connector.accept();
    turns();
    return peer;
  }
  // An open connection whose SETTINGS have come, nothing on it.
  std::shared_ptr<FakePeer> open(std::uint32_t max_streams = 100) {
    H2Request& first = ask();
    std::shared_ptr<FakePeer> peer = accept();
    peer->send(h2_setting(3, max_streams) + h2_response(1, "200"));
    turns();
    give_back(first);
    static_cast<void>(peer->take_received());
    return peer;
  }
  void give_back(H2Request& request) {
    upstream::give_back(fixture.loop(), endpoint, std::move(request.stream), cluster.limits,
                        cluster.timeouts);
    turns();
  }
  // Numbers of the streams that were begun since this was asked last.
  static std::string begun(FakePeer& peer) {
    std::string text = peer.take_received(), out;
    if (text.starts_with(kH2Preface)) text.erase(0, kH2Preface.size());
    for (const H2Frame& frame : h2_frames(text))
      if (frame.type == kHeaders) out += std::to_string(frame.stream) + " ";
    return out;
  }
  static std::string resets(FakePeer& peer) {
    std::string out;
    for (const H2Frame& frame : h2_frames(peer.take_received()))
      if (frame.type == kRstStream)
        out += std::to_string(frame.stream) + ":" + std::to_string(h2_number_of(frame.payload)) + " ";
    return out;
  }
};

}  // namespace ingress::test
