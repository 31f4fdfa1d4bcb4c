#include "ingress/error.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "base/text.h"

using ingress::Error;
using ingress::ErrorCode;

TEST_CASE("TextIsWhatAndDetail") {
  CHECK(Error{.what = "no_route"}.text() == "no_route");
  CHECK(Error{.what = "cannot open", .detail = "a.yaml"}.text() == "cannot open: a.yaml");
  CHECK(Error{.detail = "a.yaml"}.text() == "a.yaml");
  CHECK(Error{}.text().empty());
}

TEST_CASE("EveryCodeHasItsOwnSnakeCaseName") {
  std::set<std::string_view> names;
  const int last = static_cast<int>(ErrorCode::kInternal);
  for (int code = 0; code <= last; ++code) {
    const std::string_view name = ingress::to_string(static_cast<ErrorCode>(code));
    CAPTURE(name);
    CHECK(names.insert(name).second);
    CHECK(ingress::base::is_token(name));
    CHECK(name == ingress::base::to_lower_ascii(name));
  }
  CHECK(ingress::to_string(ErrorCode::kNoRoute) == "no_route");
  CHECK(ingress::to_string(ErrorCode::kUpstreamTimeout) == "upstream_timeout");
  CHECK(ingress::to_string(static_cast<ErrorCode>(255)) == "internal");
}

TEST_CASE("ErrorsCompareByText") {
  const std::string what = "no_route";
  CHECK(Error{.what = what.c_str()} == Error{.what = "no_route"});
  CHECK(Error{.what = "no_route"} != Error{.what = "no_endpoints"});
}
