// Headers of the PROXY protocol. The input is what a connection begins with.
//
// Asserted: what is decided about a front stays so whatever comes behind it, and is never decided the other
// way round; a header ends within its bounds and within what was read; the addresses of one come back out of
// both versions written anew.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/proxy_header.h"
#include "support/require.h"

using namespace ingress;
using namespace ingress::fuzzing;

namespace {

constexpr std::size_t kMaxBytesV1 = 107;

std::string to_text(const net::PeerAddress& address) {
  return std::string(address.view()) + " " + std::to_string(address.port);
}

// "more", "error …", or the header's size and whom it names.
std::string outcome_of(std::string_view bytes) {
  // A block of its own, so that a read behind its end is seen.
  const std::unique_ptr<char[]> block(new char[bytes.size()]);
  bytes.copy(block.get(), bytes.size());
  const auto parsed = net::parse_proxy_header({block.get(), bytes.size()});
  if (!parsed) {
    require(parsed.error().detail.empty(), "static text only");
    return "error " + std::string(parsed.error().what);
  }
  if (!*parsed) return "more";
  const net::ProxyHeader& header = **parsed;
  require(header.size_bytes > 0 && header.size_bytes <= bytes.size(), "ends within what was read");
  const bool is_v1 = bytes.front() == 'P';
  require(header.size_bytes <= (is_v1 ? kMaxBytesV1 : net::kMaxProxyHeaderBytes), "ends within its bounds");
  std::string out = "header " + std::to_string(header.size_bytes);
  if (header.addresses)
    out += ", " + to_text(header.addresses->client) + " to " + to_text(header.addresses->destination);
  return out;
}

void check_written(const std::string& written, const net::ProxyAddresses& addresses) {
  require_equal(outcome_of(written),
                "header " + std::to_string(written.size()) + ", " + to_text(addresses.client) + " to " +
                    to_text(addresses.destination),
                "comes back as it was written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  const std::string_view input(reinterpret_cast<const char*>(data), size_bytes);
  const std::string whole = outcome_of(input);
  // Behind this nothing is decided any more: all fronts would take the square of the input's size.
  const std::string_view front = input.substr(0, net::kMaxProxyHeaderBytes + 1);
  require(front.size() == input.size() || whole != "more", "decides within its bounds");
  const bool is_long = front.size() > 2 * kMaxBytesV1;
  Cuts cuts(static_cast<std::uint32_t>(size_bytes));
  std::string last = "more";
  for (std::size_t size = 0; size <= front.size();) {
    const std::string outcome = outcome_of(front.substr(0, size));
    require(last == "more" || outcome == last, "stays as it was decided");
    require(outcome == "more" || outcome == whole, "is decided as the whole is");
    last = outcome;
    size += is_long && size > 2 * kMaxBytesV1 ? cuts.next() * 16 : 1;
  }
  const auto parsed = net::parse_proxy_header(input);
  if (!parsed || !*parsed || !(*parsed)->addresses) return 0;
  require((*parsed)->size_bytes == input.size() ||
              outcome_of(input.substr(0, (*parsed)->size_bytes - 1)) == "more",
          "ends no earlier");
  check_written(net::proxy_header_v1(&*(*parsed)->addresses), *(*parsed)->addresses);
  check_written(net::proxy_header_v2(&*(*parsed)->addresses), *(*parsed)->addresses);
  return 0;
}
