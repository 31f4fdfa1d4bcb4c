// What nghttp2 calls while it reads and writes for an H2Server.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

#include "http/h2_nva.h"
#include "http/h2_server.h"

namespace ingress::http {

struct H2Callbacks {
  static H2Server& server(void* user);
  static H2ServerStream* stream_of(nghttp2_session* session, std::int32_t id);
  static bool is_request(const nghttp2_frame& frame);
  static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user);
  static int on_unknown_bytes(nghttp2_session*, const nghttp2_frame_hd*, const std::uint8_t*, std::size_t,
                              void*);
  static int on_unknown(nghttp2_session*, void**, const nghttp2_frame_hd*, void*);
  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, std::uint8_t, void* user);
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static void take_request(H2Server& self, H2ServerStream& stream, bool is_end);
  static void set_priority(H2Server& self, const H2ServerStream& stream, H2Priority priority);
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user);
  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user);
  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void* user);
  static ssize_t read_data(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t max,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user);
  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head, std::size_t size,
                       nghttp2_data_source* source, void* user);
  static int on_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user);
  static int on_sent(nghttp2_session* session, const nghttp2_frame* frame, void*);
  static const nghttp2_session_callbacks* table();
};

}  // namespace ingress::http
