#include "proxyd/stream_log_line.h"

#include "proxyd/log_fields.h"

namespace proxyd {

void append_stream_log_line(std::string& out, const ingress::StreamRecord& record, TimeText& time) {
  out += "{\"time\":\"";
  time.append(out, record.started_unix_us);
  out += '"';
  append_text(out, "\"client\":", record.client_address);
  if (record.client_port != 0) append_number(out, "\"client_port\":", record.client_port);
  append_text(out, "\"listener\":", record.listener);
  append_text(out, "\"protocol\":", record.protocol);
  append_text(out, "\"server_name\":", record.server_name);
  append_number(out, "\"bytes_in\":", record.client_bytes);
  append_number(out, "\"bytes_out\":", record.backend_bytes);
  if (record.protocol == "udp") {
    append_number(out, "\"datagrams_in\":", record.client_datagrams);
    append_number(out, "\"datagrams_out\":", record.backend_datagrams);
  }
  append_ms(out, "\"duration_ms\":", record.duration);
  append_text(out, "\"upstream\":", record.upstream_address);
  append_text(out, "\"cluster\":", record.cluster);
  append_text(out, "\"route\":", record.route);
  append_joined(out, "\"why\":", record.why, ':', record.why_detail);
  out += "}\n";
}

}  // namespace proxyd
