// HTTP/2 as a peer writes it, frame by frame: well formed only as far as the test wants it to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingress::test {

inline constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum H2FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
inline constexpr std::uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;

inline std::string h2_number(std::uint32_t number) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
  return out;
}

inline std::uint32_t h2_number_of(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

inline std::string h2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                            std::string_view payload) {
  std::string out = h2_number(static_cast<std::uint32_t>(payload.size())).substr(1);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out + h2_number(stream) + std::string(payload);
}

// As fields that enter no table (RFC 7541 6.2.2), lengths up to 16 KB.
inline std::string hpack(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  const auto put = [&out](const std::string& text) {
    if (text.size() < 127) {
      out += static_cast<char>(text.size());
    } else {
      std::size_t rest = text.size() - 127;
      out += static_cast<char>(127);
      for (; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 + 128);
      out += static_cast<char>(rest);
    }
    out += text;
  };
  for (const auto& [name, value] : fields) {
    out += '\0';
    put(name);
    put(value);
  }
  return out;
}

inline std::string h2_request(std::uint32_t stream, std::string_view method, std::string_view path,
                              const std::vector<std::pair<std::string, std::string>>& more = {},
                              std::uint8_t flags = kEndHeaders | kEndStream) {
  std::vector<std::pair<std::string, std::string>> fields = {{":method", std::string(method)},
                                                             {":scheme", "http"},
                                                             {":path", std::string(path)},
                                                             {":authority", "x"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return h2_frame(kHeaders, flags, stream, hpack(fields));
}

inline std::string h2_response(std::uint32_t stream, std::string_view status,
                               const std::vector<std::pair<std::string, std::string>>& more = {},
                               std::uint8_t flags = kEndHeaders | kEndStream) {
  std::vector<std::pair<std::string, std::string>> fields = {{":status", std::string(status)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return h2_frame(kHeaders, flags, stream, hpack(fields));
}

// One setting.
inline std::string h2_setting(std::uint16_t id, std::uint32_t value) {
  return h2_frame(kSettings, 0, 0,
                  std::string{static_cast<char>(id >> 8), static_cast<char>(id)} + h2_number(value));
}

struct H2Frame {
  std::uint8_t type = 0, flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};
// Whole frames at the front of `bytes`.
inline std::vector<H2Frame> h2_frames(std::string_view bytes) {
  std::vector<H2Frame> frames;
  const auto at = [&bytes](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  while (bytes.size() >= 9) {
    const std::size_t size = at(0) << 16 | at(1) << 8 | at(2);
    if (bytes.size() < 9 + size) break;
    const std::uint32_t stream = static_cast<std::uint32_t>(at(5)) << 24 | at(6) << 16 | at(7) << 8 | at(8);
    frames.push_back({at(3), at(4), stream, std::string(bytes.substr(9, size))});
    bytes.remove_prefix(9 + size);
  }
  return frames;
}

// The preface and SETTINGS.
inline std::string h2_begin() {
  return std::string(kH2Preface) + h2_frame(kSettings, 0, 0, "");
}

// The code of the last GOAWAY; -1 = none.
inline std::int64_t goaway_code(std::string_view bytes) {
  std::int64_t code = -1;
  for (const H2Frame& frame : h2_frames(bytes)) {
    if (frame.type == kGoaway) code = h2_number_of(frame.payload.substr(4));
  }
  return code;
}
// The code of the stream's RST_STREAM; -1 = none.
inline std::int64_t reset_code(std::string_view bytes, std::uint32_t stream) {
  for (const H2Frame& frame : h2_frames(bytes)) {
    if (frame.type == kRstStream && frame.stream == stream) return h2_number_of(frame.payload);
  }
  return -1;
}

}  // namespace ingress::test
