// Objects to configuration: pure, sorted, same input same bytes. One bad object hurts only itself.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controller/objects.h"
#include "controller/store.h"
#include "ingress/config.h"
#include "ingress/route.h"

namespace ingress::controller {

class CertificateMemory;

struct DefaultBackend {  // --default-backend ns/service:port
  std::string namespace_, service;
  ServicePortRef port;
};

struct DefaultCertificate {  // --default-certificate ns/secret
  std::string namespace_, secret;
};

// What is wrong with the contents of a certificate: ingress::check_certificate(), where it is linked.
using CertificateCheck = std::function<std::vector<Problem>(const Certificate&)>;

struct TranslateOptions {
  std::string controller_name = "libingress.dev/proxyd";  // IngressClass spec.controller
  std::string ingress_class;                 // --ingress-class: only this one; empty = all of our controller
  bool watch_ingress_without_class = false;  // Ingresses without a class are ours
  bool allow_external_names = false;
  bool allow_local_endpoints = true;  // loopback and link-local endpoint addresses
  std::optional<DefaultBackend> default_backend;
  std::vector<Listener> listeners;  // taken over as they are
  // Some listener speaks TLS. Without, no Secret becomes a certificate, and spec.tls is a warning.
  bool serves_tls = false;
  // What the annotation ssl-redirect can change for its Ingress: plain requests to hosts that have a
  // certificate are sent to https.
  bool redirects_to_https = true;
  std::optional<Hsts> hsts;  // of hosts that have a certificate; unset: what backends say
  std::optional<DefaultCertificate> default_certificate;  // the listeners name it themselves
  CertificateCheck check_certificate;                     // unset = contents are not looked at
  // When: what a check said holds for an hour.
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

struct Translation {
  GatewayConfig config;                   // validates: bad parts are already FixedReplies or left out
  std::vector<Problem> problems;          // sorted; with source
  std::size_t num_ignored_ingresses = 0;  // of other classes
};

// `memory` makes it less than pure: it keeps checks from being repeated, and the last good contents of
// Secrets that now hold bad ones. Without it, bad contents are no certificate.
Translation translate(const Store& store, const TranslateOptions& options, CertificateMemory& memory);
Translation translate(const Store& store, const TranslateOptions& options);

}  // namespace ingress::controller
