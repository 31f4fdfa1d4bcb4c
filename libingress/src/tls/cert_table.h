// Which certificates answer which server name: part of a Snapshot, found by hash.
//
// A name is looked up exactly, then as a wildcard of one label (RFC 6125 6.4.3), as routing does it. All
// certificates of a name are offered, those with ECDSA keys first; the handshake takes the first that the
// client can use.
// Owner: a Snapshot, and handshakes under way. Thread: any, without locks: nothing in here changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counted_ptr.h"
#include "base/persistent_map.h"
#include "tls/served_certificate.h"

namespace ingress::tls {

using ServedCertificatePtr = base::CountedPtr<const ServedCertificate>;

// Those of one server name; never empty.
struct CertificatesOfName {
  std::string name;  // of a wildcard without "*."
  std::vector<ServedCertificatePtr> certificates;

  std::string_view key() const { return name; }
  static void destroy(const CertificatesOfName* entry) { delete entry; }
  mutable std::atomic<std::uint32_t> refs{0};
};

class CertTable {
 public:
  // Those for `server_name`, in lower case; none when there is no such name.
  std::span<const ServedCertificatePtr> find(std::string_view server_name) const;
  // By Certificate::name; null when there is none.
  const ServedCertificate* find_named(std::string_view name) const { return by_name_.find(name); }
  std::size_t size() const { return by_name_.size(); }
  // visit(const ServedCertificate&) for each, in no stated order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    by_name_.for_each(visit);
  }
  class Builder;

 private:
  base::PersistentMap<ServedCertificate> by_name_;
  base::PersistentMap<CertificatesOfName> exact_;
  base::PersistentMap<CertificatesOfName> wildcards_;
};

// Many changes at once. The table it started from never changes.
// Owner and thread: its maker's. Cost: what changes.
class CertTable::Builder {
 public:
  explicit Builder(const CertTable& base)
      : by_name_(base.by_name_), exact_(base.exact_), wildcards_(base.wildcards_) {}
  // Replaces the one of the same name.
  void put(ServedCertificatePtr certificate);
  void remove(std::string_view name);
  CertTable take();

 private:
  using Names = base::PersistentMap<CertificatesOfName>::Builder;
  void change_name(const std::string& server_name, const ServedCertificate* without,
                   const ServedCertificatePtr& with);

  base::PersistentMap<ServedCertificate>::Builder by_name_;
  Names exact_;
  Names wildcards_;
};

}  // namespace ingress::tls
