// Single values inside of a request's query and Cookie fields, as written: nothing is decoded.
//
// Nothing here allocates. Cost: linear in the query, or in the header fields and the cookies.
#pragma once

#include <optional>
#include <string_view>

#include "ingress/message.h"

namespace ingress::http {

// The value of the first parameter called `name`; empty for one without '='. Parameters are what stands
// between '&'; an empty piece is none.
std::optional<std::string_view> query_parameter(std::string_view query, std::string_view name);

// The value of the first cookie called `name` (RFC 6265 5.4: "a=1; b=2"; fields one after the other),
// without the quotes that may surround it; names are case-sensitive.
std::optional<std::string_view> cookie(const Headers& headers, std::string_view name);

}  // namespace ingress::http
