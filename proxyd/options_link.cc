#include "proxyd/options_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxyd/option_values.h"

namespace proxyd {

void add_link_options(CLI::App& app, RawLink& raw, LinkEnd end) {
  if (end == LinkEnd::kController) {
    add_list_option(app, "--listen", raw.addresses, "unix:PATH|ADDR:PORT",
                    "Where `proxyd serve` processes connect to; may be repeated");
  } else {
    add_list_option(app, "--from", raw.addresses, "unix:PATH|HOST:PORT",
                    "Where `proxyd controller` listens, which gives the configuration");
  }
  add_option(app, "--link-cert", raw.cert, "FILE",
             "Who this process is on the link, PEM; over TCP both ends prove who they are");
  add_option(app, "--link-key", raw.key, "FILE", "The key of --link-cert, PEM");
  add_option(app, "--link-ca", raw.ca, "FILE",
             "The authorities that certificates of the other end are from, PEM");
  add_list_option(
      app, "--link-peers", raw.peers, "NAME",
      "Names (DNS, IP or URI, as the certificate has them) that the other end may have; may be repeated, "
      "or a list with commas");
}

LinkOptions read_link(OptionReader& reader, const RawLink& raw, LinkEnd end) {
  const char* flag = end == LinkEnd::kController ? "--listen" : "--from";
  LinkOptions options{.cert_file = raw.cert, .key_file = raw.key, .ca_file = raw.ca, .peers = raw.peers};
  if (raw.addresses.empty()) reader.fail(fmt::format("give {} unix:PATH or HOST:PORT", flag));
  if (end == LinkEnd::kServing && raw.addresses.size() > 1) reader.fail("--from takes one address");
  bool has_tcp = false;
  for (const std::string& text : raw.addresses) {
    ingress::StreamAddress address;
    if (end == LinkEnd::kController) {
      ingress::Listener listener;
      reader.read(flag, text, listener, parse_listen_address(text, UnixPaths::kAllowed));
      address = {.host = listener.address, .port = listener.port};
    } else {
      reader.read(flag, text, address, parse_stream_address(text));
    }
    has_tcp = has_tcp || !address.host.starts_with("unix:");
    options.addresses.push_back(std::move(address));
  }
  const bool has_all = !raw.cert.empty() && !raw.key.empty() && !raw.ca.empty() && !raw.peers.empty();
  const bool has_any = !raw.cert.empty() || !raw.key.empty() || !raw.ca.empty() || !raw.peers.empty();
  if (has_tcp && !has_all)
    reader.fail(fmt::format("{} over TCP needs --link-cert, --link-key, --link-ca and --link-peers", flag));
  if (!has_tcp && has_any)
    reader.fail(
        "--link-cert, --link-key, --link-ca and --link-peers have no meaning with unix sockets alone");
  return options;
}

}  // namespace proxyd
