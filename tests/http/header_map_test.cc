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
