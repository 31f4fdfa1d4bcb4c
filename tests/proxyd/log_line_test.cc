#include "proxyd/log_line.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace proxyd {
namespace {

std::string line_of(const ingress::ExchangeRecord& record) {
  TimeText time;
  std::string out;
  append_log_line(out, record, time);
  return out;
}

TEST_CASE("WritesAllFieldsOfAProxiedRequest") {
  const std::vector<std::pair<std::string, std::string>> labels = {{"tenant", "a"}, {"x", "y\n"}};
  ingress::ExchangeRecord record;
  record.started_unix_us = 1'767'225'600'123'999;
  record.client_address = "::1";
  record.client_port = 40000;
  record.listener = "http-0";
  record.method = "GET";
  record.host = "shop.example.com";
  record.path = "/cart";
  record.protocol = "HTTP/1.1";
  record.status = 200;
  record.request_bytes = 7;
  record.response_bytes = 1024;
  record.duration = std::chrono::microseconds(1005);
  record.upstream_duration = std::chrono::microseconds(999);
  record.upstream_address = "127.0.0.1:9000";
  record.cluster = "default/shop:80";
  record.route = "default/shop";
  record.rule = "0";
  record.request_id = "abc";
  record.labels = &labels;
  CHECK(
      line_of(record) ==
      R"({"time":"2026-01-01T00:00:00.123Z","client":"::1","client_port":40000,"listener":"http-0",)"
      R"("method":"GET","host":"shop.example.com","path":"/cart","protocol":"HTTP/1.1","status":200,)"
      R"("bytes_in":7,"bytes_out":1024,"duration_ms":1.005,"upstream_ms":0.999,"upstream":"127.0.0.1:9000",)"
      R"("cluster":"default/shop:80","route":"default/shop/0","request_id":"abc",)"
      R"("labels":{"tenant":"a","x":"y\n"}})"
      "\n");
}

TEST_CASE("LeavesOutWhatIsNotThere") {
  ingress::ExchangeRecord record;
  record.client_address = "unix";
  record.status = 400;
  record.why = "bad_request";
  record.why_detail = "two_content_lengths";
  CHECK(line_of(record) ==
        R"({"time":"1970-01-01T00:00:00.000Z","client":"unix","status":400,"bytes_in":0,"bytes_out":0,)"
        R"("duration_ms":0.000,"why":"bad_request:two_content_lengths"})"
        "\n");
}

TEST_CASE("TellsOfFurtherTries") {
  ingress::ExchangeRecord record;
  record.client_address = "unix";
  record.status = 502;
  record.num_tries = 2;
  record.no_retry = "budget";
  CHECK(line_of(record) ==
        R"({"time":"1970-01-01T00:00:00.000Z","client":"unix","status":502,"bytes_in":0,"bytes_out":0,)"
        R"("duration_ms":0.000,"tries":2,"no_retry":"budget"})"
        "\n");
}

TEST_CASE("HostileTextCannotForgeALine") {
  ingress::ExchangeRecord record;
  record.host = "a\"}\n{\"forged\":1";
  record.path = "/\r\n\xe2\x80\xa8\xff";
  record.route = "ns/\"name";
  record.rule = "\n";
  const std::string line = line_of(record);
  CHECK(std::ranges::count(line, '\n') == 1);
  CHECK(line.find(R"("host":"a\"}\n{\"forged\":1")") != std::string::npos);
  CHECK(line.find("\"path\":\"/\\u000d\\n\\u2028\xef\xbf\xbd\"") != std::string::npos);
  CHECK(line.find(R"("route":"ns/\"name/\n")") != std::string::npos);
}

TEST_CASE("TimeIsFormattedAnewWhenTheSecondChanges") {
  TimeText time;
  const auto text = [&](std::int64_t unix_us) {
    std::string out;
    time.append(out, unix_us);
    return out;
  };
  CHECK(text(951'782'399'999'999) == "2000-02-28T23:59:59.999Z");
  CHECK(text(951'782'400'000'000) == "2000-02-29T00:00:00.000Z");
  CHECK(text(951'782'400'050'000) == "2000-02-29T00:00:00.050Z");
  CHECK(text(-5) == "1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace proxyd
