// A kubeconfig file: where an API server is and who we are to it. Pure: text in, values out; the files that
// it names are for who has files.
//
// What would need another program or a proxy is refused with what to write instead: an exec plugin would be
// started by the process that holds the rights, and a token that it prints cannot be watched.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace ingress::controller {

// A text that may stand in the file or in another one: at most one of the two is set.
struct KubeText {
  std::string data, file;  // a relative `file` counts from the folder of the kubeconfig
  bool is_set() const { return !data.empty() || !file.empty(); }
  friend bool operator==(const KubeText&, const KubeText&) = default;
};

struct Kubeconfig {
  // Of the server's URL.
  bool is_https = true;
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 443;
  std::string path_prefix;  // "/k8s/clusters/a" or empty, never with '/' at its end
  // How it is verified.
  KubeText ca;
  std::string tls_server_name;  // empty: the host
  bool is_insecure = false;     // insecure-skip-tls-verify
  // Who we are.
  KubeText client_certificate, client_key, token;
  std::string namespace_;  // of the context; empty when it says none
  friend bool operator==(const Kubeconfig&, const Kubeconfig&) = default;
};

// `context` empty: the file's current-context. The error is a sentence for people, without any value that
// could be a secret.
std::expected<Kubeconfig, std::string> read_kubeconfig(std::string_view text, const std::string& context);

// Into is_https, host, port and path_prefix of `out`; false when `url` is no http or https URL of a server.
bool read_server_url(std::string_view url, Kubeconfig& out);

}  // namespace ingress::controller
