// How a text in wire form begins: what it is, and of which schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/wire_bytes.h"
#include "ingress/error.h"

namespace ingress::config {

enum class WireKind : std::uint8_t { kConfig = 1, kDelta, kProblems, kInventory };

std::string begin_wire(WireKind kind);
// Reads that from the front of `reader`, which was given `num_bytes`; an Error when it says anything else.
std::optional<Error> check_wire(WireReader& reader, std::size_t num_bytes, WireKind kind);
// Of a text that was read as far as `reader` came; nothing must be left.
std::optional<Error> check_end(const WireReader& reader);

}  // namespace ingress::config
