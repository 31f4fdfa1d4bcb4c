// A connection that is being opened and that several requests wait for: HTTP/2 has room for all of them.
//
// For: open_stream(). Owner: counted, by those that wait; when the last one leaves, the attempt is given up.
// Thread: its worker's. Always true: all that wait are told once, those that came first before others.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "ingress/cluster.h"
#include "net/loop.h"
#include "upstream/connector.h"
#include "upstream/endpoint_state.h"
#include "upstream/open_stream.h"

namespace ingress::upstream {

class H2Opening : public std::enable_shared_from_this<H2Opening> {
 public:
  // `is_shared`: others may join(), as HTTP/2 is what the backend will speak.
  static std::unique_ptr<Connector::Attempt> begin(net::EventLoop& loop, Connector& connector,
                                                   const EndpointRef& endpoint, const Cluster& cluster,
                                                   const StreamNeeds& needs, Permit permit, bool is_shared,
                                                   Opened opened, OnStream on_stream);
  // Null when there is none with room and this PROXY header.
  static H2Opening* find(const EndpointState& endpoint, std::string_view proxy_header);
  std::unique_ptr<Connector::Attempt> join(OnStream on_stream);

  H2Opening(net::EventLoop& loop, Connector& connector, const EndpointRef& endpoint, const Cluster& cluster,
            const StreamNeeds& needs, Permit permit, Opened opened);
  H2Opening(const H2Opening&) = delete;
  H2Opening& operator=(const H2Opening&) = delete;
  ~H2Opening();

 private:
  class Waiter;

  void start(bool is_shared);
  void leave(Waiter& waiter);
  void unlist();
  void on_connected(std::expected<net::TransportPtr, Error> transport);
  void serve_all(H2ClientConn& conn);
  void turn_away();
  std::uint32_t max_waiters() const;
  void serve_http1(net::TransportPtr transport);
  void fail_all(const Error& error);
  OnStream pop();

  net::EventLoop& loop_;
  Connector& connector_;
  EndpointRef endpoint_;
  const BackendProtocol protocol_;
  const ClusterLimits limits_;
  const BackendHttp2 http2_;
  const ClusterTimeouts timeouts_;
  std::string proxy_header_;
  Permit permit_;
  const Opened opened_;
  std::list<Waiter*> waiters_;
  std::unique_ptr<Connector::Attempt> attempt_;
};

}  // namespace ingress::upstream
