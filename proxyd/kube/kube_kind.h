// Which kinds there are at an API server, where they are found, and what right reading them takes.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace proxyd {

struct KubeKind {
  std::string_view kind;    // "Ingress"
  std::string_view group;   // "networking.k8s.io"; empty: the core group
  std::string_view plural;  // "ingresses"
  bool is_namespaced = true;
};

namespace kube_kinds {
inline constexpr KubeKind kIngress{"Ingress", "networking.k8s.io", "ingresses"};
inline constexpr KubeKind kIngressClass{"IngressClass", "networking.k8s.io", "ingressclasses", false};
inline constexpr KubeKind kService{"Service", "", "services"};
inline constexpr KubeKind kEndpointSlice{"EndpointSlice", "discovery.k8s.io", "endpointslices"};
inline constexpr KubeKind kSecret{"Secret", "", "secrets"};
}  // namespace kube_kinds

// "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"; `namespace_` empty: those of all namespaces.
std::string collection_path(const KubeKind& kind, std::string_view namespace_);
// For query values: all but letters, digits and "-._~" as %XX.
std::string escape_query(std::string_view text);

// "ingresses.networking.k8s.io in namespace shop", "secrets in all namespaces": for people.
std::string describe(const KubeKind& kind, std::string_view namespace_);
// The commands that grant get, list and watch. `refusal` is the message of the API server, which names who
// was refused; `name` restricts the right to one object, empty: all.
std::string how_to_grant(const KubeKind& kind, std::string_view namespace_, std::string_view name,
                         std::string_view refusal);

}  // namespace proxyd
