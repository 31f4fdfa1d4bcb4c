// Heads of responses as a client of HTTP/2 reads them: they are written some time after they were handed
// over, when nothing of what they were made of needs to be there.
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include <cctype>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "http/h2_server.h"
#include "support/h2_frames.h"
#include "support/h2_session.h"

namespace ingress::test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

class Reader {
 public:
  Reader() { REQUIRE(nghttp2_hd_inflate_new(&inflater_) == 0); }
  ~Reader() { nghttp2_hd_inflate_del(inflater_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Fields read(const std::string& block) {
    Fields fields;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
      nghttp2_nv field;
      const auto taken = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
      REQUIRE(taken >= 0);
      at += taken;
      left -= static_cast<std::size_t>(taken);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
      fields.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                          std::string(reinterpret_cast<char*>(field.value), field.valuelen));
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return fields;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

// Names of all characters of a token, from one to forty of them.
Fields make_fields(std::mt19937& random) {
  static constexpr std::string_view kTchars =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  Fields fields;
  for (std::size_t i = random() % 10; i > 0; --i) {
    std::string name;
    for (std::size_t size = 1 + random() % 40; size > 0; --size) name += kTchars[random() % kTchars.size()];
    fields.emplace_back(std::move(name),
                        std::string(random() % 4 * 100, static_cast<char>('a' + random() % 26)));
  }
  return fields;
}

TEST_CASE("HeadsThatWaitAreThoseThatWereGiven") {
  std::mt19937 random(11);
  Reader reader;
  H2Session session;
  CHECK(session.feed(h2_begin()));
  std::string written;
  std::vector<Fields> sent;
  for (std::uint32_t id = 1; id < 400; id += 2) {
    CHECK(session.feed(h2_request(id, "GET", "/")));
    auto& stream = *session.streams.back();
    Fields fields = make_fields(random);
    {
      ResponseHead head;
      head.set_status(static_cast<std::uint16_t>(id % 4 == 1 ? 200 : 404));
      for (const auto& [name, value] : fields) head.headers().add(name, value);
      session.server.send_head(stream, head, {http::BodyKind::kLength, 0}, -1);
      session.server.send_end(stream, Headers());
    }
    fields.insert(fields.begin(), {":status", id % 4 == 1 ? "200" : "404"});
    fields.emplace_back("content-length", "0");
    for (auto& [name, value] : fields) name = lower(name);
    const bool is_reset = random() % 8 == 0;
    if (is_reset) CHECK(session.feed(h2_frame(kRstStream, 0, id, h2_number(8))));
    sent.push_back(is_reset ? Fields() : fields);
    // Now and then, and not all of what there is.
    if (random() % 4 == 0) written += session.collect(random() % 400);
  }
  written += session.collect();
  std::size_t num_read = 0;
  for (const H2Frame& frame : h2_frames(written)) {
    if (frame.type != kHeaders) continue;
    CHECK(reader.read(frame.payload) == sent[frame.stream / 2]);
    ++num_read;
  }
  CHECK(num_read > 150);
  CHECK(goaway_code(written) == -1);
}

}  // namespace
}  // namespace ingress::test
