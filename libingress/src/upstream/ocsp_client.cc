// The public client of OCSP responders.
#include <memory>
#include <utility>

#include "ingress/ocsp.h"
#include "net/public_loop.h"
#include "net/resolver.h"
#include "upstream/ocsp_fetch.h"

namespace ingress {

OcspClient::Fetch::~Fetch() = default;

struct OcspClient::Impl {
  net::EventLoop& loop;
  ResponderAddresses allowed;
  std::unique_ptr<net::Resolver> resolver;
};

std::expected<OcspClient, Error> OcspClient::create(Loop& loop, ResponderAddresses allowed) {
  net::EventLoop& event_loop = *loop.impl().event_loop;
  auto resolver = net::Resolver::create(event_loop);
  if (!resolver) return std::unexpected(std::move(resolver.error()));
  return OcspClient(std::make_unique<Impl>(event_loop, allowed, std::move(*resolver)));
}

OcspClient::OcspClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OcspClient::OcspClient(OcspClient&&) noexcept = default;
OcspClient& OcspClient::operator=(OcspClient&&) noexcept = default;
OcspClient::~OcspClient() = default;

std::unique_ptr<OcspClient::Fetch> OcspClient::ask(const OcspQuestion& question, OnResponse on_response) {
  return std::make_unique<upstream::OcspFetch>(impl_->loop, *impl_->resolver, impl_->allowed, question,
                                               std::move(on_response));
}

}  // namespace ingress
