// Where the API server is and who we are to it, with the contents of all files: what a client is made of.
//
// It is read again every minute and when the server does not know us (401): tokens, certificates and
// authorities that change in place are used without a restart.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "ingress/backend_tls.h"

namespace proxyd {

struct KubeAccess {
  bool is_https = true;
  std::string host;
  std::uint16_t port = 443;
  std::string path_prefix = {};  // before the path of every request; empty or "/..."
  ingress::BackendTls tls = {};  // with is_https
  std::string token = {};        // empty: none
  std::string namespace_ = {};   // ours: that of the context, or of our Pod
  friend bool operator==(const KubeAccess&, const KubeAccess&) = default;
};

// Reads everything anew; the error is a sentence for people, without any secret value.
using LoadKubeAccess = std::function<std::expected<KubeAccess, std::string>()>;

// `context` empty: the file's own.
std::expected<KubeAccess, std::string> load_kubeconfig(const std::string& path, const std::string& context);

// The folder with token, ca.crt and namespace that every Pod with a service account has.
inline constexpr const char* kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
// Whether there is a token in it.
bool has_service_account(const std::string& folder = kServiceAccountFolder);
// Of a Pod: the folder, and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT of the environment.
std::expected<KubeAccess, std::string> load_in_cluster(const std::string& folder = kServiceAccountFolder);

}  // namespace proxyd
