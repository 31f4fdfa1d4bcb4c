#include "net/proxied_transport.h"

#include <utility>

namespace ingress::net {

void ProxiedTransport::deliver(base::Slice bytes) {
  if (handler_ != nullptr) handler_->on_read(std::move(bytes));
}

void ProxiedTransport::set_handler(TransportHandler* handler) {
  handler_ = handler;
  stream_->set_handler(handler);
}

void ProxiedTransport::close() {
  handler_ = nullptr;
  stream_->close();
}

void ProxiedTransport::reset() {
  handler_ = nullptr;
  stream_->reset();
}

void ProxiedTransport::destroy() {
  close();
  // deliver() may be on the stack, or still to come.
  loop_.defer([this] { delete this; });
}

}  // namespace ingress::net
