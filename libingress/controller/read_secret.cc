// Secret (v1). No problem of this reader shows a value, whole or in part.
#include <utility>

#include "controller/base64.h"
#include "controller/kind_readers.h"

namespace ingress::controller {
namespace {

// The bound of the Kubernetes API, for all values of a Secret together.
constexpr std::size_t kMaxSecretBytes = 1024 * 1024;
constexpr std::size_t kMaxEncodedBytes = 2 * kMaxSecretBytes;

bool is_data_key(std::string_view key) {
  if (key.empty() || key.size() > 253) return false;
  return key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
         std::string_view::npos;
}

enum class Encoding : std::uint8_t { kBase64, kPlain };

// Adds the members of `field` to `out`, replacing those of the same key.
bool read_values(const Field& field, Encoding encoding, std::map<std::string, std::string>& out) {
  const auto members = field.members();
  if (!members) return false;
  for (const auto& [key, value] : *members) {
    // The key is not shown either: what is no key may be a value in the wrong place.
    if (!is_data_key(key)) {
      field.report("has a key that is no name of Secret data", "use letters, digits, '-', '_' and '.'");
      return false;
    }
    auto text = value.text_or_empty(kMaxEncodedBytes);
    if (!text) return false;
    if (encoding == Encoding::kBase64) {
      auto decoded = decode_base64(*text);
      if (!decoded) {
        value.report("is not valid base64", "encode it with base64, or move it to stringData");
        return false;
      }
      text = std::move(decoded);
    }
    out.insert_or_assign(key, std::move(*text));
  }
  return true;
}

}  // namespace

std::optional<Secret> read_secret(const Field& root, ObjectMeta meta) {
  Secret out;
  out.meta = std::move(meta);
  const auto type = root.member("type").text_or_empty(kMaxTextBytes);
  if (!type) return std::nullopt;
  out.type = *type;
  if (!read_values(root.member("data"), Encoding::kBase64, out.data)) return std::nullopt;
  // As on the API server, stringData wins over data.
  const Field plain = root.member("stringData");
  if (!read_values(plain, Encoding::kPlain, out.data)) return std::nullopt;
  std::size_t num_bytes = 0;
  for (const auto& [key, value] : out.data) num_bytes += value.size();
  if (num_bytes > kMaxSecretBytes) {
    root.member("data").report("is larger than " + std::to_string(kMaxSecretBytes) + " bytes in all",
                               "shorten it");
    return std::nullopt;
  }
  return out;
}

}  // namespace ingress::controller
