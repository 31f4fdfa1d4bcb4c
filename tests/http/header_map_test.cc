#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "heads.h"

using namespace ingress;
using namespace ingress::http::test;

TEST_CASE("to_header_id knows its names in any case and no others") {
  const std::pair<const char*, HeaderId> rows[] = {
      {"connection", HeaderId::kConnection},
      {"content-length", HeaderId::kContentLength},
      {"content-type", HeaderId::kContentType},
      {"date", HeaderId::kDate},
      {"expect", HeaderId::kExpect},
      {"forwarded", HeaderId::kForwarded},
      {"host", HeaderId::kHost},
      {"keep-alive", HeaderId::kKeepAlive},
      {"proxy-authenticate", HeaderId::kProxyAuthenticate},
      {"proxy-authorization", HeaderId::kProxyAuthorization},
      {"proxy-connection", HeaderId::kProxyConnection},
      {"server", HeaderId::kServer},
      {"te", HeaderId::kTe},
      {"trailer", HeaderId::kTrailer},
      {"transfer-encoding", HeaderId::kTransferEncoding},
      {"upgrade", HeaderId::kUpgrade},
      {"x-forwarded-for", HeaderId::kXForwardedFor},
      {"x-forwarded-host", HeaderId::kXForwardedHost},
      {"x-forwarded-port", HeaderId::kXForwardedPort},
      {"x-forwarded-proto", HeaderId::kXForwardedProto},
      {"x-request-id", HeaderId::kXRequestId},
  };
  for (const auto& [name, id] : rows) {
    CAPTURE(std::string(name));
    std::string text = name;
    CHECK_EQ(to_header_id(text), id);
    for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    CHECK_EQ(to_header_id(text), id);
    CHECK_EQ(to_header_id(text + "x"), HeaderId::kOther);
    CHECK_EQ(to_header_id(text.substr(1)), HeaderId::kOther);
    text[0] ^= 0x40;
    CHECK_EQ(to_header_id(text), HeaderId::kOther);
  }
  CHECK_EQ(to_header_id(""), HeaderId::kOther);
  CHECK_EQ(to_header_id("content_length"), HeaderId::kOther);
}

TEST_CASE("Headers finds the first field of a name in any case") {
  Headers headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  headers.add("HOST", "h");
  CHECK_EQ(headers.get("x-A"), "1");
  CHECK_EQ(headers.get("host"), "h");
  CHECK_EQ(headers.get(HeaderId::kHost), "h");
  CHECK(headers.has(HeaderId::kHost));
  CHECK_FALSE(headers.get("x-b").has_value());
  CHECK_FALSE(headers.has(HeaderId::kDate));
}

TEST_CASE("Headers::set leaves one field, in the place of the first") {
  Headers headers;
  headers.add("A", "1");
  headers.add("B", "2");
  headers.add("a", "3");
  headers.add("C", "4");
  headers.set("a", "5");
  CHECK_EQ(dump(headers), "[a]=[5]\n[B]=[2]\n[C]=[4]\n");
  headers.set("D", "6");
  CHECK_EQ(dump(headers), "[a]=[5]\n[B]=[2]\n[C]=[4]\n[D]=[6]\n");
  headers.set("B", *headers.get("d"));
  CHECK_EQ(headers.get("b"), "6");
  headers.set(headers.begin()->name, headers.begin()->value);
  CHECK_EQ(headers.get("a"), "5");
}

TEST_CASE("Headers copies what it is given, but for views") {
  Headers headers;
  std::string name = "X-Name";
  std::string value = "value";
  headers.add(name, value);
  headers.set("X-Other", value);
  name.assign("garbage");
  value.assign("garbage");
  CHECK_EQ(dump(headers), "[X-Name]=[value]\n[X-Other]=[value]\n");
}

TEST_CASE("Headers removes every field of a name") {
  Headers headers;
  for (const char* name : {"A", "Te", "a", "TE", "B"}) headers.add(name, "");
  CHECK_EQ(headers.remove("A"), 2);
  CHECK_EQ(headers.remove("A"), 0);
  CHECK_EQ(headers.remove(HeaderId::kTe), 2);
  CHECK_EQ(dump(headers), "[B]=[]\n");
  headers.clear();
  CHECK(headers.is_empty());
  headers.add("C", "d");
  headers.release();
  CHECK_EQ(headers.size(), 0);
}

TEST_CASE("Headers can be moved with what they keep") {
  Headers headers;
  headers.add("A", "b");
  Headers moved(std::move(headers));
  CHECK_EQ(dump(moved), "[A]=[b]\n");
  Headers target;
  target.add("X", "y");
  target = std::move(moved);
  CHECK_EQ(dump(target), "[A]=[b]\n");
}

TEST_CASE("Headers knows at once which known names it has") {
  constexpr auto kBoth = Headers::bit(HeaderId::kTe) | Headers::bit(HeaderId::kHost);
  Headers headers;
  CHECK_FALSE(headers.has_any(kBoth));
  headers.add("te", "");
  headers.add_view("Host", "a", HeaderId::kHost);
  CHECK(headers.has(HeaderId::kTe));
  CHECK(headers.has(HeaderId::kHost));
  headers.remove("TE");
  CHECK_FALSE(headers.has(HeaderId::kTe));
  CHECK(headers.has_any(kBoth));
  headers.set("Expect", "1");
  headers.retain([](const HeaderField& field) { return field.id != HeaderId::kHost; });
  CHECK_FALSE(headers.has_any(kBoth));
  CHECK(headers.has(HeaderId::kExpect));
  Headers copy;
  copy.add("Date", "x");
  copy.assign(headers);
  CHECK(copy.has(HeaderId::kExpect));
  CHECK_FALSE(copy.has(HeaderId::kDate));
  Headers moved(std::move(copy));
  CHECK(moved.has(HeaderId::kExpect));
  CHECK_FALSE(
      copy.has(HeaderId::kExpect));  // NOLINT(bugprone-use-after-move): that it is empty is what is asked
  moved.clear();
  CHECK_FALSE(moved.has(HeaderId::kExpect));
}

TEST_CASE("Known names are found in any case, and only they") {
  CHECK_EQ(to_header_id("tRANSFER-eNCODING"), HeaderId::kTransferEncoding);
  CHECK_EQ(to_header_id("TE"), HeaderId::kTe);
  CHECK_EQ(to_header_id("Date"), HeaderId::kDate);
  // One bit from a known name each: a hyphen is no letter whose case could be folded.
  CHECK_EQ(to_header_id("content\rlength"), HeaderId::kOther);
  CHECK_EQ(to_header_id("content-lengtH"), HeaderId::kContentLength);
  for (const char* const known : {"te", "host", "upgrade", "connection", "proxy-authorization"}) {
    std::string name = known;
    for (char& c : name) {
      for (int bit = 0; bit < 8; ++bit) {
        c = static_cast<char>(c ^ (1 << bit));
        const bool is_same = bit == 5 && ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        CHECK_EQ(to_header_id(name) != HeaderId::kOther, is_same);
        c = static_cast<char>(c ^ (1 << bit));
      }
    }
  }
}
