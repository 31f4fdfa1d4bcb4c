#include "http/uri.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/chars.h"
#include "http/host_name.h"

namespace ingress::http {
namespace {

constexpr std::size_t kMaxHostBytes = 255;  // a DNS name has at most 253, a bracketed address 47
constexpr std::size_t kMaxPortDigits = 5;

std::unexpected<Error> refuse(const char* what, ErrorCode code = ErrorCode::kBadRequest) {
  return std::unexpected(Error{.code = code, .side = ErrorSide::kDownstream, .what = what});
}

enum class PathForm : std::uint8_t { kNormal, kNeedsRewrite, kInvalid };
struct PathFacts {
  PathForm form = PathForm::kNormal;
  bool may_be_ambiguous = false;  // holds a ';' or an escape that a second reader may mind
};

// The byte that the escape at `p` stands for; -1 when it is no escape.
int decode_escape(const char* p, const char* end) {
  if (end - p < 3) return -1;
  const int high = hex_value(p[1]);
  const int low = hex_value(p[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

PathForm classify_escape(const char* p, const char* end) {
  const int byte = decode_escape(p, end);
  // An encoded null ends the path early in whatever is written in C behind us.
  if (byte <= 0) return PathForm::kInvalid;
  if (is_in(static_cast<char>(byte), kUnreserved)) return PathForm::kNeedsRewrite;
  const auto is_lower = [](char c) { return c >= 'a'; };
  return is_lower(p[1]) || is_lower(p[2]) ? PathForm::kNeedsRewrite : PathForm::kNormal;
}

// Whether the segment that starts at `p` (behind its '/') is "." or "..".
bool is_dot_segment(const char* p, const char* end) {
  for (int dots = 0; dots < 2 && p != end && *p == '.'; ++dots) {
    if (++p == end || *p == '/') return true;
  }
  return false;
}

// What has to be done about `path`. One look at each byte; nearly all paths end here as kNormal.
PathFacts classify_path(std::string_view path, Slashes slashes) {
  constexpr PathFacts kInvalid{.form = PathForm::kInvalid};
  if (path.empty() || path.front() != '/') return kInvalid;
  PathFacts facts;
  const char* const end = path.data() + path.size();
  for (const char* p = path.data(); p != end; ++p) {
    switch (*p) {
      case '/':
        if (p + 1 == end) break;
        if (p[1] == '.' && is_dot_segment(p + 1, end)) facts.form = PathForm::kNeedsRewrite;
        if (p[1] == '/' && slashes == Slashes::kMerge) facts.form = PathForm::kNeedsRewrite;
        break;
      case '%':
        switch (classify_escape(p, end)) {
          case PathForm::kInvalid:
            return kInvalid;
          case PathForm::kNeedsRewrite:
            facts.form = PathForm::kNeedsRewrite;
            break;
          case PathForm::kNormal:
            break;
        }
        facts.may_be_ambiguous = true;
        p += 2;
        break;
      case ';':
        facts.may_be_ambiguous = true;
        break;
      case '\\':  // a separator to some backends, data to others
      case '?':
      case '#':
        return kInvalid;
      default:
        if (!is_in(*p, kVchar)) return kInvalid;
    }
  }
  return facts;
}

void append_segment(std::string& out, const char* p, const char* end) {
  static constexpr char kHexDigits[] = "0123456789ABCDEF";
  while (p != end) {
    if (*p != '%') {
      out += *p++;
      continue;
    }
    const auto byte = static_cast<unsigned char>(decode_escape(p, end));
    if (is_in(static_cast<char>(byte), kUnreserved)) {
      out += static_cast<char>(byte);
    } else {
      out += '%';
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    }
    p += 3;
  }
}

// RFC 3986 5.2.4 by segments: what was decoded may be a dot segment itself.
void rewrite_path(std::string_view path, std::string& out) {
  out.clear();
  out.reserve(path.size());
  const char* const end = path.data() + path.size();
  for (const char* slash = path.data(); slash != end;) {
    const char* const next = std::find(slash + 1, end, '/');
    const std::size_t kept = out.size();
    out += '/';
    append_segment(out, slash + 1, next);
    const std::string_view segment = std::string_view(out).substr(kept + 1);
    if (segment == "." || segment == "..") {
      const std::size_t parent = segment == "." || kept == 0 ? kept : out.rfind('/', kept - 1);
      out.resize(parent);
      if (next == end) out += '/';
    }
    slash = next;
  }
  if (out.empty()) out = "/";
}

void merge_slashes(std::string& path) {
  const auto rest = std::ranges::unique(path, [](char a, char b) { return a == '/' && b == '/'; });
  path.erase(rest.begin(), rest.end());
}

// Besides hidden dots: separators and parameters, and what is one of these or a dot when decoded twice.
constexpr std::string_view kAmbiguousMarks[] = {";",     "%2F",   "%5C",   "%252E", "%252e",
                                                "%252F", "%252f", "%255C", "%255c"};

// Whether a reader that decodes "%2F" and "%5C" before it splits, or cuts a segment at its parameters
// (RFC 3986 3.3), sees "." or ".." in a normal path, which has none by itself.
bool has_hidden_dots(std::string_view path) {
  constexpr unsigned kOther = 3;
  unsigned num_dots = 0;  // that the part consists of so far; kOther when of anything else
  for (std::size_t i = 1; i <= path.size();) {
    const std::string_view rest = path.substr(i);
    const bool is_separator =
        rest.empty() || rest.front() == '/' || rest.starts_with("%2F") || rest.starts_with("%5C");
    const bool is_parameter = rest.starts_with(';') || rest.starts_with("%3B");
    if ((is_separator || is_parameter) && (num_dots == 1 || num_dots == 2)) return true;
    if (is_separator) {
      num_dots = 0;
    } else {
      num_dots = rest.front() == '.' ? std::min(num_dots + 1, kOther) : kOther;
    }
    i += rest.starts_with('%') ? 3 : 1;
  }
  return false;
}

bool is_ambiguous(std::string_view normal_path, Ambiguous ambiguous) {
  switch (ambiguous) {
    case Ambiguous::kReject:
      return has_hidden_dots(normal_path) || std::ranges::any_of(kAmbiguousMarks, [=](std::string_view mark) {
               return normal_path.find(mark) != normal_path.npos;
             });
    case Ambiguous::kRejectHiddenDots:
      return has_hidden_dots(normal_path);
    case Ambiguous::kKeep:
      return false;
  }
  return true;
}

bool starts_with_scheme(std::string_view target, std::string_view scheme) {
  return target.size() >= scheme.size() && base::equals_ignore_case(target.substr(0, scheme.size()), scheme);
}

// The part of `authority` before an empty port: "a:" and "a" are the same, and one is forwarded.
std::string_view without_empty_port(std::string_view authority) {
  if (authority.ends_with(':')) authority.remove_suffix(1);
  return authority;
}

void set_authority(RequestHead& head, const Authority& authority, std::string_view text) {
  std::string_view host = authority.host;
  if (authority.has_upper_case) {
    std::array<char, kMaxHostBytes> lower;
    std::ranges::transform(host, lower.begin(), [](char c) { return base::to_lower_ascii(c); });
    host = head.headers().keep({lower.data(), host.size()});
  }
  head.set_authority_view(host, authority.port, without_empty_port(text));
}

std::expected<void, Error> set_path_and_query(std::string_view target, PathOptions options,
                                              RequestHead& head) {
  const std::size_t mark = target.find('?');
  std::string_view query;
  if (mark != target.npos) {
    query = target.substr(mark + 1);
    if (!is_vchars(query) || query.find('#') != query.npos) return refuse("bad_target");
  }
  std::string scratch;
  const auto path = normalize_path(target.substr(0, mark), options, scratch);
  if (!path) return std::unexpected(path.error());
  const bool is_rewritten = path->data() == scratch.data();
  head.set_target_view(is_rewritten ? head.headers().keep(*path) : *path, query, mark != target.npos);
  return {};
}

std::expected<void, Error> parse_absolute_form(std::string_view method, std::string_view target,
                                               PathOptions options, RequestHead& head) {
  const std::size_t begin = target.find("//") + 2;
  const std::size_t end = std::min(target.find_first_of("/?#", begin), target.size());
  const std::string_view text = target.substr(begin, end - begin);
  const auto authority = parse_authority(text);
  if (!authority) return refuse("bad_target");
  set_authority(head, *authority, text);
  std::string_view rest = target.substr(end);
  if (rest.empty()) {
    // RFC 9112 3.2.4: OPTIONS of an absolute URI without path is about the server as a whole.
    head.set_target_view(method == "OPTIONS" ? "*" : "/", {}, false);
    return {};
  }
  if (rest.front() == '/') return set_path_and_query(rest, options, head);
  if (!is_vchars(rest) || rest.find('#') != rest.npos) return refuse("bad_target");
  head.set_target_view("/", rest.substr(1), true);
  return {};
}

}  // namespace

std::expected<std::string_view, Error> normalize_path(std::string_view path, PathOptions options,
                                                      std::string& scratch) {
  const PathFacts facts = classify_path(path, options.slashes);
  if (facts.form == PathForm::kInvalid) return refuse("bad_path");
  if (facts.form == PathForm::kNeedsRewrite) {
    rewrite_path(path, scratch);
    if (options.slashes == Slashes::kMerge) merge_slashes(scratch);
    path = scratch;
  }
  if (facts.may_be_ambiguous && is_ambiguous(path, options.ambiguous)) return refuse("ambiguous_path");
  return path;
}

std::expected<Authority, Error> parse_authority(std::string_view text) {
  Authority authority;
  std::size_t host_end = 0;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == text.npos || !base::is_ipv6_address(text.substr(1, bracket - 1)))
      return refuse("bad_host");
    host_end = bracket + 1;
    authority.host = text.substr(0, host_end);
    authority.has_upper_case =
        std::ranges::any_of(authority.host, [](char c) { return c >= 'A' && c <= 'F'; });
  } else {
    const HostName name = scan_host_name(text);
    host_end = name.size;
    if (host_end == 0 || host_end > kMaxHostBytes || name.has_empty_label) return refuse("bad_host");
    authority.host = text.substr(0, host_end);
    authority.has_upper_case = name.has_upper_case;
  }
  if (host_end >= text.size()) return authority;
  const std::string_view port = text.substr(host_end + 1);
  if (text[host_end] != ':') return refuse("bad_host");
  if (port.empty()) return authority;  // RFC 3986 3.2.3: as if there were no colon
  const auto number = base::parse_decimal<std::uint16_t>(port);
  if (!number || *number == 0 || port.size() > kMaxPortDigits) return refuse("bad_host");
  authority.port = *number;
  return authority;
}

std::expected<void, Error> parse_target(std::string_view method, std::string_view target,
                                        std::string_view host_field, PathOptions options, RequestHead& head) {
  if (method == "CONNECT") return refuse("connect", ErrorCode::kMethodNotSupported);
  // A Host that is wrong is refused even where the target replaces it (RFC 9112 3.2).
  head.set_authority_view({}, 0, {});
  if (!host_field.empty()) {
    const auto authority = parse_authority(host_field);
    if (!authority) return std::unexpected(authority.error());
    set_authority(head, *authority, host_field);
  }
  if (target.starts_with('/')) return set_path_and_query(target, options, head);
  if (target == "*" && method == "OPTIONS") {
    head.set_target_view(target, {}, false);
    return {};
  }
  if (starts_with_scheme(target, "http://") || starts_with_scheme(target, "https://")) {
    return parse_absolute_form(method, target, options, head);
  }
  const auto authority_form = parse_authority(target);
  if (authority_form && authority_form->port != 0) {
    return refuse("authority_form", ErrorCode::kMethodNotSupported);
  }
  return refuse("bad_target");
}

}  // namespace ingress::http
