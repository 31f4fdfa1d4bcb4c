// The hash of keys that strangers choose.
//
// Host names and paths come from clients and from objects of other people; with a hash they can
// predict, they could crowd one place of a table. So: a keyed hash with a random key per process.
// Hash values therefore differ between processes and must not be stored or shown.
#pragma once

#include <cstdint>
#include <string_view>

namespace ingress::base {

// SipHash-1-3 (Aumasson and Bernstein) under the key (key0, key1).
std::uint64_t sip_hash(std::uint64_t key0, std::uint64_t key1, std::string_view text);

// sip_hash() under this process's key.
std::uint64_t hash_text(std::string_view text);

}  // namespace ingress::base
