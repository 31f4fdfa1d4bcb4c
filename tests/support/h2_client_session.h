// An H2Client whose streams write down what they are told, for tests and the fuzzer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h2_client.h"

namespace ingress::test {

class H2ClientSession final : public http::H2ClientEvents {
 public:
  explicit H2ClientSession(const http::H2ClientLimits& limits = {}) : client(*this, pool, limits) {}
  ~H2ClientSession() { streams.clear(); }

  enum class Event : std::uint8_t { kInterim, kResponse, kBody, kEnd, kClosed, kSettings, kGoaway };

  class Stream final : public http::H2ClientStream {
   public:
    explicit Stream(H2ClientSession& session) : session_(session) {}
    // "(103 fields)200 kLength 5", the fields, the body, "|end" and trailers, "|closed 0".
    std::string text;
    std::string body;
    int num_interim = 0, num_responses = 0, num_ends = 0, num_closes = 0, num_after_close = 0;
    http::BodyFraming framing;
    http::H2Close how;
    bool is_refused = false, is_kept_back = false;
    // Interim heads, one response, its body, one end: and nothing else, nor in another order.
    bool is_out_of_order = false;
    // Of a response that never ended how much of its body was told depends on how it was read.
    std::string text_of_whole() const {
      std::string whole = text;
      if (num_ends == 0) whole.erase(body_at_, body.size());
      return whole;
    }

   private:
    void expect(bool is_so) { is_out_of_order |= !is_so; }
    void note(Event event) {
      if (num_closes > 0) ++num_after_close;
      session_.tell(event, this);
    }
    void put_fields(const Headers& fields) {
      for (const HeaderField& field : fields)
        text += "\n" + std::string(field.name) + ": " + std::string(field.value);
    }
    void on_interim() override {
      ++num_interim;
      expect(num_responses == 0);
      text += "(" + std::to_string(head().status());
      put_fields(head().headers());
      text += ")";
      note(Event::kInterim);
    }
    void on_response(std::expected<http::BodyFraming, Error> got) override {
      expect(++num_responses == 1);
      if (!got) {
        is_refused = true;
        text += std::string("refused ") + got.error().what;
        body_at_ = text.size();
        return note(Event::kResponse);
      }
      framing = *got;
      static constexpr const char* kKinds[] = {" none", " length ", " chunked", " until close"};
      text += std::to_string(head().status()) + kKinds[static_cast<int>(framing.kind)];
      if (framing.kind == http::BodyKind::kLength) text += std::to_string(framing.length);
      put_fields(head().headers());
      text += "\n";
      body_at_ = text.size();
      note(Event::kResponse);
    }
    void on_body(base::Slice piece) override {
      expect(num_responses == 1 && num_ends == 0 && !is_refused && !piece.is_empty());
      text += piece.view();
      body += piece.view();
      if (!is_kept_back) {
        session_.client.consume_connection(piece.size());
        session_.client.consume_stream(*this, piece.size());
      }
      note(Event::kBody);
    }
    void on_response_end(const Headers& trailers) override {
      expect(num_responses == 1 && ++num_ends == 1 && !is_refused);
      text += "|end";
      put_fields(trailers);
      note(Event::kEnd);
    }
    void on_closed(http::H2Close closed) override {
      how = closed;
      text += "|closed " + std::to_string(how.code) + (how.is_unprocessed ? " unprocessed" : "") +
              (how.is_ours ? " ours" : "");
      const bool is_again = num_closes++ > 0;
      if (is_again) ++num_after_close;
      session_.tell(Event::kClosed, this);
    }
    H2ClientSession& session_;
    std::size_t body_at_ = 0;
  };

  // One read of the backend's bytes; false when it is not understood.
  bool feed(std::string_view bytes) { return client.feed(pool.copy(bytes)); }
  std::string collect(std::size_t budget = 1 << 20) {
    base::Chain out;
    client.collect(out, budget);
    return out.to_string();
  }
  static void fill(RequestHead& head, std::string_view method, std::string_view path) {
    head.set_method_view(method);
    head.set_target_view(path, {}, false);
    head.set_authority("x", 0, "x");
    head.note_checked();
  }
  // Null when it may not begin.
  Stream* begin(std::string_view method, std::string_view path = "/", http::BodyFraming framing = {}) {
    RequestHead head;
    fill(head, method, path);
    return begin(head, framing);
  }
  Stream* begin(const RequestHead& head, http::BodyFraming framing = {}) {
    auto stream = std::make_unique<Stream>(*this);
    if (!client.begin(*stream, head, "http", framing)) return nullptr;
    streams.push_back(std::move(stream));
    return streams.back().get();
  }
  void send(Stream& stream, std::string_view bytes) {
    base::Chain piece;
    if (!bytes.empty()) piece.append(pool.copy(bytes));
    client.send_body(stream, std::move(piece));
  }
  void end(Stream& stream) { client.send_end(stream, Headers()); }
  // Gives it up and frees it.
  void abandon(Stream& stream, http::H2Code code = http::H2Code::kCancel) {
    client.abandon(stream, code);
    std::erase_if(streams, [&stream](const auto& kept) { return kept.get() == &stream; });
  }
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

  void tell(Event event, Stream* stream) {
    if (hook) hook(event, stream);
  }
  void on_settings() override {
    ++num_settings;
    tell(Event::kSettings, nullptr);
  }
  void on_goaway() override {
    ++num_goaways;
    tell(Event::kGoaway, nullptr);
  }
  std::chrono::milliseconds now() const override { return time; }

  base::BufferPool pool;
  std::chrono::milliseconds time{1};
  int num_settings = 0, num_goaways = 0;
  // Called in each event. The stream may be gone behind it: nothing of it is touched then.
  std::function<void(Event, Stream*)> hook;
  std::vector<std::unique_ptr<Stream>> streams;
  http::H2Client client;
};

}  // namespace ingress::test
