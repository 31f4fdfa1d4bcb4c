// A client of HTTP for a daemon or controller: requests to one service, over connections of its own on a
// Loop. It is what proxying uses towards backends: HTTP/1.1 and HTTP/2, TLS, kept connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/cluster.h"
#include "ingress/error.h"
#include "ingress/export.h"
#include "ingress/loop.h"

namespace ingress {

struct ClientField {
  std::string name, value;
  friend bool operator==(const ClientField&, const ClientField&) = default;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";              // path and query, as they are to be sent
  std::vector<ClientField> fields = {};  // without Host, Content-Length and those of the connection
  std::string body = {};                 // sent with its length; empty: none
  // From send() until the head of the answer is complete, connecting included. 0 = no limit.
  std::chrono::milliseconds head_timeout{30'000};
  // Between two pieces of the answer's body; time in which the call is paused does not count. 0 = no limit.
  std::chrono::milliseconds body_idle_timeout{30'000};
};

// What comes of a request, from the loop, never from inside send() or a call of the Call. The callee may send
// others, and destroy any call and the Client.
class ClientEvents {
 public:
  // Once, with the final status; 101 never comes. Names are as the service has written them, with HTTP/2 in
  // lower case; more than the service's limits allow is kBadResponse. The reference ends with the call.
  virtual void on_head(std::uint16_t status, const std::vector<ClientField>& fields) = 0;
  // A piece of the body, as it comes. The view ends with the call.
  virtual void on_body(std::string_view piece) = 0;
  // The last event: the answer is complete (what follows the body, trailers, is not told), or why it is not.
  // Before on_head(): kInvalidArgument for a request that cannot be written, kResolveFailed, kConnectFailed,
  // kUpstreamTls, kTimeout, kBadResponse, kUpstreamReset, kIo (we have no descriptor left, say), with
  // Error::retry saying whether the service may have seen the request; after it: kTimeout,
  // kResponseTruncated, kBadResponse, kUpstreamReset.
  virtual void on_end(std::expected<void, Error> outcome) = 0;

 protected:
  ~ClientEvents() = default;
};

// Owner: the application. Thread: the loop's, of which it is destroyed before the loop.
// Always true: no redirect is followed, no cookie kept, nothing is sent twice without being asked, except
// what a kept connection cannot have delivered (RetrySafety::kSafe).
class INGRESS_EXPORT Client {
 public:
  // One request under way; destroying it gives the request up: a stream is reset, a connection closed.
  class INGRESS_EXPORT Call {
   public:
    virtual ~Call();
    // No on_body() and no on_end() until resume(); the service is slowed down. What is on its way already is
    // kept: HTTP/2's window (BackendHttp2), or what one read has brought.
    virtual void pause() = 0;
    virtual void resume() = 0;
  };

  // `service`: its endpoints, one at least, of which each new connection tries one after the other, from the
  // one that worked last on; TLS, protocol and limits as of a backend; of its timeouts those of connections:
  // `connect` (for one endpoint), `idle_connection`, `max_connection_duration`. The rest means nothing here.
  // Addresses may be local ones. `authority` is what Host and :authority say; empty: the first endpoint's
  // address and port. Fails with kIo, or kInvalidArgument as validate() and check_backend_tls() do.
  static std::expected<Client, Error> create(Loop& loop, Cluster service, std::string authority = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();  // gives up what is under way: no event comes any more

  // `events` outlives the call.
  [[nodiscard]] std::unique_ptr<Call> send(ClientRequest request, ClientEvents& events);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress
