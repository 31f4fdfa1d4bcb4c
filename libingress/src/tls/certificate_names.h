// The hosts that a certificate proves: all that a connection keeps of the one it was shown.
//
// Thread: any; const after construction. Cost of a question: two searches, whatever the certificate holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ingress::tls {

class CertificateNames {
 public:
  // The DNS names of a subjectAltName, wildcards ("*.a.b") among them, in any case.
  explicit CertificateNames(std::vector<std::string> dns_names);
  // Whether `host` is proven (RFC 6125 6.4), a wildcard standing for the whole first label. `host` is in
  // lower case and may end with a dot; a wildcard is proven by the same wildcard.
  bool cover(std::string_view host) const;

 private:
  // Sorted, lower case; of wildcards what follows the asterisk.
  std::vector<std::string> exact_, wildcards_;
};

}  // namespace ingress::tls
