#include <uv.h>

#include <cassert>
#include <utility>

#include "net/socket_address.h"
#include "net/stream_transport.h"
#include "net/tcp.h"

namespace ingress::net {

namespace {

// Owner: the attempt and libuv's request (or the deferred call in its place), whichever lasts longer.
class Core {
 public:
  Core(EventLoop& loop, OnConnect on_connect) : loop_(loop), on_connect_(std::move(on_connect)) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  void begin(const std::string& address, std::uint16_t port, std::chrono::milliseconds timeout);
  // The attempt goes: no callback comes any more.
  void abandon();

 private:
  ~Core() = default;
  void finish(int status);
  void release();

  EventLoop& loop_;
  OnConnect on_connect_;
  StreamTransport::Ptr transport_;
  bool is_finished_ = false;  // told the owner, or need not any more
  int num_holders_ = 2;
  Timer timeout_{[](void* core) { static_cast<Core*>(core)->finish(UV_ETIMEDOUT); }, this};
  uv_connect_t request_{};
};

void Core::begin(const std::string& address, std::uint16_t port, std::chrono::milliseconds timeout) {
  int status = UV_EINVAL;
  if (const auto parsed = parse_ip(address, port)) {
    transport_ = StreamTransport::make_unconnected(loop_, to_peer_address(parsed->storage));
    request_.data = this;
    uv_tcp_nodelay(transport_->tcp(), 1);  // no socket yet: remembered until there is one
    status =
        uv_tcp_connect(&request_, transport_->tcp(), parsed->get(), [](uv_connect_t* request, int result) {
          auto* const self = static_cast<Core*>(request->data);
          self->finish(result);
          self->release();
        });
  }
  if (status == 0) {
    timeout_.set(loop_.timers(), timeout);
    return;
  }
  loop_.defer([this, status] {
    finish(status);
    release();
  });
}

void Core::abandon() {
  is_finished_ = true;
  timeout_.cancel();
  transport_.reset();  // libuv then reports the request as cancelled
  release();
}

void Core::finish(int status) {
  if (is_finished_) return;
  is_finished_ = true;
  timeout_.cancel();
  if (status == 0) {
    on_connect_(StreamTransport::to_transport(std::move(transport_)));
    return;
  }
  transport_.reset();
  on_connect_(std::unexpected(connect_error(status)));
}

void Core::release() {
  if (--num_holders_ == 0) delete this;
}

class Attempt final : public ConnectAttempt {
 public:
  explicit Attempt(Core* core) : core_(core) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() override { core_->abandon(); }

 private:
  Core* core_;
};

}  // namespace

std::unique_ptr<ConnectAttempt> connect(EventLoop& loop, const std::string& address, std::uint16_t port,
                                        std::chrono::milliseconds timeout, OnConnect on_connect) {
  auto* const core = new Core(loop, std::move(on_connect));
  auto attempt = std::make_unique<Attempt>(core);
  core->begin(address, port, timeout);
  return attempt;
}

}  // namespace ingress::net
