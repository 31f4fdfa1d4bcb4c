// One sound document of each kind, and ways to spoil them.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/value.h"

namespace ingress::controller::test {

inline base::Value json(std::string_view text) {
  auto value = base::read_json(text);
  REQUIRE_MESSAGE(value.has_value(), std::string(text));
  return *value;
}

inline const std::map<std::string, std::string>& sound_documents() {
  static const std::map<std::string, std::string> documents{
      {"Ingress", R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress",
        "metadata":{"name":"web","namespace":"shop","creationTimestamp":"2026-01-02T03:04:05Z",
          "annotations":{"note":"x"},"labels":{"app":"web"}},
        "spec":{"ingressClassName":"ours",
          "defaultBackend":{"service":{"name":"rest","port":{"number":80}}},
          "rules":[{"host":"x.y","http":{"paths":[
            {"path":"/a","pathType":"Prefix","backend":{"service":{"name":"web","port":{"name":"http"}}}},
            {"path":"/b","pathType":"Exact","backend":{"service":{"name":"web","port":{"number":80}}}}]}},
            {"host":"z.y"}],
          "tls":[{"hosts":["x.y"],"secretName":"cert"}]}})"},
      {"IngressClass", R"({"apiVersion":"networking.k8s.io/v1","kind":"IngressClass",
        "metadata":{"name":"ours","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}},
        "spec":{"controller":"libingress.dev/proxyd"}})"},
      {"Service", R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"shop"},
        "spec":{"type":"ClusterIP","clusterIP":"None","ports":[
          {"name":"http","port":80,"targetPort":"web","protocol":"TCP"},{"name":"admin","port":81,"targetPort":9001}]}})"},
      {"EndpointSlice", R"({"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice",
        "metadata":{"name":"web-1","namespace":"shop","labels":{"kubernetes.io/service-name":"web"}},
        "addressType":"IPv4",
        "endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false}},
          {"addresses":["10.0.0.2"],"conditions":{},"zone":"eu-1a","hints":{"forZones":[{"name":"eu-1b"},{"name":"eu-1c"}]}},{"addresses":["10.0.0.3"]}],
        "ports":[{"name":"http","port":8080,"protocol":"TCP"},{"name":"admin","port":9001}]})"},
      {"Secret", R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"cert","namespace":"shop"},
        "type":"kubernetes.io/tls","data":{"tls.crt":"Y2VydA==","tls.key":"c2VjcmV0"},
        "stringData":{"note":"plain"}})"},
  };
  return documents;
}

// The place at `path` ("spec.rules[0].host", keys with dots in quotes are not supported), made when absent;
// null when the way there is no object or list.
inline base::Value* place(base::Value& root, std::string_view path) {
  base::Value* at = &root;
  while (!path.empty() && at != nullptr) {
    const bool is_index = path.front() == '[';
    const std::size_t end = is_index ? path.find(']') + 1 : std::min(path.find_first_of(".["), path.size());
    const std::string_view step = path.substr(0, end);
    path.remove_prefix(end);
    if (path.starts_with('.')) path.remove_prefix(1);
    if (is_index) {
      auto* list = at->as_array();
      const std::size_t index = std::stoul(std::string(step.substr(1)));
      at = list != nullptr && index < list->size() ? &(*list)[index] : nullptr;
      continue;
    }
    auto* object = at->as_object();
    if (object == nullptr) return nullptr;
    auto found = std::find_if(object->begin(), object->end(), [&](const auto& m) { return m.first == step; });
    if (found == object->end()) found = object->insert(object->end(), {std::string(step), base::Value()});
    at = &found->second;
  }
  return at;
}

// Calls `visit` for every string in `value` that is a value, not a key.
inline void for_each_text(base::Value& value, const std::string& path,
                          const std::function<void(base::Value&, const std::string&)>& visit) {
  if (value.as_string() != nullptr) visit(value, path);
  if (auto* list = value.as_array()) {
    for (std::size_t i = 0; i < list->size(); ++i)
      for_each_text((*list)[i], path + '[' + std::to_string(i) + ']', visit);
  }
  if (auto* object = value.as_object()) {
    for (auto& [key, member] : *object) for_each_text(member, path.empty() ? key : path + '.' + key, visit);
  }
}

}  // namespace ingress::controller::test
