// The conditions of a match beside host and path: method, headers, query.
//
// Nothing here allocates but for regular expressions (pattern_cache.h). Cost: linear in the request's header
// fields for each header condition, in the bytes of the query for each query condition.
#pragma once

#include <string_view>

#include "ingress/message.h"
#include "ingress/route.h"

namespace ingress::routing {

bool has_conditions(const RouteMatch& match);
// Whether method, headers and query of `match` all hold; the path is not looked at.
bool conditions_hold(const RouteMatch& match, const RequestHead& head);

// Case-sensitive (RFC 9110 9.1); an empty `method` holds for any.
bool method_holds(std::string_view method, const RequestHead& head);
bool query_holds(const QueryMatch& match, std::string_view query);
bool header_holds(const HeaderMatch& match, const Headers& headers);

}  // namespace ingress::routing
