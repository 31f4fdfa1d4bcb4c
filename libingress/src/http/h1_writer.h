// Writes HTTP/1.1 heads and body framing from their parsed form.
//
// Parsed heads are clean; filters may have set anything since. So that nobody writes a line or a message
// of his own: a field whose name is no token or whose value holds a control character is left out, bytes
// that would end a path or query are percent-encoded, those that have no place in a method or authority
// are left out, and a bad reason phrase is replaced by the standard one.
// A head takes one block of the pool; only one beyond 64 KB takes several.
#pragma once

#include <string_view>

#include "base/buffer.h"
#include "http/framing.h"
#include "ingress/message.h"

namespace ingress::http {

// kUpgrade: the head has an Upgrade field, which needs to be named (RFC 9110 7.8).
enum class ConnectionHeader : std::uint8_t { kNone, kClose, kKeepAlive, kUpgrade };

// Appends "METHOD target HTTP/1.1", Host first, the other fields in order, then the framing's field
// (Content-Length or Transfer-Encoding: chunked), then Connection, then the empty line. Fields of
// `head` named Connection, Content-Length, Transfer-Encoding or Host are not written: they are the caller's
// to decide, through the arguments and the authority.
// A body of kNone writes "Content-Length: 0" only for methods that define a body (POST, PUT, PATCH).
void write_request_head(base::Chain& out, base::BufferPool& pool, const RequestHead& head,
                        BodyFraming framing, ConnectionHeader connection);

// The same for a response; the status line is HTTP/1.1 (RFC 9112 2.3: our own version). `framing` kNone
// writes nothing for 1xx, 204 and 304, "Content-Length: 0" otherwise. kept_length: what a backend said in
// answer to HEAD or in a 304, to be repeated; -1 = nothing. kUntilClose writes no framing field.
void write_response_head(base::Chain& out, base::BufferPool& pool, const ResponseHead& head,
                         BodyFraming framing, ConnectionHeader connection, std::int64_t kept_length = -1);

// One chunk around `piece`; nothing for an empty piece (it would end the body).
void write_chunk(base::Chain& out, base::BufferPool& pool, base::Chain&& piece);
// The last chunk and the trailers.
void write_last_chunk(base::Chain& out, base::BufferPool& pool, const Headers& trailers);

// The standard phrase ("Not Found"), or "" for an unknown status.
std::string_view reason_phrase(std::uint16_t status);

}  // namespace ingress::http
