#include "proxyd/kube/status_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "controller/syntax.h"

namespace proxyd {
namespace {

using ingress::controller::LoadBalancerAddress;

// RFC 1123, as names in Kubernetes are.
bool is_label(std::string_view text) {
  const auto is_inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, is_inner) && text.front() != '-' &&
         text.back() != '-';
}

bool is_name(std::string_view text) {
  if (text.size() > 253) return false;
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// As a mistyped IPv4 address does, and no name that DNS knows.
bool ends_in_number(std::string_view text) {
  return text.substr(text.rfind('.') + 1).find_first_not_of("0123456789") == text.npos;
}

void read_service(OptionReader& reader, const std::string& text, StatusOptions& options) {
  if (text.empty()) return;
  const std::size_t slash = text.find('/');
  const std::string namespace_ = text.substr(0, slash);
  const std::string name = slash == text.npos ? "" : text.substr(slash + 1);
  if (!is_label(namespace_) || !is_label(name))
    return reader.fail(
        fmt::format("--publish-service: {} is no NAMESPACE/SERVICE", ingress::controller::quoted(text)));
  options.service_namespace = namespace_;
  options.service_name = name;
}

void read_address(OptionReader& reader, const std::string& text, StatusOptions& options) {
  LoadBalancerAddress address;
  if (auto ip = ingress::controller::parse_ip(text)) {
    address.ip = std::move(ip->text);
  } else if (is_name(text) && text.find('.') != text.npos && !ends_in_number(text)) {
    address.hostname = text;
  } else {
    return reader.fail(
        fmt::format("--publish-address: {} is neither an IP address nor a host name in lower case",
                    ingress::controller::quoted(text)));
  }
  options.addresses.push_back(std::move(address));
}

}  // namespace

void add_status_options(CLI::App& app, RawStatus& raw) {
  add_option(app, "--publish-service", raw.publish_service, "NS/SERVICE",
             "Write where this Service is reached into the status of Ingresses");
  add_list_option(app, "--publish-address", raw.publish_address, "IP|HOST,...",
                  "Write these addresses into the status of Ingresses instead");
  add_flag(app, "--update-status", raw.update_status,
           "Write statuses and Events, and elect who does; =false writes nothing to the API server [true]");
  add_option(app, "--election-id", raw.election_id, "NAME",
             "Name of the Lease by which one of several controllers writes [proxyd-leader]");
  add_option(app, "--election-namespace", raw.election_namespace, "NS", "Its namespace [our own]");
}

StatusOptions read_status(OptionReader& reader, const RawStatus& raw) {
  StatusOptions options{.is_on = raw.update_status};
  read_service(reader, raw.publish_service, options);
  for (const std::string& address : raw.publish_address) read_address(reader, address, options);
  if (!options.service_name.empty() && !options.addresses.empty())
    reader.fail("give either --publish-service or --publish-address");
  if (!raw.election_id.empty()) options.election_id = raw.election_id;
  if (!is_name(options.election_id))
    reader.fail(
        fmt::format("--election-id: {} is no name of a Lease", ingress::controller::quoted(raw.election_id)));
  options.election_namespace = raw.election_namespace;
  if (!raw.election_namespace.empty() && !is_label(raw.election_namespace))
    reader.fail(fmt::format("--election-namespace: {} is no name of a namespace",
                            ingress::controller::quoted(raw.election_namespace)));
  return options;
}

}  // namespace proxyd
