// Fields that HPACK's tables give again and again: each request has what its client sent, whatever the
// session remembers of others; and what the Priority field asks for.
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "http/h2_priority.h"
#include "http/h2_server.h"
#include "support/h2_frames.h"
#include "support/h2_session.h"

namespace ingress::test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

// A client's side of HPACK with tables, as one of nghttp2.
class Tables {
 public:
  Tables() { REQUIRE(nghttp2_hd_deflate_new(&deflater_, 4096) == 0); }
  ~Tables() { nghttp2_hd_deflate_del(deflater_); }
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  std::string write(Fields fields) {
    const auto bytes = [](std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); };
    std::vector<nghttp2_nv> nva;
    for (auto& [name, value] : fields)
      nva.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    std::string out(nghttp2_hd_deflate_bound(deflater_, nva.data(), nva.size()), '\0');
    const auto size = nghttp2_hd_deflate_hd(deflater_, bytes(out), out.size(), nva.data(), nva.size());
    REQUIRE(size >= 0);
    out.resize(static_cast<std::size_t>(size));
    return out;
  }

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
};

// Some that stay in the table, some that are pushed out of it, some that are too long to be remembered.
Fields make_fields(std::mt19937& random, std::size_t how_many) {
  static constexpr std::array<std::size_t, 6> kSizes = {0, 1, 7, 40, 300, 1200};
  Fields fields;
  for (std::size_t i = 0; i < how_many; ++i) {
    const std::size_t size = kSizes[random() % kSizes.size()];
    std::string name = (random() % 4 == 0 ? "x_" : "x-") + std::to_string(random() % 9);
    fields.emplace_back(std::move(name), std::string(size, static_cast<char>('a' + random() % 26)));
  }
  return fields;
}

TEST_CASE("FieldsOfTablesAreThoseThatWereSent") {
  std::mt19937 random(7);
  const Fields known = make_fields(random, 90);
  Tables tables;
  H2Session session;
  CHECK(session.feed(h2_begin()));
  for (std::uint32_t id = 1; id < 1000; id += 2) {
    // Mostly of a few, which are remembered; the rest pushes them out again.
    const std::size_t range = random() % 8 == 0 ? known.size() : 12;
    Fields sent;
    for (std::size_t i = random() % 15; i > 0; --i) sent.push_back(known[random() % range]);
    std::string text = "GET /" + std::to_string(id) + " x";
    for (const auto& [name, value] : sent) text += "\n" + name + ": " + value;
    text += "\nhost: x\n|end";
    Fields all = {
        {":method", "GET"}, {":scheme", "http"}, {":path", "/" + std::to_string(id)}, {":authority", "x"}};
    all.insert(all.end(), sent.begin(), sent.end());
    CHECK(session.feed(h2_frame(kHeaders, kEndHeaders | kEndStream, id, tables.write(all))));
    REQUIRE(session.streams.size() == 1);
    CHECK(session.streams[0]->text == text);
    session.answer(*session.streams[0], "");
    CHECK(session.collect() != "");
    CHECK(session.streams[0]->was_closed);
    session.streams.clear();
  }
}

TEST_CASE("AMalformedFieldIsSoEachTimeItComes") {
  Tables tables;
  H2Session session;
  CHECK(session.feed(h2_begin()));
  for (std::uint32_t id = 1; id < 20; id += 2) {
    const bool is_bad = id % 6 == 3;
    Fields all = {
        {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "x"}, {"x-good", "1"}};
    if (is_bad) all.emplace_back("x-bad", "a\x01");
    CHECK(session.feed(h2_frame(kHeaders, kEndHeaders | kEndStream, id, tables.write(all))));
    REQUIRE(session.streams.size() == 1);
    CHECK(session.streams[0]->has_request == !is_bad);
    if (!is_bad) session.answer(*session.streams[0], "");
    CHECK(reset_code(session.collect(), id) == (is_bad ? 1 : -1));
    session.streams.clear();
  }
}

TEST_CASE("PriorityFields") {
  struct Row {
    std::string_view text;
    int urgency;  // -1 = the field says nothing
    bool is_incremental;
  };
  const std::array rows = {
      Row{"", 3, false},
      Row{"u=0", 0, false},
      Row{"u=7, i", 7, true},
      Row{"i", 3, true},
      Row{"i=?0", 3, false},
      Row{"i=?1,u=2", 2, true},
      Row{"u=1;x=2, y=\"a,u=5\"", 1, false},
      Row{"z=(a b), u=4", 4, false},
      Row{"u=8", -1, false},
      Row{"u=-1", -1, false},
      Row{"u=1.0", -1, false},
      Row{"u", -1, false},
      Row{"u=", -1, false},
      Row{"i=1", -1, false},
      Row{"u=1, u=2", 2, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto priority = http::parse_priority(row.text);
    REQUIRE(priority.has_value() == (row.urgency >= 0));
    if (!priority) continue;
    CHECK(int{priority->urgency} == row.urgency);
    CHECK(priority->is_incremental == row.is_incremental);
  }
}

TEST_CASE("WhatIsUrgentLeavesFirst") {
  struct Row {
    const char* first;
    const char* second;
    std::uint32_t leaves_first;
  };
  const std::array rows = {Row{"u=7", "u=0", 3}, Row{"u=0", "u=7", 1}, Row{"u=9", "u=2", 3},
                           Row{"u=9", "u=3", 1}};
  for (const Row& row : rows) {
    CAPTURE(row.first);
    CAPTURE(row.second);
    H2Session session;
    CHECK(session.feed(h2_begin() + h2_request(1, "GET", "/", {{"priority", row.first}}) +
                       h2_request(3, "GET", "/", {{"priority", row.second}})));
    REQUIRE(session.streams.size() == 2);
    for (const auto& stream : session.streams) session.answer(*stream, "body");
    std::uint32_t first = 0;
    for (const H2Frame& frame : h2_frames(session.collect())) {
      if (frame.type == kData && first == 0) first = frame.stream;
    }
    CHECK(first == row.leaves_first);
  }
}

}  // namespace
}  // namespace ingress::test
