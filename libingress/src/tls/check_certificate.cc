// The public checks of what is in certificates.
#include "ingress/certificate.h"
#include "ingress/client_certificates.h"
#include "tls/client_verifier.h"
#include "tls/served_certificate.h"

namespace ingress {

std::vector<Problem> check_certificate(const Certificate& certificate,
                                       std::chrono::system_clock::time_point now) {
  return tls::ServedCertificate::load(certificate, now).problems;
}

std::vector<Problem> check_client_certificates(const ClientCertificates& certificates,
                                               std::chrono::system_clock::time_point now) {
  return tls::ClientVerifier::load(certificates, now).problems;
}

}  // namespace ingress
