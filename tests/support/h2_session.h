// An H2Server whose streams write down what they are told, for tests and the fuzzer.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h2_server.h"

namespace ingress::test {

class H2Session final : public http::H2ServerEvents {
 public:
  explicit H2Session(const http::H2Limits& limits = {}) : server(*this, pool, limits) {}
  ~H2Session() { streams.clear(); }

  class Stream final : public http::H2ServerStream {
   public:
    explicit Stream(H2Session& session) : session_(session) {}
    // "GET /a x", the fields, the body, how it ended.
    std::string text;
    bool has_request = false, has_ended = false, was_closed = false;
    std::size_t body_bytes = 0, size_at_close = 0;
    // Of a request that never ended how much of its body was told depends on how it was read.
    std::string text_of_whole() const {
      std::string whole = text;
      if (!has_ended) whole.erase(head_size_, body_bytes);
      return whole;
    }

   private:
    void on_request(std::expected<http::BodyFraming, Error> framing) override {
      has_request = true;
      if (!framing) {
        text += std::string("refused ") + framing.error().what;
        head_size_ = text.size();
        return;
      }
      const RequestHead& got = head();
      text += std::string(got.method()) + " " + std::string(got.path());
      if (got.has_query()) text += "?" + std::string(got.query());
      text += " " + std::string(got.host());
      for (const HeaderField& field : got.headers()) {
        text += "\n" + std::string(field.name) + ": " + std::string(field.value);
      }
      text += "\n";
      head_size_ = text.size();
    }
    void on_body(base::Slice piece) override {
      text += piece.view();
      body_bytes += piece.size();
      session_.server.consume_connection(piece.size());
      session_.server.consume_stream(*this, piece.size());
    }
    void on_request_end(const Headers& trailers) override {
      has_ended = true;
      text += "|end";
      for (const HeaderField& field : trailers) {
        text += "\n" + std::string(field.name) + ": " + std::string(field.value);
      }
    }
    void on_closed() override {
      was_closed = true;
      text += "|closed";
      size_at_close = text.size();
    }
    H2Session& session_;
    std::size_t head_size_ = 0;
  };

  // One read of the client's bytes; false when it is not understood.
  bool feed(std::string_view bytes) { return server.feed(pool.copy(bytes)); }
  std::string collect(std::size_t budget = 1 << 20) {
    base::Chain out;
    server.collect(out, budget);
    return out.to_string();
  }
  void answer(Stream& stream, std::string_view body) {
    ResponseHead head;
    head.set_status(200);
    server.send_head(stream, head, {http::BodyKind::kLength, body.size()}, -1);
    base::Chain piece;
    if (!body.empty()) piece.append(pool.copy(body));
    server.send_body(stream, std::move(piece));
    server.send_end(stream, Headers());
  }
  // What all streams were told, in the order in which they began.
  std::string text() const {
    std::string all;
    for (const auto& stream : streams) all += stream->text + "\n--\n";
    return all;
  }
  std::string text_of_whole() const {
    std::string all;
    for (const auto& stream : streams) all += stream->text_of_whole() + "\n--\n";
    return all;
  }

  http::H2ServerStream* on_stream() override {
    streams.push_back(std::make_unique<Stream>(*this));
    return streams.back().get();
  }
  void on_goaway_announced() override { is_goaway_announced = true; }
  void on_ping_ack() override { ++num_ping_acks; }
  std::chrono::milliseconds now() const override { return time; }

  base::BufferPool pool;
  std::chrono::milliseconds time{1};
  int num_ping_acks = 0;
  bool is_goaway_announced = false;
  std::vector<std::unique_ptr<Stream>> streams;
  http::H2Server server;
};

}  // namespace ingress::test
