// Options of `run` and `controller` about listeners: they are part of what is translated, so the serving
// process gets them with the configuration.
#pragma once

#include <string>
#include <vector>

#include "proxyd/option_reader.h"
#include "proxyd/options.h"

namespace proxyd {

// Of all listeners of --http and --https.
struct RawListeners {
  std::vector<std::string> http, https, trusted_proxies;
  std::string https_public_port;
  bool ssl_redirect = true;
  std::string tls_preset;
  bool hsts = true;
  std::string hsts_max_age, hsts_scope;
  std::string slashes, ambiguous_paths, headers_with_underscores;
  bool ocsp_stapling = false, allow_private_responders = false;
};

void add_listener_options(CLI::App& app, RawListeners& raw);
// Adds to `input`, whose source is known.
void read_listeners(OptionReader& reader, const RawListeners& given, InputOptions& input);

}  // namespace proxyd
