// Options about what is written to an API server: statuses of Ingresses, Events, and the Lease by which one
// of several controllers does so.
#pragma once

#include <string>
#include <vector>

#include "controller/objects.h"
#include "proxyd/option_reader.h"

namespace proxyd {

struct StatusOptions {
  bool is_on = true;
  // Where we are reached: by a Service ("namespace/name"), or at these addresses. Neither: no status is
  // written, Events are.
  std::string service_namespace, service_name;
  std::vector<ingress::controller::LoadBalancerAddress> addresses;
  std::string election_id = "proxyd-leader";
  std::string election_namespace;  // empty: our own
};

struct RawStatus {
  std::string publish_service, election_id, election_namespace;
  std::vector<std::string> publish_address;
  bool update_status = true;
  bool is_empty() const {
    return publish_service.empty() && election_id.empty() && election_namespace.empty() &&
           publish_address.empty() && update_status;
  }
};

void add_status_options(CLI::App& app, RawStatus& raw);
StatusOptions read_status(OptionReader& reader, const RawStatus& raw);

}  // namespace proxyd
