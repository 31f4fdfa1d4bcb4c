// What BoringSSL reads and writes through: the chains of a TlsTransport.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "tls/boring.h"
#include "tls/tls_transport.h"

namespace ingress::tls {

int TlsTransport::bio_read(BIO* bio, char* out, int size) {
  auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.input_.is_empty()) {
    if (self.is_input_ended_) return 0;
    BIO_set_retry_read(bio);
    return -1;
  }
  iovec front;
  self.input_.to_iovecs(&front, 1);
  const std::size_t part = std::min(front.iov_len, static_cast<std::size_t>(size));
  std::memcpy(out, front.iov_base, part);
  self.input_.drop_front(part);
  return static_cast<int>(part);
}

int TlsTransport::bio_write(BIO* bio, const char* bytes, int size) {
  auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
  // In small pieces: a record is somewhat larger than the next class of blocks, and would waste most of the
  // one behind that.
  std::string_view rest(bytes, static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, base::BufferPool::kSmallBytes);
    self.output_.append_copy(part, self.loop_.buffers());
    rest.remove_prefix(part.size());
  }
  return size;
}

long TlsTransport::bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* TlsTransport::bio_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index(), "transport");  // lives as long as the process
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

}  // namespace ingress::tls
