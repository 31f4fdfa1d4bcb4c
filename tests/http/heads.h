// Feeds texts to the parsers and writes down what came out, so that two ways of feeding can be compared.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/h1_parser.h"
#include "ingress/message.h"

namespace ingress::http::test {

// A string literal with the null bytes inside it.
template <std::size_t N>
std::string bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

inline std::string dump(const Headers& headers) {
  std::string out;
  for (const HeaderField& field : headers) {
    out.append("[").append(field.name).append("]=[").append(field.value).append("]\n");
  }
  return out;
}

inline std::string dump(const RequestHead& head) {
  std::string out;
  out.append(head.method()).append(" ").append(head.path());
  if (head.has_query()) out.append("?").append(head.query());
  out.append(head.version() == HttpVersion::kHttp11 ? " 1.1" : " 1.0");
  out.append(" host=").append(head.host()).append(" port=").append(std::to_string(head.port()));
  out.append(" authority=").append(head.authority()).append("\n");
  return out + dump(head.headers());
}

inline std::string dump(const ResponseHead& head) {
  std::string out = std::to_string(head.status());
  out.append(" [").append(head.reason()).append("]");
  out.append(head.version() == HttpVersion::kHttp11 ? " 1.1\n" : " 1.0\n");
  return out + dump(head.headers());
}

inline std::string dump(const Error& error) {
  std::string out(to_string(error.code));
  return out.append(" ").append(error.what);
}

// What a parser made of `pieces`: "after N: <head>", "refused: <code> <what>" or "more".
template <typename Parser>
std::string parse_pieces(Parser& parser, const std::vector<std::string_view>& pieces) {
  std::size_t consumed = 0;
  for (const std::string_view piece : pieces) {
    const auto result = parser.feed(piece);
    if (!result) return "refused: " + dump(result.error());
    consumed += result->consumed;
    if (result->is_complete) return "after " + std::to_string(consumed) + ": " + dump(parser.head());
    if (result->consumed != piece.size()) return "incomplete, but bytes were left over";
  }
  return "more";
}

template <typename Parser>
std::string parse_whole(std::string_view text, HeadLimits limits = {}) {
  Parser parser(limits);
  return parse_pieces(parser, {text});
}

// The first way of cutting `text` that gives something else than `expected`; empty when there is none.
// One parser serves all of them: what is left over from one head must not show in the next.
template <typename Parser>
std::string find_cut_that_differs(std::string_view text, std::string_view expected, HeadLimits limits = {}) {
  Parser parser(limits);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const std::string got = parse_pieces(parser, {text.substr(0, at), text.substr(at)});
    if (got != expected) return "cut at " + std::to_string(at) + ": " + got;
    parser.reset();
  }
  std::vector<std::string_view> drops;
  for (std::size_t at = 0; at < text.size(); ++at) drops.push_back(text.substr(at, 1));
  const std::string got = parse_pieces(parser, drops);
  return got == expected ? "" : "byte by byte: " + got;
}

}  // namespace ingress::http::test
