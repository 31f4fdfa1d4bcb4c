#include "proxyd/kube/kube_access.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "controller/kubeconfig.h"

namespace proxyd {
namespace {

using ingress::controller::Kubeconfig;
using ingress::controller::KubeText;

// A bundle of all authorities of the web has a quarter of it.
constexpr std::size_t kMaxFileBytes = std::size_t{1024} * 1024;

std::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return std::unexpected(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes)
    return std::unexpected(fmt::format("{} has more than {} bytes", path, kMaxFileBytes));
  return text;
}

void trim(std::string& text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  while (!text.empty() && is_space(text.front())) text.erase(0, 1);
}

// A token becomes a header field: nothing may end the line.
bool is_token(const std::string& text) {
  for (const char c : text)
    if (c <= ' ' || c > '~') return false;
  return true;
}

// Reads what a kubeconfig names; relative paths count from `folder`.
class TextLoader {
 public:
  explicit TextLoader(std::filesystem::path folder) : folder_(std::move(folder)) {}
  bool load(const KubeText& from, std::string& to) {
    if (from.file.empty()) {
      to = from.data;
      return true;
    }
    auto text = read_file((folder_ / from.file).string());
    if (!text) {
      error = std::move(text.error());
      return false;
    }
    to = std::move(*text);
    if (!to.empty()) return true;
    error = fmt::format("{} is empty", (folder_ / from.file).string());
    return false;
  }
  std::string error;

 private:
  std::filesystem::path folder_;
};

std::expected<void, std::string> check_token(std::string& token) {
  trim(token);
  if (!is_token(token)) return std::unexpected("the token has characters that no token has");
  return {};
}

}  // namespace

std::expected<KubeAccess, std::string> load_kubeconfig(const std::string& path, const std::string& context) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  auto config = ingress::controller::read_kubeconfig(*text, context);
  if (!config) return std::unexpected(fmt::format("{}: {}", path, config.error()));
  KubeAccess access{.is_https = config->is_https,
                    .host = config->host,
                    .port = config->port,
                    .path_prefix = config->path_prefix};
  access.tls.server_name = config->tls_server_name.empty() ? config->host : config->tls_server_name;
  if (config->is_insecure) access.tls.verification = ingress::BackendVerification::kNone;
  access.namespace_ = config->namespace_;
  TextLoader files(std::filesystem::path(path).parent_path());
  if (!files.load(config->ca, access.tls.ca_bundle) ||
      !files.load(config->client_certificate, access.tls.client_certificate) ||
      !files.load(config->client_key, access.tls.client_key.text) || !files.load(config->token, access.token))
    return std::unexpected(fmt::format("{}: {}", path, files.error));
  if (auto checked = check_token(access.token); !checked)
    return std::unexpected(fmt::format("{}: {}", path, checked.error()));
  return access;
}

bool has_service_account(const std::string& folder) {
  return ::access((folder + "/token").c_str(), R_OK) == 0;
}

std::expected<KubeAccess, std::string> load_in_cluster(const std::string& folder) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr)
    return std::unexpected(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no Pod; use --kubeconfig");
  const bool is_v6 = std::string_view(host).find(':') != std::string_view::npos;
  const std::string name = is_v6 ? fmt::format("[{}]", host) : std::string(host);
  Kubeconfig server;
  if (!ingress::controller::read_server_url(fmt::format("https://{}:{}", name, port), server))
    return std::unexpected("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address");
  KubeAccess access{.host = server.host, .port = server.port};
  access.tls.server_name = server.host;
  auto token = read_file(folder + "/token");
  auto ca = read_file(folder + "/ca.crt");
  if (!token) return std::unexpected(token.error());
  if (!ca) return std::unexpected(ca.error());
  if (auto checked = check_token(*token); !checked || token->empty())
    return std::unexpected(folder + "/token holds no token");
  if (ca->empty()) return std::unexpected(folder + "/ca.crt is empty");
  access.token = std::move(*token);
  access.tls.ca_bundle = std::move(*ca);
  if (auto ours = read_file(folder + "/namespace")) {
    trim(*ours);
    access.namespace_ = std::move(*ours);
  }
  return access;
}

}  // namespace proxyd
