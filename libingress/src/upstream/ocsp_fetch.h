// One question to an OCSP responder: its address resolved and judged, a connection, POST, the answer's body
// (RFC 6960 A.1).
//
// Owner: whoever asks; destroying it gives the question up. Thread: the loop's.
// Always true: the callback comes once, from the loop, never from inside the constructor, and may destroy the
// fetch.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "ingress/error.h"
#include "ingress/ocsp.h"
#include "net/loop.h"
#include "net/resolver.h"

namespace ingress::upstream {

struct ResponderUrl {
  std::string host;       // lower case, an address without brackets
  std::string authority;  // as the Host field has it
  std::uint16_t port = 80;
  std::string path, query;
  bool has_query = false;
};
// Of an http URL. kInvalidArgument for one of another scheme, with user information or a fragment, and for
// ports below 1024 but 80: no responder needs them, and other protocols live there.
std::expected<ResponderUrl, Error> parse_responder_url(std::string_view url);

class OcspFetch final : public OcspClient::Fetch {
 public:
  static constexpr std::chrono::milliseconds kTimeLimit{10'000};  // for all of it

  // `resolver` outlives it.
  OcspFetch(net::EventLoop& loop, net::Resolver& resolver, ResponderAddresses allowed,
            const OcspQuestion& question, OcspClient::OnResponse on_response,
            std::chrono::milliseconds time_limit = kTimeLimit);
  OcspFetch(const OcspFetch&) = delete;
  OcspFetch& operator=(const OcspFetch&) = delete;
  ~OcspFetch() override;

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ingress::upstream
