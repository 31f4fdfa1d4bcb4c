// The configuration as bytes, for other processes of the same program: whole, as a change, and part by part.
// The one form that has private keys in it.
//
// Versioned by schema: the bytes are those of the field tables, in their order, and readers take those of the
// very same tables only. Equal configurations, apart from order, give equal bytes. Strings are any bytes.
// Readers allocate no more than the bytes they are given make up for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/config.h"
#include "ingress/error.h"
#include "ingress/export.h"

namespace ingress {

// No text in wire form is longer.
inline constexpr std::size_t kMaxWireBytes = std::size_t{512} * 1024 * 1024;

// What tells the schema from that of other versions of the program.
INGRESS_EXPORT std::uint32_t wire_schema();

INGRESS_EXPORT std::string to_wire(const GatewayConfig& config);
INGRESS_EXPORT std::string to_wire(const ConfigDelta& delta);
INGRESS_EXPORT std::string to_wire(const std::vector<Problem>& problems);
// Errors: kParse, and kTooLarge for texts over the cap. What the values mean is for validate().
INGRESS_EXPORT std::expected<GatewayConfig, Error> config_from_wire(std::string_view bytes);
INGRESS_EXPORT std::expected<ConfigDelta, Error> delta_from_wire(std::string_view bytes);
INGRESS_EXPORT std::expected<std::vector<Problem>, Error> problems_from_wire(std::string_view bytes);

// What the digests of an inventory are made under. Drawn anew for each: who does not know it cannot make two
// parts of one digest.
struct WireKey {
  std::uint64_t first = 0, second = 0;
  friend bool operator==(const WireKey&, const WireKey&) = default;
};

// A configuration held in wire form, part by part: a change costs what changed. Names are keys; of several
// parts of one name the last counts.
// Owner: the application. Thread: one at a time.
class INGRESS_EXPORT WireConfig {
 public:
  WireConfig();
  WireConfig(WireConfig&&) noexcept;
  WireConfig& operator=(WireConfig&&) noexcept;
  ~WireConfig();

  // Holds `config` from now on, or what `delta` makes of it. Returns the change in wire form; empty when
  // there is none.
  std::string replace(const GatewayConfig& config);
  std::string apply(const ConfigDelta& delta);

  std::size_t num_parts() const;
  std::string to_wire() const;  // that of the configuration
  GatewayConfig config() const;

  // The names of its parts and digests of what they say.
  std::string inventory(const WireKey& key) const;
  // What turns the configuration that gave `inventory` into this one, in wire form; kParse when it is none.
  std::expected<std::string, Error> difference(std::string_view inventory, const WireKey& key) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress
