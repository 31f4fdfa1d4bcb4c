#include "upstream/ocsp_fetch.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/address_class.h"
#include "base/text.h"
#include "http/uri.h"
#include "ingress/cluster.h"
#include "net/happy_eyeballs.h"
#include "net/tcp.h"
#include "upstream/h1_client_conn.h"

namespace ingress::upstream {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::uint16_t kHttpPort = 80, kFirstFreePort = 1024;

Error refuse(const char* what) {
  return {.code = ErrorCode::kInvalidArgument, .what = what, .detail = {}};
}

Error fail(ErrorCode code, const char* what, std::string detail = {}) {
  return {.code = code, .side = ErrorSide::kUpstream, .what = what, .detail = std::move(detail)};
}

}  // namespace

std::expected<ResponderUrl, Error> parse_responder_url(std::string_view url) {
  const bool is_visible = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_visible || url.find('#') != url.npos) return std::unexpected(refuse("the responder's URL is none"));
  if (!base::equals_ignore_case(url.substr(0, kScheme.size()), kScheme))
    return std::unexpected(refuse("the responder's URL is not one of http"));
  url.remove_prefix(kScheme.size());
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  const auto authority = http::parse_authority(url.substr(0, end));
  if (!authority) return std::unexpected(refuse("the responder's URL has no host that can be asked"));
  ResponderUrl out{.host = base::to_lower_ascii(authority->host), .authority = {}, .path = {}, .query = {}};
  out.authority = base::to_lower_ascii(url.substr(0, end));
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  if (!base::is_ip_address(out.host) && !base::is_dns_name(out.host))
    return std::unexpected(refuse("the responder's URL has no host that can be asked"));
  if (authority->port != 0) out.port = authority->port;
  if (out.port != kHttpPort && out.port < kFirstFreePort)
    return std::unexpected(refuse("the responder's port is neither 80 nor one from 1024 on"));
  url.remove_prefix(end);
  const std::size_t mark = url.find('?');
  out.path = url.substr(0, mark);
  if (out.path.empty()) out.path = "/";
  out.has_query = mark != url.npos;
  if (out.has_query) out.query = url.substr(mark + 1);
  return out;
}

// What callbacks of the resolver and of the loop may outlive.
class OcspFetch::Shared final : private UpstreamEvents, public std::enable_shared_from_this<Shared> {
 public:
  Shared(net::EventLoop& loop, net::Resolver& resolver, ResponderAddresses allowed,
         const OcspQuestion& question, OcspClient::OnResponse on_response)
      : loop_(loop),
        resolver_(resolver),
        allowed_(allowed),
        question_(question),
        on_response_(std::move(on_response)) {}

  void start(std::chrono::milliseconds time_limit) {
    deadline_.set(loop_.timers(), time_limit);
    // Deferred: neither a bad URL nor an answer that the resolver knows may call back from inside ask().
    loop_.defer([weak = weak_from_this()] {
      if (const auto shared = weak.lock()) shared->resolve();
    });
  }

 private:
  void resolve() {
    auto url = parse_responder_url(question_.url);
    if (!url) return finish(std::unexpected(std::move(url.error())));
    url_ = std::move(*url);
    resolver_.resolve(url_.host,
                      [weak = weak_from_this()](std::expected<std::vector<std::string>, Error> addresses) {
                        if (const auto shared = weak.lock()) shared->on_resolved(std::move(addresses));
                      });
  }

  // Looked at after the resolution, and connected to as they are: a name that changes its mind gains nothing.
  void on_resolved(std::expected<std::vector<std::string>, Error> addresses) {
    if (!addresses) return finish(std::unexpected(std::move(addresses.error())));
    if (allowed_ == ResponderAddresses::kPublic)
      std::erase_if(*addresses, [](const std::string& text) { return !base::is_public_address(text); });
    if (addresses->empty())
      return finish(
          std::unexpected(fail(ErrorCode::kAddressRefused,
                               "the responder's address is not one of the public internet", url_.host)));
    race_.emplace(
        loop_.timers(), std::move(*addresses),
        [this](const std::string& address, net::OnConnect on_connect) {
          return net::connect(loop_, address, url_.port, kTimeLimit, std::move(on_connect));
        },
        [this](std::expected<net::TransportPtr, Error> transport) { on_connected(std::move(transport)); });
  }

  void on_connected(std::expected<net::TransportPtr, Error> transport) {
    if (!transport) return finish(std::unexpected(std::move(transport.error())));
    conn_ = ClientConnPtr(new H1ClientConn(loop_, std::move(*transport), limits_));
    RequestHead head;
    head.set_method_view("POST");
    head.set_target_view(url_.path, url_.query, url_.has_query);
    head.set_authority_view(url_.authority, 0, url_.authority);
    head.headers().add("Content-Type", "application/ocsp-request");
    head.headers().add("Accept", "application/ocsp-response");
    conn_->begin(*this, "POST", limits_);
    conn_->send_head(head, {http::BodyKind::kLength, question_.request.size()});
    base::Chain body;
    body.append_copy(question_.request, loop_.buffers());
    conn_->send_body(std::move(body));
    conn_->send_end({});
    conn_->flush();
  }

  void on_response_interim(ResponseHead&) override {}
  void on_response_head(ResponseHead& head, http::BodyFraming framing) override {
    if (head.status() != 200)
      return finish(std::unexpected(
          fail(ErrorCode::kBadResponse, "the responder's status is not 200", std::to_string(head.status()))));
    if (framing.kind == http::BodyKind::kLength && framing.length > kMaxOcspResponseBytes) finish_too_large();
  }
  void on_response_body(base::Chain&& piece) override {
    if (body_.size() + piece.size_bytes() > kMaxOcspResponseBytes) return finish_too_large();
    while (!piece.is_empty()) {
      const base::Slice slice = piece.take_front();
      body_ += slice.view();
    }
  }
  void on_response_end(const Headers&) override { finish(std::move(body_)); }
  void on_response_read_done() override {}
  void on_upstream_drained() override {}
  void on_upstream_failed(Error error) override { finish(std::unexpected(std::move(error))); }

  void finish_too_large() {
    finish(std::unexpected(fail(ErrorCode::kTooLarge, "the responder's answer is too long")));
  }
  void on_deadline() {
    finish(std::unexpected(fail(ErrorCode::kTimeout, "the responder has not answered in time")));
  }
  // Last: the callee may destroy the fetch and with it `this`.
  void finish(std::expected<std::string, Error> result) {
    deadline_.cancel();
    conn_.reset();
    if (on_response_) std::exchange(on_response_, nullptr)(std::move(result));
  }

  net::EventLoop& loop_;
  net::Resolver& resolver_;
  ResponderAddresses allowed_;
  OcspQuestion question_;
  ResponderUrl url_;
  OcspClient::OnResponse on_response_;
  ClusterLimits limits_;
  std::string body_;
  net::Timer deadline_{[](void* self) { static_cast<Shared*>(self)->on_deadline(); }, this};
  std::optional<net::ConnectRace> race_;
  ClientConnPtr conn_;
};

OcspFetch::OcspFetch(net::EventLoop& loop, net::Resolver& resolver, ResponderAddresses allowed,
                     const OcspQuestion& question, OcspClient::OnResponse on_response,
                     std::chrono::milliseconds time_limit)
    : shared_(std::make_shared<Shared>(loop, resolver, allowed, question, std::move(on_response))) {
  shared_->start(time_limit);
}

OcspFetch::~OcspFetch() = default;

}  // namespace ingress::upstream
