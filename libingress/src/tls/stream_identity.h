// What both ends of a Stream with TLS are made by: a StreamIdentity, read once.
//
// Owner: shared by what opens or accepts and by the streams themselves. Thread: one loop's.
#pragma once

#include <expected>
#include <memory>

#include "ingress/error.h"
#include "ingress/stream.h"
#include "tls/tls_transport.h"

namespace ingress::tls {

struct StreamClientSide {
  ClientContextPtr context;
  ClientTlsCounters counters;  // outlives the transports
};
struct StreamServerSide {
  std::shared_ptr<const ServerContext> context;
  std::shared_ptr<const CertTable> certificates;
  TlsCounters counters;  // likewise
};

// kInvalidArgument, saying what is wrong with it.
std::expected<std::shared_ptr<StreamClientSide>, Error> make_client_side(const StreamIdentity& identity);
std::expected<std::shared_ptr<StreamServerSide>, Error> make_server_side(const StreamIdentity& identity);

}  // namespace ingress::tls
