// What a TlsPolicy says, ready for handshakes: in place of what their listener says, where it says anything.
//
// Owner: PolicyTables, and handshakes under way. Thread: any; const after load(), as ClientVerifier is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counted_ptr.h"
#include "ingress/config.h"
#include "ingress/tls_policy.h"
#include "tls/algorithms.h"
#include "tls/client_verifier.h"
#include "tls/server_name_table.h"

struct ssl_st;

namespace ingress::tls {

class HostPolicy {
 public:
  struct Loaded;
  // `held` as in ClientVerifier::load(). What is wrong comes with it, fields being those of TlsPolicy.
  static Loaded load(const TlsPolicy& value, std::chrono::system_clock::time_point now,
                     std::span<const std::shared_ptr<const ClientTrust>> held = {});

  HostPolicy(const HostPolicy&) = delete;
  HostPolicy& operator=(const HostPolicy&) = delete;

  std::string_view key() const { return value_.name; }
  static void destroy(const HostPolicy* policy) { delete policy; }
  mutable std::atomic<std::uint32_t> refs{0};

  const TlsPolicy& value() const { return value_; }
  // SHA-256 of all that it says, but not of its name and whom it is for: policies that say the same are one.
  std::string_view digest() const { return digest_; }
  // Null: those of the listener.
  const Groups* groups() const { return groups_ ? &*groups_ : nullptr; }
  bool decides_on_clients() const { return value_.client_certificates.has_value(); }
  const ClientVerifier* clients() const { return clients_.get(); }  // null: they are not asked
  // Gives `ssl` its versions and ciphers. Fails where none is left that the listener has too.
  bool apply(ssl_st& ssl) const;

 private:
  explicit HostPolicy(const TlsPolicy& value);

  TlsPolicy value_;
  std::string digest_;
  std::optional<std::uint16_t> min_version_, max_version_;
  std::optional<std::string> ciphers_;
  std::optional<Groups> groups_;
  std::shared_ptr<const ClientVerifier> clients_;
};

struct HostPolicy::Loaded {
  base::CountedPtr<const HostPolicy> policy;  // null when a problem is an error
  std::vector<Problem> problems;
};

struct PolicyRank {
  std::string_view operator()(const HostPolicy& policy) const { return policy.key(); }
};
// Of those for a name the first counts.
using PolicyTable = ServerNameTable<HostPolicy, PolicyRank>;
using HostPolicyPtr = PolicyTable::Pointer;

// Null when there is none for `host`, in lower case; a dot behind it names the same host.
const HostPolicy* find_policy(const PolicyTable& table, std::string_view host);

}  // namespace ingress::tls
