// Which upgrades are offered and accepted in order; everything else is a plain message.
#include "http/upgrade.h"

#include <doctest/doctest.h>

#include <string>

#include "heads.h"

using namespace ingress;
using namespace ingress::http;

namespace {

// The head, parsed whole and in two pieces cut at every byte; what it offers must be the same each time.
std::string offer_of(const std::string& fields, const char* start = "GET / HTTP/1.1") {
  const std::string text = std::string(start) + "\r\nHost: a\r\n" + fields + "\r\n";
  std::string offered;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    RequestParser parser({});
    REQUIRE(parser.feed(std::string_view(text).substr(0, cut)));
    const auto fed = parser.feed(std::string_view(text).substr(cut));
    REQUIRE(fed);
    REQUIRE(fed->is_complete);
    const auto framing = request_framing(parser.head());
    REQUIRE(framing);
    const std::string now(offered_upgrade(parser.head(), *framing));
    if (cut > 0) CHECK(now == offered);
    offered = now;
  }
  return offered;
}

std::string accepted_of(const std::string& fields, const char* offered, const char* version = "HTTP/1.1") {
  ResponseParser parser({});
  const auto fed = parser.feed(std::string(version) + " 101 Switching Protocols\r\n" + fields + "\r\n");
  REQUIRE(fed);
  REQUIRE(fed->is_complete);
  return std::string(accepted_upgrade(parser.head(), offered));
}

const std::string kNamed = "Connection: Upgrade\r\n";

}  // namespace

TEST_CASE("UpgradesOfferedInOrderAreFound") {
  const struct {
    std::string fields, offered;
  } rows[] = {
      {kNamed + "Upgrade: websocket\r\n", "websocket"},
      {"connection: keep-alive, uPGRADE\r\nupgrade: WebSocket\r\n", "WebSocket"},
      {"Connection: close\r\nConnection: Upgrade\r\nUpgrade: x\r\n", "x"},
      {"Connection: \", upgrade\r\nUpgrade: x\r\n", "x"},
      {kNamed + "Upgrade: SPDY/3.1\r\nContent-Length: 0\r\n", "SPDY/3.1"},
      {kNamed + "Upgrade: a/1 , b\r\n", "a/1 , b"},
      {kNamed + "Upgrade: tcp\r\n", "tcp"},
      {kNamed + "Upgrade: httpish\r\n", "httpish"},
      {kNamed + "Upgrade: h2d\r\n", "h2d"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.fields);
    CHECK(offer_of(row.fields) == row.offered);
    CHECK(offer_of(row.fields, "POST /exec HTTP/1.1") == row.offered);
  }
}

TEST_CASE("UpgradesOutOfOrderAreNotOffered") {
  for (const std::string& fields : {
           std::string("Upgrade: websocket\r\n"),
           std::string("Connection: close\r\nUpgrade: websocket\r\n"),
           std::string("Connection: Upgrades\r\nUpgrade: websocket\r\n"),
           kNamed,
           kNamed + "Upgrade:\r\n",
           kNamed + "Upgrade: ,\r\n",
           kNamed + "Upgrade: web socket\r\n",
           kNamed + "Upgrade: a/b/c\r\n",
           kNamed + "Upgrade: a/\r\n",
           kNamed + "Upgrade: /1\r\n",
           kNamed + "Upgrade: \"websocket\"\r\n",
           kNamed + "Upgrade: \"websocket, a\"\r\n",
           kNamed + "Upgrade: websocket;x=1\r\n",
           kNamed + "Upgrade: websocket, (a)\r\n",
           kNamed + "Upgrade: websocket\r\nUpgrade: websocket\r\n",
           kNamed + "Upgrade:\r\nUpgrade: websocket\r\n",
           kNamed + "Upgrade: websocket\r\nContent-Length: 5\r\n",
           kNamed + "Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n",
           // What would carry requests past us.
           kNamed + "Upgrade: h2c\r\n",
           kNamed + "Upgrade: H2C\r\n",
           kNamed + "Upgrade: h2\r\n",
           kNamed + "Upgrade: h3\r\n",
           kNamed + "Upgrade: HTTP/2.0\r\n",
           kNamed + "Upgrade: http/1.1\r\n",
           kNamed + "Upgrade: TLS/1.2\r\n",
           kNamed + "Upgrade: websocket, h2c\r\n",
           kNamed + "Upgrade: h2c, websocket\r\n",
       }) {
    CAPTURE(fields);
    CHECK(offer_of(fields).empty());
  }
  CHECK(offer_of(kNamed + "Upgrade: websocket\r\n", "GET / HTTP/1.0").empty());
}

TEST_CASE("A101IsAcceptedOnlyForWhatWasOffered") {
  CHECK(accepted_of(kNamed + "Upgrade: websocket\r\n", "websocket") == "websocket");
  CHECK(accepted_of("Upgrade: WebSocket\r\n", "websocket") == "WebSocket");
  CHECK(accepted_of("Upgrade: b/2\r\nContent-Length: 0\r\n", "a , b/2") == "b/2");
  for (const std::string& fields : {kNamed, std::string("Upgrade:\r\n"), std::string("Upgrade: chat\r\n"),
                                    std::string("Upgrade: web\r\n"), std::string("Upgrade: websocket/13\r\n"),
                                    std::string("Upgrade: websocket, websocket\r\n"),
                                    std::string("Upgrade: websocket\r\nUpgrade: websocket\r\n"),
                                    std::string("Upgrade: websocket\r\nContent-Length: 1\r\n"),
                                    std::string("Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n")}) {
    CAPTURE(fields);
    CHECK(accepted_of(fields, "websocket").empty());
  }
  CHECK(accepted_of("Upgrade: websocket\r\n", "").empty());
  CHECK(accepted_of("Upgrade: websocket\r\n", "websocket", "HTTP/1.0").empty());
}
