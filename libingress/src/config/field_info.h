// What is said of one field, type or enumerator of the configuration, and the bounds that several share.
//
// describe(visit, type pointer) calls visit(FieldInfo, member pointer) once per field, in the order
// in which the file form writes them.
#pragma once

#include <cstdint>
#include <string_view>

namespace ingress::config {

inline constexpr std::int64_t kFileVersion = 1;

enum class Presence : std::uint8_t {
  kOptional,  // left out when it has its default value
  kRequired,  // always written, and the reader asks for it
};

struct FieldInfo {
  std::string_view name;
  std::string_view doc;  // one line, without a full stop
  Presence presence = Presence::kOptional;
  // Of a number or duration its range, of a text its bytes, of a list its items. max 0 = whatever
  // the type holds. Checked by validate(), not by the reader.
  std::int64_t min = 0;
  std::int64_t max = 0;
};

struct TypeInfo {
  std::string_view name;  // in the schema and the reference: "listener_limits"
  std::string_view doc;
};

template <class E>
struct EnumInfo {
  E value;
  std::string_view name;
  std::string_view doc;
};

inline constexpr std::int64_t kMaxNameBytes = 512;
inline constexpr std::int64_t kMaxTimeoutMs = 24 * 60 * 60 * 1000;
inline constexpr std::int64_t kMaxHeadBytes = 1024 * 1024;
inline constexpr std::int64_t kMaxWeight = 1'000'000;
inline constexpr std::int64_t kMaxTrustedProxies = 256;
inline constexpr std::int64_t kMaxBundleBytes = 1024 * 1024;
inline constexpr std::int64_t kMaxCertificates = 250'000;
inline constexpr std::int64_t kMaxStreamRoutes = 65'536;
inline constexpr std::int64_t kMaxAllowedNames = 64;
inline constexpr std::int64_t kMaxServerNames = 65'536;
// Of one server name: ECDSA and RSA, and both anew while they are changed. Each handshake offers them all.
inline constexpr std::int64_t kMaxCertificatesPerName = 4;

}  // namespace ingress::config
