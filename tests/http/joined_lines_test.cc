// Lines that are copied as one piece, whatever was done to the list before: each must read as its field says.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>

#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "http/header_names.h"

using namespace ingress;
using namespace ingress::http;

namespace {

constexpr std::string_view kNames[] = {"Host",   "Accept", "Connection", "Content-Length", "X-A",
                                       "Cookie", "X-B",    "Server",     "X-Request-Id",   "Date"};

std::string random_head(std::mt19937& random) {
  std::string text = "GET /a HTTP/1.1\r\nHost: h.example\r\n";
  bool has_length = false;
  for (unsigned i = random() % 12; i > 0; --i) {
    const std::string_view name = kNames[1 + random() % (std::size(kNames) - 1)];
    if (name == "Content-Length" && std::exchange(has_length, true)) continue;
    text.append(name).append(": ").append(std::to_string(random() % 1000)).append("\r\n");
  }
  return text + "\r\n";
}

// What the list says, a line for each field.
std::string rendered(const Headers& headers) {
  std::string text;
  for (const HeaderField& field : headers) {
    if ((kIdsOfWriter & Headers::bit(field.id)) != 0) continue;
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return text;
}

std::string written(const RequestHead& head) {
  base::BufferPool pool;
  base::Chain out;
  write_request_head(out, pool, head, {}, ConnectionHeader::kNone);
  const std::string text = out.to_string();
  const std::size_t fields = text.find("\r\n", text.find("Host: ")) + 2;
  return text.substr(fields, text.size() - fields - 2);
}

void change(Headers& headers, std::mt19937& random) {
  const std::string name(kNames[random() % std::size(kNames)]);
  switch (random() % 5) {
    case 0:
      headers.remove(name);
      break;
    case 1:
      headers.set(name, "set");
      break;
    case 2:
      headers.add(name, "added");
      break;
    case 3:
      headers.remove_any(Headers::bit(HeaderId::kDate) | Headers::bit(HeaderId::kServer));
      break;
    default: {
      const unsigned keep = random();
      unsigned at = 0;
      headers.retain([&](const HeaderField&) { return (keep >> (at++ % 32) & 1) != 0; });
    }
  }
}

}  // namespace

TEST_CASE("JoinedLinesReadAsTheFieldsSayAfterAnyChange") {
  std::mt19937 random(20'261'126);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_head(random);
    CAPTURE(text);
    RequestParser parser({});
    const auto fed = parser.feed(text);
    REQUIRE(fed.has_value());
    REQUIRE(fed->is_complete);
    RequestHead& head = parser.head();
    for (int i = 0; i < 4; ++i) {
      CHECK_EQ(written(head), rendered(head.headers()));
      CHECK(rendered(head.headers()).size() <= head.headers().max_bytes());
      for (const std::string_view name : kNames) {
        const HeaderId id = to_header_id(name);
        std::size_t count = 0;
        for (const HeaderField& field : head.headers()) count += field.id == id ? 1 : 0;
        if (id == HeaderId::kOther) continue;
        CHECK_EQ(head.headers().has(id), count > 0);
        if (count > 1) CHECK(head.headers().may_repeat(id));
      }
      change(head.headers(), random);
    }
  }
}
