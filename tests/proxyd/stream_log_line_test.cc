#include "proxyd/stream_log_line.h"

#include <doctest/doctest.h>

#include <string>

namespace proxyd {
namespace {

std::string line_of(const ingress::StreamRecord& record) {
  TimeText time;
  std::string out;
  append_stream_log_line(out, record, time);
  return out;
}

TEST_CASE("WritesAllFieldsOfAStream") {
  ingress::StreamRecord record;
  record.started_unix_us = 1'767'225'600'123'999;
  record.client_address = "192.0.2.7";
  record.client_port = 40000;
  record.listener = "mail";
  record.protocol = "tls";
  record.server_name = "mail.example.com";
  record.client_bytes = 7;
  record.backend_bytes = 1024;
  record.duration = std::chrono::microseconds(1005);
  record.upstream_address = "127.0.0.1:9000";
  record.cluster = "mail";
  record.route = "by-name";
  record.why = "idle_timeout";
  record.why_detail = "a\n";
  CHECK(
      line_of(record) ==
      R"({"time":"2026-01-01T00:00:00.123Z","client":"192.0.2.7","client_port":40000,)"
      R"("listener":"mail","protocol":"tls","server_name":"mail.example.com","bytes_in":7,"bytes_out":1024,)"
      R"("duration_ms":1.005,"upstream":"127.0.0.1:9000","cluster":"mail","route":"by-name",)"
      R"("why":"idle_timeout:a\n"})"
      "\n");
}

TEST_CASE("DatagramsAreCountedOfUdpAndWhatIsNotThereIsLeftOut") {
  ingress::StreamRecord record;
  record.client_address = "::1";
  record.protocol = "udp";
  record.client_datagrams = 3;
  CHECK(line_of(record) ==
        R"({"time":"1970-01-01T00:00:00.000Z","client":"::1","protocol":"udp","bytes_in":0,"bytes_out":0,)"
        R"("datagrams_in":3,"datagrams_out":0,"duration_ms":0.000})"
        "\n");
}

}  // namespace
}  // namespace proxyd
