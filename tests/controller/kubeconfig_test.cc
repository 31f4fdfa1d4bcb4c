#include "controller/kubeconfig.h"

#include <doctest/doctest.h>

#include <string>

using namespace ingress::controller;

namespace {

std::string config_text(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts:\n"
         "- name: here\n  context: {cluster: c, user: u, namespace: shop}\n"
         "- name: other\n  context: {cluster: none, user: u}\n"
         "clusters:\n- name: c\n  cluster: " +
         cluster + "\nusers:\n- name: u\n  user: " + user + "\n";
}

const std::string kServer = "{server: 'https://api.example:6443/'}";

std::string error_of(const std::string& text, const std::string& context = {}) {
  const auto read = read_kubeconfig(text, context);
  return read ? std::string() : read.error();
}

}  // namespace

TEST_CASE("ReadsAKubeconfig") {
  const auto read = read_kubeconfig(
      config_text("{server: 'https://[2001:db8::1]:6443/k8s/a/', certificate-authority-data: Y2E=, "
                  "tls-server-name: kubernetes}",
                  "{client-certificate: a.crt, client-key-data: a2V5, token: old, tokenFile: run/token}"),
      "");
  REQUIRE(read);
  CHECK(read->is_https);
  CHECK(read->host == "2001:db8::1");
  CHECK(read->port == 6443);
  CHECK(read->path_prefix == "/k8s/a");
  CHECK(read->ca == KubeText{.data = "ca", .file = {}});
  CHECK(read->tls_server_name == "kubernetes");
  CHECK(read->client_certificate == KubeText{.data = {}, .file = "a.crt"});
  CHECK(read->client_key == KubeText{.data = "key", .file = {}});
  CHECK(read->token == KubeText{.data = {}, .file = "run/token"});
  CHECK(read->namespace_ == "shop");
}

TEST_CASE("RefusesWhatIsNotSupportedAndSaysWhatIs") {
  CHECK(error_of(config_text(kServer, "{exec: {command: aws}}")).find("tokenFile") != std::string::npos);
  CHECK(error_of(config_text(kServer, "{auth-provider: {name: gcp}}")).find("tokenFile") !=
        std::string::npos);
  CHECK(error_of(config_text(kServer, "{username: a, password: b}")).find("token") != std::string::npos);
  CHECK(error_of(config_text(kServer, "{as: admin}")).find(" as,") != std::string::npos);
  CHECK(error_of(config_text("{server: 'https://a', proxy-url: 'http://b'}", "{}")).find("proxy-url") !=
        std::string::npos);
}

TEST_CASE("RefusesWhatDoesNotHoldTogether") {
  CHECK(error_of("") != "");
  CHECK(error_of("- 1") != "");
  CHECK(error_of("kind: Config").find("--context") != std::string::npos);
  CHECK(error_of(config_text(kServer, "{}"), "other").find("\"none\"") != std::string::npos);
  CHECK(error_of(config_text(kServer, "{}"), "gone").find("\"gone\"") != std::string::npos);
  CHECK(error_of(config_text("{server: 'ftp://a'}", "{}")) != "");
  CHECK(error_of(config_text(kServer, "{client-certificate: a}")).find("client-key") != std::string::npos);
  CHECK(error_of(config_text("{server: 'https://a', certificate-authority-data: '%'}", "{}")) != "");
  CHECK(error_of(config_text(
            "{server: 'https://a', certificate-authority: f, insecure-skip-tls-verify: true}", "{}")) != "");
  // A token would go over the wire for everyone to read.
  CHECK(error_of(config_text("{server: 'http://a'}", "{token: t}")).find("TLS") != std::string::npos);
  CHECK(error_of(config_text("{server: 'http://a'}", "{}")) == "");
}

TEST_CASE("NoErrorShowsAToken") {
  const std::string error = error_of("users: [{user: {token: hunter2, token: hunter2}}]\nx: {hunter2\n");
  CHECK(error != "");
  CHECK(error.find("hunter2") == std::string::npos);
}

TEST_CASE("ReadsServers") {
  const struct {
    const char* url;
    const char* host;  // null = refused
    unsigned port;
    const char* path;
  } rows[] = {
      {"https://a", "a", 443, ""},
      {"http://a/", "a", 80, ""},
      {"https://A.b:1/x/y", "a.b", 1, "/x/y"},
      {"https://10.0.0.1:6443", "10.0.0.1", 6443, ""},
      {"https://[::1]", "::1", 443, ""},
      {"https://[::1]:2", "::1", 2, ""},
      {"https://", nullptr, 0, ""},
      {"https://a:0", nullptr, 0, ""},
      {"https://a:70000", nullptr, 0, ""},
      {"https://a:b", nullptr, 0, ""},
      {"https://u@a", nullptr, 0, ""},
      {"https://a?b", nullptr, 0, ""},
      {"https://a/b?c", nullptr, 0, ""},
      {"https://a/../b", nullptr, 0, ""},
      {"https://a b", nullptr, 0, ""},
      {"https://::1", nullptr, 0, ""},
      {"a", nullptr, 0, ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.url);
    Kubeconfig read;
    REQUIRE(read_server_url(row.url, read) == (row.host != nullptr));
    if (row.host == nullptr) continue;
    CHECK(read.host == row.host);
    CHECK(read.port == row.port);
    CHECK(read.path_prefix == row.path);
  }
}
