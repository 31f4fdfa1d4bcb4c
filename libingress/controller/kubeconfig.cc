#include "controller/kubeconfig.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/yaml_reader.h"
#include "controller/base64.h"
#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr base::DocumentLimits kLimits{.max_bytes = std::size_t{1024} * 1024, .max_documents = 1};

// Reads one file; the first thing wrong ends it.
class KubeconfigReader {
 public:
  explicit KubeconfigReader(const base::Value& root) : root_(root) {}

  bool read(std::string context) {
    if (context.empty()) context = text(root_, "current-context");
    if (context.empty()) return fail("has no current-context: name a context with --context");
    const base::Value* found = named("contexts", "context", context);
    if (found == nullptr) return false;
    out.namespace_ = text(*found, "namespace");
    const std::string cluster = text(*found, "cluster");
    const std::string user = text(*found, "user");
    if (!read_cluster(cluster)) return false;
    // A context without a user is somebody unknown, as for kubectl.
    if (!user.empty() && !read_user(user)) return false;
    return check();
  }

  Kubeconfig out;
  std::string error;

 private:
  bool fail(std::string why) {
    error = std::move(why);
    return false;
  }

  static std::string text(const base::Value& object, std::string_view member) {
    const base::Value* value = object.find(member);
    const std::string* found = value == nullptr ? nullptr : value->as_string();
    return found == nullptr ? std::string() : *found;
  }

  // {"clusters": [{"name": NAME, "cluster": {this}}]}
  const base::Value* named(std::string_view list, std::string_view member, const std::string& name) {
    const base::Value* items = root_.find(list);
    if (items != nullptr && items->as_array() != nullptr) {
      for (const base::Value& item : *items->as_array()) {
        if (text(item, "name") != name) continue;
        const base::Value* value = item.find(member);
        if (value != nullptr && value->as_object() != nullptr) return value;
      }
    }
    fail("has no " + std::string(member) + " of the name " + quoted(name));
    return nullptr;
  }

  bool read_cluster(const std::string& name) {
    const base::Value* cluster = named("clusters", "cluster", name);
    if (cluster == nullptr) return false;
    if (!text(*cluster, "proxy-url").empty())
      return fail("cluster " + quoted(name) +
                  " has a proxy-url, which is not supported: name a server that can be connected to");
    if (!read_server_url(text(*cluster, "server"), out))
      return fail("cluster " + quoted(name) + " has no usable server: write https://HOST[:PORT]");
    out.tls_server_name = text(*cluster, "tls-server-name");
    const base::Value* insecure = cluster->find("insecure-skip-tls-verify");
    out.is_insecure = insecure != nullptr && insecure->as_bool() != nullptr && *insecure->as_bool();
    return read_text(*cluster, "certificate-authority", out.ca);
  }

  bool read_user(const std::string& name) {
    const base::Value* user = named("users", "user", name);
    if (user == nullptr) return false;
    for (const char* plugin : {"exec", "auth-provider"}) {
      const base::Value* value = user->find(plugin);
      if (value != nullptr && !value->is_null())
        return fail(
            "user " + quoted(name) + " has " + plugin +
            ", which is not supported: no other program is started. Use tokenFile with a token that is "
            "renewed in place, client-certificate and client-key, or a service account (kubectl create "
            "token)");
    }
    for (const char* field : {"username", "password", "as", "as-uid", "as-groups", "as-user-extra"}) {
      const base::Value* value = user->find(field);
      if (value != nullptr && !value->is_null())
        return fail("user " + quoted(name) + " has " + field +
                    ", which is not supported: use a token or a client certificate");
    }
    // As for kubectl, the file wins: the token beside it is an old one.
    out.token.file = text(*user, "tokenFile");
    if (out.token.file.empty()) out.token.data = text(*user, "token");
    return read_text(*user, "client-certificate", out.client_certificate) &&
           read_text(*user, "client-key", out.client_key);
  }

  // As for kubectl, data wins over the file.
  bool read_text(const base::Value& object, const std::string& member, KubeText& to) {
    const std::string encoded = text(object, member + "-data");
    if (encoded.empty()) {
      to.file = text(object, member);
      return true;
    }
    auto decoded = decode_base64(encoded);
    if (!decoded || decoded->empty()) return fail(member + "-data is not valid base64");
    to.data = std::move(*decoded);
    return true;
  }

  bool check() {
    if (out.client_certificate.is_set() != out.client_key.is_set())
      return fail("has one of client-certificate and client-key without the other");
    if (out.is_insecure && out.ca.is_set())
      return fail("has insecure-skip-tls-verify beside a certificate-authority: leave out one of them");
    if (!out.is_https && (out.token.is_set() || out.client_key.is_set()))
      return fail("would send its credentials without TLS: write https:// in server");
    return true;
  }

  const base::Value& root_;
};

}  // namespace

bool read_server_url(std::string_view url, Kubeconfig& out) {
  const bool is_https = url.starts_with("https://");
  if (!is_https && !url.starts_with("http://")) return false;
  url.remove_prefix(is_https ? 8 : 7);
  const std::size_t slash = std::min(url.find('/'), url.size());
  std::string_view path = url.substr(slash);
  std::string_view host = url.substr(0, slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  const bool is_path =
      std::ranges::all_of(path, [](char c) { return c == '/' || c == '.' || base::is_token_char(c); });
  if (!is_path || path.find("/../") != std::string_view::npos || path.size() > 1024) return false;
  std::uint16_t port = is_https ? 443 : 80;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && !host.ends_with(']')) {
    const auto number = base::parse_decimal<std::uint16_t>(host.substr(colon + 1));
    if (!number || *number == 0) return false;
    port = *number;
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!base::is_ipv6_address(host)) return false;
  } else if (!base::is_dns_name(base::to_lower_ascii(host))) {
    return false;
  }
  out.is_https = is_https;
  out.host = base::to_lower_ascii(host);
  out.port = port;
  out.path_prefix = path;
  return true;
}

std::expected<Kubeconfig, std::string> read_kubeconfig(std::string_view text, const std::string& context) {
  const auto documents = base::read_yaml(text, kLimits);
  // The detail may quote what it stumbles over, and that may be a token: only the line is told.
  if (!documents) {
    const std::string& detail = documents.error().detail;
    return std::unexpected(
        "is no YAML" + (detail.starts_with("line ") ? " (" + detail.substr(0, detail.find(':')) + ')' : ""));
  }
  if (documents->empty() || documents->front().as_object() == nullptr)
    return std::unexpected("is no kubeconfig: it holds no object");
  KubeconfigReader reader(documents->front());
  if (!reader.read(context)) return std::unexpected(std::move(reader.error));
  return std::move(reader.out);
}

}  // namespace ingress::controller
