#include "proxy/pending_headers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "net/proxied_transport.h"
#include "proxy/listener_state.h"

namespace ingress::proxy {

class PendingHeaders::Wait final : private net::TransportHandler {
 public:
  Wait(PendingHeaders& all, ListenerState& listener, net::TransportPtr stream)
      : all_(all),
        listener_(listener),
        stream_(std::move(stream)),
        timer_([](void* self) { static_cast<Wait*>(self)->give_up(&ProxyHeaderCounters::late); }, this) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() = default;

  void start() {
    limit(listener_.settings.timeouts.proxy_header);
    stream_->start(this);
  }
  // Never gives more time than is left.
  void limit(std::chrono::milliseconds time) {
    const std::chrono::milliseconds until = all_.loop_.timers().now() + time;
    if (until >= until_) return;
    until_ = until;
    timer_.set(all_.loop_.timers(), time);
  }
  const ListenerState& listener() const { return listener_; }
  std::size_t index = 0;  // in the owner's list

 private:
  // Whole in one read, as a rule: then nothing is copied.
  void on_read(base::Slice bytes) override {
    if (!stream_) return;
    const std::size_t num_held = held_.size();
    if (num_held > 0) held_.append(bytes.view().substr(0, net::kMaxProxyHeaderBytes - num_held));
    const auto parsed = net::parse_proxy_header(num_held > 0 ? std::string_view(held_) : bytes.view());
    if (!parsed) return give_up(&ProxyHeaderCounters::invalid);
    if (!*parsed) {
      if (num_held == 0) held_ = bytes.view();
      return;
    }
    bytes.drop_front((*parsed)->size_bytes - num_held);
    hand_over(**parsed, std::move(bytes));
  }
  void on_read_end() override { give_up(&ProxyHeaderCounters::left); }
  bool minds_reset_at_end() const override { return false; }
  void on_drained() override {}
  void on_broken(Error) override { give_up(&ProxyHeaderCounters::left); }

  void hand_over(const net::ProxyHeader& header, base::Slice rest) {
    all_.settle(*this, all_.counters_.accepted);
    const net::ProxyAddresses addresses =
        header.addresses ? *header.addresses : net::ProxyAddresses{stream_->peer(), stream_->local()};
    auto* const made = new net::ProxiedTransport(all_.loop_, std::move(stream_), addresses);
    all_.owner_.on_proxy_header(listener_, net::TransportPtr(made));
    if (!rest.is_empty()) made->deliver(std::move(rest));  // dropped or not, it is there until the turn ends
  }
  void give_up(base::Counter ProxyHeaderCounters::* why) {
    if (!stream_) return;
    all_.settle(*this, all_.counters_.*why);
    stream_.reset();
  }

  PendingHeaders& all_;
  ListenerState& listener_;
  net::TransportPtr stream_;  // null when it has left
  net::Timer timer_;
  std::chrono::milliseconds until_ = std::chrono::milliseconds::max();
  std::string held_;  // of a header that came in pieces
};

PendingHeaders::PendingHeaders(net::EventLoop& loop, ProxyHeaderCounters& counters,
                               PendingHeadersOwner& owner)
    : loop_(loop), counters_(counters), owner_(owner) {}
PendingHeaders::~PendingHeaders() = default;

void PendingHeaders::add(ListenerState& listener, net::TransportPtr stream) {
  if (!listener.proxy_senders->trusts_peer(stream->peer().view())) return counters_.strangers.add();
  waits_.push_back(std::make_unique<Wait>(*this, listener, std::move(stream)));
  waits_.back()->index = waits_.size() - 1;
  waits_.back()->start();
}

void PendingHeaders::hurry(const ListenerState* listener, std::chrono::milliseconds time) {
  for (const std::unique_ptr<Wait>& wait : waits_) {
    if (listener == nullptr || &wait->listener() == listener) wait->limit(time);
  }
}

bool PendingHeaders::has_any_of(const ListenerState& listener) const {
  return std::ranges::any_of(waits_, [&](const auto& wait) { return &wait->listener() == &listener; });
}

void PendingHeaders::drop_all() {
  if (waits_.empty()) return;
  waits_.clear();
  loop_.defer([this] { owner_.on_headers_settled(); });
}

// Its own functions are on the stack: it is freed when they have returned.
void PendingHeaders::settle(Wait& wait, base::Counter& counter) {
  counter.add();
  std::unique_ptr<Wait> gone = std::exchange(waits_[wait.index], std::move(waits_.back()));
  waits_.pop_back();
  if (gone->index < waits_.size()) waits_[gone->index]->index = gone->index;
  loop_.defer([this, gone = std::move(gone)]() mutable {
    gone.reset();
    owner_.on_headers_settled();
  });
}

}  // namespace ingress::proxy
