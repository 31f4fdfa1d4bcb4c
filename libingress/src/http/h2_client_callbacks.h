// What nghttp2 calls while it reads and writes for an H2Client.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

#include "http/h2_client.h"

namespace ingress::http {

struct H2ClientCallbacks {
  static H2Client& client(void* user);
  // Null also for one whose owner has gone.
  static H2ClientStream* stream_of(nghttp2_session* session, std::int32_t id);
  // By us: nothing is told of it any more, and nothing written.
  static bool is_given_up(const H2ClientStream* stream);
  // What a callback returns: whether to read on.
  static int go_on(const H2Client& self);
  static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user);
  static int on_unknown_bytes(nghttp2_session*, const nghttp2_frame_hd*, const std::uint8_t*, std::size_t,
                              void*);
  static int on_unknown(nghttp2_session*, void**, const nghttp2_frame_hd*, void*);
  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* user);
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void*);
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static void take_head(H2Client& self, H2ClientStream& stream, bool is_end);
  static void end_response(nghttp2_session* session, std::int32_t id);
  static int on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame, int, void* user);
  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user);
  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t code, void* user);
  static ssize_t read_data(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t max,
                           std::uint32_t* flags, nghttp2_data_source*, void* user);
  static int send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* frame_head,
                       std::size_t size, nghttp2_data_source*, void* user);
  static int on_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user);
  static int on_before_send(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_error(nghttp2_session*, int error, const char*, std::size_t, void*);
  static const nghttp2_session_callbacks* table();
};

}  // namespace ingress::http
