// The normal form of paths against one that is written from RFC 3986 word by word: every string of a nasty
// alphabet up to a length, under every set of options.
#include <doctest/doctest.h>

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "http/uri.h"

using namespace ingress::http;

namespace {

constexpr std::string_view kRefused = "refused";
constexpr std::string_view kHex = "0123456789ABCDEF";

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from))
    text.replace(at, from.size(), to);
  return text;
}

bool is_unreserved(int c) {
  return std::isalnum(c) != 0 ||
         std::string_view("-._~").find(static_cast<char>(c)) != std::string_view::npos;
}

// RFC 3986 6.2.2.1 and 6.2.2.2; "" for what is no path of ours.
std::string decode(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (std::string_view("\\?# ").find(path[i]) != std::string_view::npos) return {};
    if (path[i] != '%') {
      out += path[i];
      continue;
    }
    if (i + 2 >= path.size()) return {};
    const std::size_t high = kHex.find(static_cast<char>(std::toupper(path[i + 1])));
    const std::size_t low = kHex.find(static_cast<char>(std::toupper(path[i + 2])));
    if (high == kHex.npos || low == kHex.npos || high + low == 0) return {};
    const int byte = static_cast<int>(high * 16 + low);
    out += is_unreserved(byte) ? std::string(1, static_cast<char>(byte))
                               : std::string{'%', kHex[high], kHex[low]};
    i += 2;
  }
  return out.starts_with('/') ? out : "";
}

// RFC 3986 5.2.4, with its two buffers and the letters of its steps.
std::string remove_dot_segments(std::string input) {
  std::string output;
  const auto remove_last_segment = [&output] { output.resize(output.empty() ? 0 : output.rfind('/')); };
  while (!input.empty()) {
    if (input.starts_with("/./")) {  // B
      input = "/" + input.substr(3);
    } else if (input == "/.") {
      input = "/";
    } else if (input.starts_with("/../")) {  // C
      input = "/" + input.substr(4);
      remove_last_segment();
    } else if (input == "/..") {
      input = "/";
      remove_last_segment();
    } else {  // E; A and D are about paths that do not start with a slash
      const std::size_t next = std::min(input.find('/', 1), input.size());
      output += input.substr(0, next);
      input = input.substr(next);
    }
  }
  return output;
}

bool has_dots_when_read_again(std::string path) {
  path = replace_all(replace_all(std::move(path), "%2F", "/"), "%5C", "/");
  path = replace_all(std::move(path), "%3B", ";") + "/";
  for (std::size_t end = path.find('/', 1), begin = 1; end != path.npos;
       begin = end + 1, end = path.find('/', begin)) {
    const std::string segment = path.substr(begin, end - begin);
    const std::string name = segment.substr(0, segment.find(';'));
    if (name == "." || name == "..") return true;
  }
  return false;
}

bool is_mentioned(const std::string& path) {
  std::string lower;
  for (const char c : path) lower += static_cast<char>(std::tolower(c));
  for (const char* mark : {";", "%2f", "%5c", "%252e", "%252f", "%255c"}) {
    if (lower.find(mark) != lower.npos) return true;
  }
  return false;
}

std::string slow_normalize(std::string_view path, PathOptions options) {
  std::string out = decode(path);
  if (out.empty()) return std::string(kRefused);
  out = remove_dot_segments(std::move(out));
  if (options.slashes == Slashes::kMerge) out = replace_all(std::move(out), "//", "/");
  if (options.ambiguous != Ambiguous::kKeep && has_dots_when_read_again(out)) return std::string(kRefused);
  if (options.ambiguous == Ambiguous::kReject && is_mentioned(out)) return std::string(kRefused);
  return out;
}

std::string normalize(std::string_view path, PathOptions options) {
  std::string scratch;
  const auto result = normalize_path(path, options, scratch);
  return std::string(result ? *result : kRefused);
}

constexpr std::string_view kPieces[] = {"/", ".", "a", ";", "\\", "%2e", "%2f", "%5C", "%25", "2E", "%3b"};
constexpr unsigned kMaxPieces = 4;  // behind the first slash, which nothing is a path without

struct Walk {
  PathOptions options;
  std::size_t num_paths = 0;
  std::size_t num_accepted = 0;

  void check(const std::string& path) {
    ++num_paths;
    const std::string once = normalize(path, options);
    if (once != slow_normalize(path, options)) {
      CAPTURE(path);
      CAPTURE(once);
      FAIL_CHECK("is not what RFC 3986 makes of it");
    }
    if (once == kRefused) return;
    ++num_accepted;
    if (normalize(once, options) != once || once.size() > path.size()) {
      CAPTURE(path);
      CAPTURE(once);
      FAIL_CHECK("is not its own normal form");
    }
  }

  void all_from(const std::string& path, unsigned num_left) {
    check(path);
    if (num_left == 0) return;
    for (const std::string_view piece : kPieces) all_from(path + std::string(piece), num_left - 1);
  }
};

}  // namespace

TEST_CASE("normalize_path agrees with RFC 3986 on every short path, and once is as good as twice") {
  for (const Slashes slashes : {Slashes::kMerge, Slashes::kKeep}) {
    for (const Ambiguous ambiguous : {Ambiguous::kReject, Ambiguous::kRejectHiddenDots, Ambiguous::kKeep}) {
      CAPTURE(static_cast<int>(slashes));
      CAPTURE(static_cast<int>(ambiguous));
      Walk walk{.options = {slashes, ambiguous}};
      walk.all_from("/", kMaxPieces);
      walk.all_from("/a/b", 3);
      walk.all_from("/..", 3);
      walk.check("");
      walk.check("a");
      CHECK_GT(walk.num_paths, 15'000);
      CHECK_GT(walk.num_accepted, 500);
    }
  }
}
