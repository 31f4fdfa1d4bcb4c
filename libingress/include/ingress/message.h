// Heads of HTTP messages as filters, routers and codecs see them.
//
// A head is parsed, validated and written anew from this form, never passed through unread. Views
// handed out here live as long as the head is neither changed nor destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "ingress/export.h"

namespace ingress {

namespace base {
class Arena;
}

// Header names the library itself looks at; all others are kOther. Found once, at parse.
enum class HeaderId : std::uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kContentType,
  kDate,
  kExpect,
  kForwarded,
  kHost,
  kKeepAlive,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kServer,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedPort,
  kXForwardedProto,
  kXRequestId,
};
// Any case; linear in the length of `name` (one hash, one compare).
INGRESS_EXPORT HeaderId to_header_id(std::string_view name);

struct HeaderField {
  std::string_view name;   // as received
  std::string_view value;  // without surrounding white space
  HeaderId id = HeaderId::kOther;
  bool is_checked = false;  // by the codec: token and field text (RFC 9110 5.5), as the writer needs them
  // By the codec: in memory the name stands before ": ", the value and CR LF, a line as it is to be written;
  // the name is letters, digits and hyphens.
  bool is_line = false;
  // A line that stands in memory right behind the line of the field before it: both are written as one piece.
  bool is_joined = false;
};

// An ordered list of header fields; names compare without case. Lookups are linear in the number of
// fields (at most ListenerLimits::max_headers).
// Thread: one. Lifetime: fields added through add_view() point into memory of the caller; set() and
// add() copy into storage of this object that is kept until clear().
class INGRESS_EXPORT Headers {
 public:
  Headers();
  ~Headers();
  Headers(Headers&&) noexcept;
  Headers& operator=(Headers&&) noexcept;

  // The value of the first field of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  std::optional<std::string_view> get(HeaderId id) const {
    const HeaderField* const field = find(id);
    return field == nullptr ? std::nullopt : std::optional(field->value);
  }
  // The first field with that id; null when there is none.
  const HeaderField* find(HeaderId id) const {
    if (!has(id)) return nullptr;
    const HeaderField* field = begin();
    while (field != end_ && field->id != id) ++field;
    return field == end_ ? nullptr : field;
  }
  bool has(HeaderId id) const { return has_any(bit(id)); }
  // A set of ids, one bit each.
  using IdSet = std::uint32_t;
  static constexpr IdSet bit(HeaderId id) { return IdSet{1} << static_cast<unsigned>(id); }
  // Whether any field has an id of the set; costs the same for any number of fields.
  bool has_any(IdSet ids) const { return (facts_.ids & ids) != 0; }
  // False when there is at most one field with that id, which is not kOther.
  bool may_repeat(HeaderId id) const { return (facts_.repeated & bit(id)) != 0; }
  // Replaces all fields of that name by one.
  void set(std::string_view name, std::string_view value);
  // Appends a field.
  void add(std::string_view name, std::string_view value);
  // Appends a field without copying. `id` must be to_header_id(name).
  void add_view(std::string_view name, std::string_view value, HeaderId id) {
    push_single(name, value, id, false);
  }
  // The same for codecs, which have checked what they found.
  void add_checked_view(std::string_view name, std::string_view value, HeaderId id) {
    push_single(name, value, id, true);
  }
  // The same for one whose views are of a line as HeaderField::is_line says. Whoever adds lines says behind
  // the last one what they are (note_lines()). `is_joined` counts for nothing in the first field of the list.
  void add_line_view(std::string_view name, std::string_view value, HeaderId id, bool is_joined) {
    push({name, value, id, true, true, is_joined});
  }
  // The ids of lines that were added, those that two or more of them have, and what they take, or more.
  void note_lines(IdSet ids, IdSet repeated, std::size_t bytes) {
    facts_.repeated |= repeated | (facts_.ids & ids);
    facts_.ids |= ids;
    facts_.max_bytes += bytes;
  }
  // Room for `size` bytes in storage of this object: for lines to be added by add_line_view(), which are
  // written as one when they stand one behind the other.
  char* take_room(std::size_t size);
  // Removes all fields of that name; returns how many there were.
  std::size_t remove(std::string_view name);
  std::size_t remove(HeaderId id) { return remove_any(bit(id)); }
  // Removes all fields with an id of the set.
  std::size_t remove_any(IdSet ids);
  // Becomes a copy of `other` that needs nothing of it.
  void assign(const Headers& other);
  // Copies `text` into the storage of this object.
  std::string_view keep(std::string_view text);
  // Forgets fields and storage; capacity stays for the next message.
  void clear();
  // Also gives the capacity back: for connections that go idle.
  void release();

  std::size_t size() const { return static_cast<std::size_t>(end_ - fields_.get()); }
  bool is_empty() const { return end_ == fields_.get(); }
  // What all fields take as lines, at most.
  std::size_t max_bytes() const { return facts_.max_bytes; }
  // Whether each field is a line (HeaderField::is_line).
  bool has_lines_only() const { return !facts_.has_single; }
  const HeaderField* begin() const { return fields_.get(); }
  const HeaderField* end() const { return end_; }
  // Keeps the fields for which `keep_field(field)` is true.
  template <typename Predicate>
  void retain(Predicate keep_field) {
    facts_.ids = 0;
    remove_if([&](const HeaderField& field) {
      if (!keep_field(field)) return true;
      facts_.ids |= bit(field.id);
      return false;
    });
  }

 private:
  base::Arena& storage();
  void push(const HeaderField& field) {
    if (end_ == room_end_) grow();
    *end_++ = field;
  }
  // One that is no line of a head.
  void push_single(std::string_view name, std::string_view value, HeaderId id, bool is_checked);
  void grow();
  // Asks once for each field; what comes behind one that goes is joined to none.
  template <typename Predicate>
  std::size_t remove_if(Predicate is_removed) {
    HeaderField* kept = fields_.get();
    bool has_gap = false;
    for (const HeaderField* field = begin(); field != end_; ++field) {
      if (is_removed(*field)) {
        has_gap = true;
        continue;
      }
      if (kept != field) *kept = *field;
      if (std::exchange(has_gap, false)) kept->is_joined = false;
      ++kept;
    }
    return static_cast<std::size_t>(std::exchange(end_, kept) - kept);
  }

  static constexpr std::size_t kLineExtra = 4;  // ": " and CR LF
  // What is known of all fields together. Of those that are gone again it may still speak, but for `ids`.
  struct Facts {
    IdSet ids = 0;
    IdSet repeated = 0;  // seen twice or more
    bool has_single = false;
    std::size_t max_bytes = 0;
  };

  // Not a vector: what adds a field to one is too much code for where a field is added.
  std::unique_ptr<HeaderField[]> fields_;
  HeaderField* end_ = nullptr;
  HeaderField* room_end_ = nullptr;
  Facts facts_;
  std::unique_ptr<base::Arena> storage_;
};

enum class HttpVersion : std::uint8_t { kHttp10, kHttp11, kHttp2 };

// A request's head after validation and normalisation: what is matched is what is forwarded.
class RequestHead {
 public:
  std::string_view method() const { return method_; }
  // The authority without port, lower case; brackets kept for IPv6. Never empty after parsing an
  // HTTP/1.1 request with a Host; may be empty for HTTP/1.0 without one.
  std::string_view host() const { return host_; }
  // Port as written in the authority; 0 when there was none.
  std::uint16_t port() const { return port_; }
  // The Host field to forward: host and port as written.
  std::string_view authority() const { return authority_; }
  // Normalised path, starts with '/' (or is "*" for OPTIONS *).
  std::string_view path() const { return path_; }
  // Without '?'. has_query() tells "/a?" from "/a".
  std::string_view query() const { return query_; }
  bool has_query() const { return has_query_; }
  HttpVersion version() const { return version_; }
  // Whether path, query and authority are what a codec has checked: nothing in them needs encoding.
  bool is_checked() const { return is_checked_; }
  Headers& headers() { return headers_; }
  const Headers& headers() const { return headers_; }

  // Setters for filters copy; those for codecs (…_view) do not.
  void set_path(std::string_view path) { path_ = headers_.keep(path), is_checked_ = false; }
  void set_query(std::string_view query) {
    query_ = headers_.keep(query), has_query_ = true, is_checked_ = false;
  }
  void set_authority(std::string_view host, std::uint16_t port, std::string_view authority) {
    set_authority_view(headers_.keep(host), port, headers_.keep(authority));
  }
  void set_method_view(std::string_view method) { method_ = method; }
  void set_target_view(std::string_view path, std::string_view query, bool has_query) {
    path_ = path, query_ = query, has_query_ = has_query, is_checked_ = false;
  }
  void set_authority_view(std::string_view host, std::uint16_t port, std::string_view authority) {
    host_ = host, port_ = port, authority_ = authority, is_checked_ = false;
  }
  void note_checked() { is_checked_ = true; }
  void set_version(HttpVersion version) { version_ = version; }
  // Becomes a copy of `other` that needs nothing of it.
  void assign(const RequestHead& other);
  void clear() {
    headers_.clear();
    method_ = host_ = authority_ = path_ = query_ = {};
    port_ = 0, has_query_ = is_checked_ = false;
  }

 private:
  std::string_view method_, host_, authority_, path_, query_;
  Headers headers_;
  std::uint16_t port_ = 0;
  bool has_query_ = false;
  bool is_checked_ = false;
  HttpVersion version_ = HttpVersion::kHttp11;
};

// A response's head. The reason phrase is the backend's, or the standard one when empty.
class ResponseHead {
 public:
  std::uint16_t status() const { return status_; }
  void set_status(std::uint16_t status) { status_ = status, reason_ = {}; }
  std::string_view reason() const { return reason_; }
  void set_reason_view(std::string_view reason) { reason_ = reason; }
  HttpVersion version() const { return version_; }
  void set_version(HttpVersion version) { version_ = version; }
  Headers& headers() { return headers_; }
  const Headers& headers() const { return headers_; }
  void clear() { headers_.clear(), reason_ = {}, status_ = 0; }

 private:
  std::string_view reason_;
  Headers headers_;
  std::uint16_t status_ = 0;
  HttpVersion version_ = HttpVersion::kHttp11;
};

}  // namespace ingress
