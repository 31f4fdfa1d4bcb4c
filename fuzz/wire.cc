// The wire form of configurations, changes, problems and inventories, as it comes from another process.
//
// Asserted: whatever is read gives the same bytes when it is written again, so that there is one form of each
// thing; a change that was made from an inventory can be read.
#include <cstddef>
#include <cstdint>
#include <string>

#include "ingress/wire.h"
#include "support/require.h"

using namespace ingress;
using namespace ingress::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // Seeds outlive changes of the schema, which would be refused for its digest alone.
  constexpr std::size_t kSchemaAt = 4, kSchemaBytes = 4;
  for (std::size_t i = 0; i < kSchemaBytes && kSchemaAt + i < size; ++i)
    bytes[kSchemaAt + i] = static_cast<char>(wire_schema() >> (8 * i));
  if (const auto config = config_from_wire(bytes)) {
    require(to_wire(*config) == bytes, "a configuration has two forms");
  }
  if (const auto delta = delta_from_wire(bytes)) {
    require(to_wire(*delta) == bytes, "a change has two forms");
    WireConfig held;
    held.apply(*delta);
    require(held.to_wire() == to_wire(held.config()), "parts are not the whole");
  }
  if (const auto problems = problems_from_wire(bytes)) {
    require(to_wire(*problems) == bytes, "problems have two forms");
  }
  static const WireConfig kHeld = [] {
    WireConfig held;
    held.replace({.routes = {{.name = "a"}, {.name = "b"}}});
    return held;
  }();
  const auto change = kHeld.difference(bytes, {1, 2});
  require(!change || change->empty() || delta_from_wire(*change).has_value(), "a change cannot be read");
  return 0;
}
