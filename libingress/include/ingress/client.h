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
  std::string body = {};
  // From send() until the head of the answer is complete, connecting included. 0 = no limit.
  std::chrono::milliseconds head_timeout{30'000};
  // Between two pieces of the answer's body. 0 = no limit.
  std::chrono::milliseconds body_idle_timeout{30'000};
};

// What comes of a request, from the loop, never from inside send(). The callee may destroy the call.
class ClientEvents {
 public:
  // Once, with the final status. Views end with the call.
  virtual void on_head(std::uint16_t status, const std::vector<ClientField>& fields) = 0;
  // A piece of the body, as it comes. The view ends with the call.
  virtual void on_body(std::string_view piece) = 0;
  // The last event: the answer is complete, or why it is not. Before on_head(): kResolveFailed,
  // kConnectFailed, kUpstreamTls, kTimeout, kBadResponse, kUpstreamReset, with Error::retry saying whether
  // the service may have seen the request; after it: kTimeout, kResponseTruncated, kBadResponse,
  // kUpstreamReset.
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
    // No on_body() until resume(); the service is slowed down.
    virtual void pause() = 0;
    virtual void resume() = 0;
  };

  // `service`: its endpoints (each connection tries them in order), TLS, protocol, timeouts and limits as of
  // a backend; health checks, balancing and circuit breakers mean nothing here. `authority` is what Host and
  // :authority say; empty: the first endpoint's address and port. Fails with kIo, or kInvalidArgument as
  // validate() and check_backend_tls() do.
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
