// One line of the access log: a StreamRecord as a JSON object. Fields are listed in docs/admin.md.
#pragma once

#include <string>

#include "ingress/stream_record.h"
#include "proxyd/log_line.h"

namespace proxyd {

// Appends the line with its line feed. Absent values have no field; datagrams are counted of UDP only.
void append_stream_log_line(std::string& out, const ingress::StreamRecord& record, TimeText& time);

}  // namespace proxyd
