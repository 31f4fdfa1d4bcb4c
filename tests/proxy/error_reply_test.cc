#include "proxy/error_reply.h"

#include <doctest/doctest.h>

namespace ingress::proxy {
namespace {

// Errors outside of requests come after kOverload in the enumeration.
TEST_CASE("EveryErrorThatCanEndARequestHasARow") {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kOverload); ++code) {
    CAPTURE(to_string(static_cast<ErrorCode>(code)));
    const ErrorRow* row = find_error_row(static_cast<ErrorCode>(code));
    REQUIRE(row != nullptr);
    CHECK(row->status >= 400);
    CHECK(row->status <= 599);
  }
  CHECK(find_error_row(ErrorCode::kParse) == nullptr);
}

}  // namespace
}  // namespace ingress::proxy
