// Whole exchanges: what up to three clients and six backends send, when they stop, break or do not read, and
// how time goes by. The first byte chooses limits and filters, the rest is a script
// (support/exchange_world.h). Shares of the time: 3
//
// Asserted: what support/exchange_checks.h says about who got whose bytes; in the end every connection,
// exchange, time limit and block is gone.
#include <cstdint>
#include <string_view>

#include "support/exchange_checks.h"
#include "support/exchange_world.h"

using namespace ingress::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 1) return 0;
  ExchangeWorld world(data[0]);
  world.run({reinterpret_cast<const char*>(data) + 1, size_bytes - 1});
  world.settle();
  world.check_empty();
  check_traces(world.clients(), world.backends(), world.log());
  return 0;
}
