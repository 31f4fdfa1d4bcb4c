// The public check of what is in a certificate.
#include "ingress/certificate.h"
#include "tls/served_certificate.h"

namespace ingress {

std::vector<Problem> check_certificate(const Certificate& certificate,
                                       std::chrono::system_clock::time_point now) {
  return tls::ServedCertificate::load(certificate, now).problems;
}

}  // namespace ingress
