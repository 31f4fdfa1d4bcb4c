// The fields of client certificates; see config/fields.h.
#pragma once

#include <array>
#include <string_view>

#include "config/fields_common.h"
#include "ingress/client_certificates.h"

namespace ingress::config {

constexpr std::array<EnumInfo<ClientCertificateMode>, 5> enum_table(ClientCertificateMode) {
  return {
      {{ClientCertificateMode::kRequire, "require", "a handshake without a certificate that verifies fails"},
       {ClientCertificateMode::kOptional, "optional",
        "clients may have none; one that is sent has to verify, or the handshake fails"},
       {ClientCertificateMode::kRefuse, "refuse", "every handshake fails"},
       {ClientCertificateMode::kOptionalUnverified, "optional_unverified",
        "clients may have none, and come in with any: `verified` tells backends, which decide"},
       {ClientCertificateMode::kOff, "off",
        "clients are not asked: of a TLS policy whose server names are on listeners that ask"}}};
}
constexpr std::array<EnumInfo<ClientNameType>, 5> enum_table(ClientNameType) {
  return {{{ClientNameType::kDns, "dns", "of the subjectAltName; in any case, a wildcard is text"},
           {ClientNameType::kUri, "uri", "of the subjectAltName"},
           {ClientNameType::kEmail, "email", "of the subjectAltName"},
           {ClientNameType::kIp, "ip", "of the subjectAltName"},
           {ClientNameType::kCommonName, "common_name", "of the subject, if it has exactly one"}}};
}

constexpr TypeInfo type_info(const ClientNameMatch*) {
  return {"client_name_match", "A name of a client's certificate"};
}
template <class V>
void describe(V&& visit, const ClientNameMatch*) {
  visit({"type", "which names"}, &ClientNameMatch::type);
  visit({"value", "a regular expression has at most 1024 bytes", Presence::kRequired, 1, 2048},
        &ClientNameMatch::value);
  visit({"match", "how it is compared"}, &ClientNameMatch::match);
}

constexpr TypeInfo type_info(const ClientCertificateHeaders*) {
  return {"client_certificate_headers",
          "Names of header fields for backends, each empty = not sent. No listener takes fields of these "
          "names from clients, whether with `-` or with `_`"};
}
template <class V>
void describe(V&& visit, const ClientCertificateHeaders*) {
  const auto header = [&](std::string_view name, std::string_view doc, auto member) {
    visit({.name = name, .doc = doc, .max = 256}, member);
  };
  header(
      "verified",
      "`SUCCESS`, `NONE` for a client without certificate, or with `optional_unverified` `FAILED:` and why, "
      "such as `FAILED:untrusted`; there it has to be set where another one is",
      &ClientCertificateHeaders::verified);
  header("subject", "as RFC 2253 writes it, in ASCII", &ClientCertificateHeaders::subject);
  header("issuer", "likewise", &ClientCertificateHeaders::issuer);
  header("subject_alt_names",
         "such as `DNS:a.b,URI:c:d,email:e@f,IP:::1`; bytes of a name that could be taken for something else "
         "are percent-encoded",
         &ClientCertificateHeaders::subject_alt_names);
  header("fingerprint", "SHA-256 of the certificate: 64 hex digits in lower case",
         &ClientCertificateHeaders::fingerprint);
  header("certificate", "PEM, percent-encoded", &ClientCertificateHeaders::certificate);
}

constexpr TypeInfo type_info(const ClientCertificates*) {
  return {"client_certificates", "Which clients are let in by their certificates"};
}
template <class V>
void describe(V&& visit, const ClientCertificates*) {
  visit({"mode", "what becomes of clients without one"}, &ClientCertificates::mode);
  visit({.name = "authorities",
         .doc = "PEM: the CA certificates whose clients are let in, each trusted as it stands; empty with "
                "`refuse` and `off` only",
         .max = kMaxBundleBytes},
        &ClientCertificates::authorities);
  visit({.name = "crls",
         .doc = "PEM (X509 CRL): unless empty, each certificate of a client's chain that is none of "
                "`authorities` has to have a CRL of its issuer that is valid now, and not be in it",
         .max = kMaxBundleBytes},
        &ClientCertificates::crls);
  visit({.name = "max_intermediates",
         .doc = "certificates between the client's own and one of `authorities`",
         .max = 9},
        &ClientCertificates::max_intermediates);
  visit({.name = "allowed_names", .doc = "one of them has to hold; none = any certificate", .max = 256},
        &ClientCertificates::allowed_names);
  visit({"headers", "what backends are told of it"}, &ClientCertificates::headers);
}

}  // namespace ingress::config
