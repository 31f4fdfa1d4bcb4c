// One request of a Client and its answer: a stream for it, once more where a kept connection cannot have
// delivered it, and what comes of it told to the application.
//
// Owner: the application; destroying it gives the request up. Thread: the loop's.
// Always true: each event of the application is the last thing that a callback does, since it may destroy the
// call, the service and other calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingress/client.h"
#include "net/timer_wheel.h"
#include "upstream/client_stream.h"
#include "upstream/connector.h"
#include "upstream/http_client.h"
#include "upstream/upstream_stream.h"

namespace ingress::upstream {

class HttpCall final : public Client::Call, private UpstreamEvents {
 public:
  HttpCall(HttpService& service, ClientRequest request, ClientEvents& events);
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;
  ~HttpCall() override;

  void pause() override;
  void resume() override;
  // Gives the request up, and tells nobody; the service may go.
  void abandon();

 private:
  // Streams that were given up because the service cannot have looked at the request.
  static constexpr std::uint32_t kMaxTries = 10;
  enum class State : std::uint8_t { kBeforeHead, kBody, kOver };

  void seek_stream();
  void open(std::size_t index);
  void on_stream(std::size_t index, std::expected<ClientStreamPtr, Error> stream);
  void send(ClientStreamPtr stream);
  void try_again(Error error);
  void on_timer();
  void drop_stream();
  // Calls `then` from the loop, unless the call is over or gone by then.
  void defer(void (HttpCall::*then)());
  bool is_holding() const;
  void tell_held();
  void go_on();
  void expect_body();
  // Last: the callee may destroy `this`.
  void finish(std::expected<void, Error> outcome);

  void on_response_interim(ResponseHead&) override {}
  void on_response_head(ResponseHead& head, http::BodyFraming framing) override;
  void on_response_body(base::Chain&& piece) override;
  void on_response_end(const Headers& trailers) override;
  void on_response_read_done() override {}
  void on_upstream_drained() override {}
  void on_upstream_failed(Error error) override;

  HttpService* service_;  // null: abandoned
  ClientRequest request_;
  ClientEvents* events_;
  State state_ = State::kBeforeHead;
  bool is_paused_ = false;
  std::uint32_t num_tries_ = 0;
  std::size_t num_refused_ = 0;  // endpoints that could not be connected to, in a row
  std::unique_ptr<Connector::Attempt> attempt_;
  ClientStreamPtr stream_;
  EndpointRef endpoint_;  // of stream_
  // While paused, and until the call after resume():
  std::string held_;
  std::optional<std::expected<void, Error>> held_outcome_;
  net::Timer timer_{[](void* self) { static_cast<HttpCall*>(self)->on_timer(); }, this};
  std::shared_ptr<HttpCall*> self_;  // for what is deferred; points to null once the call is gone
};

}  // namespace ingress::upstream
