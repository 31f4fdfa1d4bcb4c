#include "bench/proxy/response_reader.h"

#include <doctest/doctest.h>

#include <string>

namespace bench {
namespace {

using State = ResponseReader::State;

const std::string kHead = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 5\r\n\r\n";

}  // namespace

TEST_CASE("ReadsAResponseCutAtEveryByte") {
  const std::string whole = kHead + "hello";
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    ResponseReader reader;
    CHECK(reader.take(std::string_view(whole).substr(0, cut)) != State::kDone);
    CHECK(reader.take(std::string_view(whole).substr(cut)) == State::kDone);
    CHECK(reader.status() == 200);
    CHECK(reader.content_length() == 5);
  }
}

TEST_CASE("ReadsTheNextResponseAfterReset") {
  ResponseReader reader;
  CHECK(reader.take(kHead + "hello") == State::kDone);
  reader.reset();
  CHECK(reader.take("HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") == State::kDone);
  CHECK(reader.status() == 503);
  CHECK(reader.is_last());
}

TEST_CASE("SkippedBytesCountAsBody") {
  ResponseReader reader;
  CHECK(reader.take(kHead) == State::kBody);
  CHECK(reader.body_left() == 5);
  CHECK(reader.skip_body(4) == State::kBody);
  CHECK(reader.skip_body(1) == State::kDone);
}

TEST_CASE("BytesBehindTheEndAreBad") {
  for (const std::string& extra : {kHead + "hello!", kHead + "helloHTTP/1.1 200"}) {
    ResponseReader reader;
    CHECK(reader.take(extra) == State::kBad);
  }
}

TEST_CASE("WhatHasNoLengthIsBad") {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    CAPTURE(head);
    ResponseReader reader;
    CHECK(reader.take(head) == State::kBad);
  }
}

}  // namespace bench
