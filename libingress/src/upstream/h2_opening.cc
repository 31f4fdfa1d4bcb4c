#include "upstream/h2_opening.h"

#include <algorithm>
#include <optional>

#include "upstream/give_back.h"
#include "upstream/h2_client_conn.h"

namespace ingress::upstream {

class H2Opening::Waiter final : public Connector::Attempt {
 public:
  Waiter(std::shared_ptr<H2Opening> opening, OnStream on_stream)
      : on_stream_(std::move(on_stream)), opening_(std::move(opening)) {
    position_ = opening_->waiters_.insert(opening_->waiters_.end(), this);
  }
  ~Waiter() override {
    if (opening_ != nullptr) opening_->leave(*this);
  }

 private:
  friend class H2Opening;
  OnStream on_stream_;
  std::shared_ptr<H2Opening> opening_;  // null once it has been told
  std::list<Waiter*>::iterator position_;
  std::unique_ptr<Connector::Attempt> own_;  // a connection for it alone, after all
};

H2Opening::H2Opening(net::EventLoop& loop, Connector& connector, const EndpointRef& endpoint,
                     const Cluster& cluster, const StreamNeeds& needs, Permit permit, Opened opened)
    : loop_(loop),
      connector_(connector),
      endpoint_(endpoint),
      protocol_(cluster.protocol),
      limits_(cluster.limits),
      http2_(cluster.http2),
      timeouts_(cluster.timeouts),
      proxy_header_(needs.proxy_header),
      permit_(std::move(permit)),
      opened_(opened) {}

H2Opening::~H2Opening() {
  unlist();
}

std::unique_ptr<Connector::Attempt> H2Opening::begin(net::EventLoop& loop, Connector& connector,
                                                     const EndpointRef& endpoint, const Cluster& cluster,
                                                     const StreamNeeds& needs, Permit permit, bool is_shared,
                                                     Opened opened, OnStream on_stream) {
  auto opening =
      std::make_shared<H2Opening>(loop, connector, endpoint, cluster, needs, std::move(permit), opened);
  opening->start(is_shared);
  return opening->join(std::move(on_stream));
}

void H2Opening::start(bool is_shared) {
  if (is_shared) endpoint_->h2.openings().push_back(this);
  attempt_ = connector_.connect(endpoint_->key,
                                {.proxy_header = proxy_header_,
                                 .tls = endpoint_->tls,
                                 .protocols = offered_protocols(protocol_, false)},
                                timeouts_.connect, [this](std::expected<net::TransportPtr, Error> transport) {
                                  on_connected(std::move(transport));
                                });
}

H2Opening* H2Opening::find(const EndpointState& endpoint, std::string_view proxy_header) {
  for (H2Opening* const opening : endpoint.h2.openings()) {
    if (opening->proxy_header_ == proxy_header && opening->waiters_.size() < opening->max_waiters())
      return opening;
  }
  return nullptr;
}

std::uint32_t H2Opening::max_waiters() const {
  const std::uint32_t max_streams = endpoint_->h2.max_streams_at_first(http2_);
  const std::uint32_t max_requests = limits_.max_requests_per_connection;
  return max_requests == 0 ? max_streams : std::min(max_streams, max_requests);
}

std::unique_ptr<Connector::Attempt> H2Opening::join(OnStream on_stream) {
  return std::make_unique<Waiter>(shared_from_this(), std::move(on_stream));
}

// The last one takes its count along, and with it this object: after the return.
void H2Opening::leave(Waiter& waiter) {
  waiters_.erase(waiter.position_);
}

void H2Opening::unlist() {
  std::erase(endpoint_->h2.openings(), this);
}

// Taken out of the line: nobody can leave any more but by being told.
OnStream H2Opening::pop() {
  Waiter& waiter = *waiters_.front();
  waiters_.pop_front();
  waiter.opening_.reset();
  return std::move(waiter.on_stream_);
}

void H2Opening::on_connected(std::expected<net::TransportPtr, Error> transport) {
  const std::shared_ptr<H2Opening> self = shared_from_this();  // those that are told let go of it
  attempt_.reset();
  unlist();
  if (!transport) return fail_all(transport.error());
  const net::SecureSession* const secure = (*transport)->secure();
  const bool is_http2 = secure == nullptr || secure->protocol() == "h2";
  if (secure != nullptr) endpoint_->h2.is_spoken = is_http2;
  if (!is_http2) return serve_http1(std::move(*transport));
  auto* const conn = new H2ClientConn(loop_, std::move(*transport), limits_, http2_,
                                      endpoint_->h2.max_streams_at_first(http2_), opened_);
  conn->set_proxy_header(proxy_header_);
  conn->adopt_permit(std::move(permit_));
  endpoint_->h2.add(*conn);
  // Begun before its cluster had limits, it is counted by nobody: these requests are its last.
  const bool is_uncounted = endpoint_->gate != nullptr && !conn->has_permit();
  serve_all(*conn);
  if (endpoint_->is_retired || is_uncounted) return conn->retire();
  if (endpoint_->gate != nullptr) share_room(loop_, endpoint_, limits_, timeouts_);
}

void H2Opening::serve_all(H2ClientConn& conn) {
  while (!waiters_.empty()) {
    ClientStreamPtr stream = conn.open_stream();
    if (!stream) break;
    pop()(std::move(stream));
  }
  turn_away();
}

// Nothing is wrong with the endpoint: they look for another connection.
void H2Opening::turn_away() {
  fail_all({ErrorCode::kStaleConnection, ErrorSide::kUpstream, RetrySafety::kSafe, "no_room", {}});
}

// The first takes the connection; the others had hoped for more, and get one each.
void H2Opening::serve_http1(net::TransportPtr transport) {
  if (protocol_ == BackendProtocol::kHttp2) {
    transport->close();
    return fail_all({ErrorCode::kUpstreamTls, ErrorSide::kUpstream, RetrySafety::kNotSafe, "no_http2", {}});
  }
  const bool is_counted = static_cast<bool>(permit_);  // then one connection is all that may be opened
  while (!is_counted && waiters_.size() > 1) {
    Waiter& waiter = *waiters_.back();
    waiters_.pop_back();
    waiter.opening_.reset();
    waiter.own_ =
        connector_.connect(endpoint_->key,
                           {.proxy_header = proxy_header_,
                            .tls = endpoint_->tls,
                            .protocols = offered_protocols(BackendProtocol::kHttp1, false)},
                           timeouts_.connect,
                           [on_stream = std::move(waiter.on_stream_), &loop = loop_, limits = limits_,
                            header = proxy_header_](std::expected<net::TransportPtr, Error> own) mutable {
                             if (!own) return on_stream(std::unexpected(std::move(own.error())));
                             ClientConnPtr conn(new H1ClientConn(loop, std::move(*own), limits));
                             conn->set_proxy_header(std::move(header));
                             on_stream(std::move(conn));
                           });
  }
  ClientConnPtr conn(new H1ClientConn(loop_, std::move(transport), limits_, opened_));
  conn->set_proxy_header(proxy_header_);
  conn->adopt_permit(std::move(permit_));
  if (!waiters_.empty()) pop()(std::move(conn));
  turn_away();
}

void H2Opening::fail_all(const Error& error) {
  while (!waiters_.empty()) pop()(std::unexpected(error));
}

}  // namespace ingress::upstream
