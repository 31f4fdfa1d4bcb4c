// Objects to configuration: pure, sorted, same input same bytes. One bad object hurts only itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/objects.h"
#include "controller/store.h"
#include "ingress/config.h"

namespace ingress::controller {

struct DefaultBackend {  // --default-backend ns/service:port
  std::string namespace_, service;
  ServicePortRef port;
};

struct TranslateOptions {
  std::string controller_name = "libingress.dev/proxyd";  // IngressClass spec.controller
  bool allow_external_names = false;
  bool allow_local_endpoints = true;  // loopback and link-local endpoint addresses
  std::optional<DefaultBackend> default_backend;
  std::vector<Listener> listeners;  // taken over as they are
};

struct Translation {
  GatewayConfig config;                   // validates: bad parts are already FixedReplies or left out
  std::vector<Problem> problems;          // sorted; with source
  std::size_t num_ignored_ingresses = 0;  // of other classes
};

Translation translate(const Store& store, const TranslateOptions& options);

}  // namespace ingress::controller
