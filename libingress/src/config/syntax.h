// Which texts a configuration may hold: names, hosts, addresses, paths. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ingress::config {

// Printable ASCII, space included. Names end up in logs, metrics and terminals.
bool is_printable(std::string_view text);
// FixedReply::why: [a-z0-9_:]*.
bool is_why(std::string_view text);
// A field value of RFC 9110 5.5 that the file form can carry: valid UTF-8, no control character but
// tab, no white space at either end (a parsed value has none, so it could never be equal).
bool is_header_value(std::string_view text);
// Bytes that can stand in one side of a query parameter: visible ASCII but '#' and '&'.
bool is_query_text(std::string_view text);

// One spelling per IP address ("::1" for "0:0::1"); any other text in lower case.
std::string canonical_address(std::string_view text);

enum class Letters { kLowerOnly, kAnyCase };
// A DNS name of at most 253 bytes: labels of 1 to 63 letters, digits, '-' and '_', no '-' at either
// end of a label; the last label is not all digits, which would be a broken IPv4 address. Underscores
// are no host names by RFC 1123 but do occur (container names), and harm nothing.
bool is_dns_name(std::string_view text, Letters letters);

// What is wrong with a host pattern of Route::hosts or a path of PathMatch; null when nothing is.
// Static text that continues "is '…', which ".
const char* host_pattern_fault(std::string_view pattern);
const char* path_fault(std::string_view path);
// The same for Certificate::server_names: a host pattern that a client can name in a handshake.
const char* server_name_fault(std::string_view pattern);

// `text` in single quotes for a problem: control and non-ASCII bytes as \xNN, long texts cut.
std::string quoted(std::string_view text);

}  // namespace ingress::config
