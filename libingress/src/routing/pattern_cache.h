// Compiled regular expressions of the thread that asks, made when first needed.
//
// RE2 takes a lock on the states it has found whenever it matches, so no compiled pattern is in a table
// that workers share: each thread has its own (docs/decisions/0011). What was not used for longest goes
// when the patterns of a thread could need more than kMaxBytes.
// Thread: any; nothing is shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ingress::routing {

// What all patterns of one thread may need together; much more than they do need, which is a tenth or less.
inline constexpr std::size_t kMaxPatternBytesOfThread = 256 * 1024 * 1024;

// Whether the whole of `text` matches; never when the pattern has a fault.
bool pattern_holds(std::string_view pattern, std::string_view text);

// Fills `found` with the indexes of those of `patterns` that match the whole of `text`, in any order.
// `id` names the list of patterns: no other list of this process ever had it.
void find_patterns(std::uint64_t id, std::span<const std::string_view> patterns, std::string_view text,
                   std::vector<int>& found);

// How many are compiled for this thread now: for tests.
std::size_t num_compiled_patterns();

}  // namespace ingress::routing
