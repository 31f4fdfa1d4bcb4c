#include "proxyd/log_line.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string_view>

#include "proxyd/json_text.h"
#include "proxyd/log_fields.h"

namespace proxyd {
namespace {

void append_labels(std::string& out, const ingress::ExchangeRecord& record) {
  if (record.labels == nullptr || record.labels->empty()) return;
  append_name(out, "\"labels\":{");
  bool is_first = true;
  for (const auto& [name, value] : *record.labels) {
    if (!is_first) out += ',';
    is_first = false;
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  out += '}';
}

}  // namespace

void TimeText::append(std::string& out, std::int64_t unix_us) {
  unix_us = std::max<std::int64_t>(unix_us, 0);
  const std::int64_t second = unix_us / 1'000'000;
  if (second != second_) {
    const std::time_t time = second;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::strftime(text_, sizeof text_, "%Y-%m-%dT%H:%M:%S", &parts);
    second_ = second;
  }
  const auto ms = static_cast<int>(unix_us / 1000 % 1000);
  const char tail[] = {'.', static_cast<char>(ms / 100 + '0'), static_cast<char>(ms / 10 % 10 + '0'),
                       static_cast<char>(ms % 10 + '0'), 'Z'};
  out += text_;
  out.append(tail, sizeof tail);
}

void append_log_line(std::string& out, const ingress::ExchangeRecord& record, TimeText& time) {
  out += "{\"time\":\"";
  time.append(out, record.started_unix_us);
  out += '"';
  append_text(out, "\"client\":", record.client_address);
  if (record.client_port != 0) append_number(out, "\"client_port\":", record.client_port);
  if (record.peer_address != record.client_address) append_text(out, "\"peer\":", record.peer_address);
  append_text(out, "\"listener\":", record.listener);
  append_text(out, "\"method\":", record.method);
  append_text(out, "\"host\":", record.host);
  append_text(out, "\"path\":", record.path);
  append_text(out, "\"protocol\":", record.protocol);
  append_number(out, "\"status\":", record.status);
  append_number(out, "\"bytes_in\":", record.request_bytes);
  append_number(out, "\"bytes_out\":", record.response_bytes);
  append_ms(out, "\"duration_ms\":", record.duration);
  if (record.upstream_duration.count() >= 0) append_ms(out, "\"upstream_ms\":", record.upstream_duration);
  append_text(out, "\"upstream\":", record.upstream_address);
  append_text(out, "\"cluster\":", record.cluster);
  append_joined(out, "\"route\":", record.route, '/', record.rule);
  append_text(out, "\"request_id\":", record.request_id);
  if (record.num_tries > 1) append_number(out, "\"tries\":", record.num_tries);
  append_text(out, "\"no_retry\":", record.no_retry);
  append_joined(out, "\"why\":", record.why, ':', record.why_detail);
  append_labels(out, record);
  out += "}\n";
}

}  // namespace proxyd
