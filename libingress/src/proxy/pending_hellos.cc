#include "proxy/pending_hellos.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/listener_state.h"

namespace ingress::proxy {

class PendingHellos::Wait final : private net::TransportHandler {
 public:
  Wait(PendingHellos& all, ListenerState& listener, net::TransportPtr stream,
       tls::HandshakeLimits::Place place)
      : all_(all),
        listener_(listener),
        stream_(std::move(stream)),
        place_(std::move(place)),
        timer_([](void* self) { static_cast<Wait*>(self)->give_up(StreamRefusal::kHelloTimeout); }, this) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() = default;

  void start() {
    limit(listener_.settings.timeouts.tls_handshake);
    stream_->start(this);
  }
  // Never gives more time than is left.
  void limit(std::chrono::milliseconds time) {
    const std::chrono::milliseconds until = all_.loop_.timers().now() + time;
    if (until >= until_) return;
    until_ = until;
    timer_.set(all_.loop_.timers(), time);
  }
  ListenerState& listener() { return listener_; }
  std::size_t index = 0;  // in the owner's list

 private:
  // Whole in one read, as a rule: then nothing is copied. Of many small pieces none holds the block that it
  // was read into.
  void on_read(base::Slice bytes) override {
    if (!stream_) return;
    const auto state = reader_.read(bytes.view());
    if (state == tls::ClientHelloReader::State::kMore) {
      return read_.append_copy(bytes.view(), all_.loop_.buffers());
    }
    read_.append(std::move(bytes));
    hand_over();
  }
  void on_read_end() override { give_up(StreamRefusal::kHelloLeft); }
  bool minds_reset_at_end() const override { return false; }
  void on_drained() override {}
  void on_broken(Error) override { give_up(StreamRefusal::kHelloLeft); }

  void hand_over() {
    const auto left = std::max(until_ - all_.loop_.timers().now(), std::chrono::milliseconds(1));
    place_.reset();
    all_.settle(*this);
    all_.owner_.on_hello(listener_, {.stream = std::move(stream_),
                                     .read = std::move(read_),
                                     .is_tls = reader_.state() == tls::ClientHelloReader::State::kDone,
                                     .server_name = reader_.server_name(),
                                     .time_left = left});
  }
  void give_up(StreamRefusal why) {
    if (!stream_) return;
    all_.counters_.refuse(why);
    all_.settle(*this);
    stream_.reset();
  }

 public:
  // Nothing comes from the stream any more.
  void drop() {
    all_.settle(*this);
    stream_.reset();
  }

 private:
  PendingHellos& all_;
  ListenerState& listener_;
  net::TransportPtr stream_;  // null when it has left
  std::optional<tls::HandshakeLimits::Place> place_;
  tls::ClientHelloReader reader_;
  base::Chain read_;
  net::Timer timer_;
  std::chrono::milliseconds until_ = std::chrono::milliseconds::max();
};

PendingHellos::PendingHellos(net::EventLoop& loop, StreamCounters& counters, PendingHellosOwner& owner)
    : loop_(loop), counters_(counters), owner_(owner) {}
PendingHellos::~PendingHellos() = default;

void PendingHellos::add(ListenerState& listener, net::TransportPtr stream,
                        tls::HandshakeLimits::Place place) {
  waits_.push_back(std::make_unique<Wait>(*this, listener, std::move(stream), std::move(place)));
  waits_.back()->index = waits_.size() - 1;
  waits_.back()->start();
}

void PendingHellos::hurry(const ListenerState* listener, std::chrono::milliseconds time) {
  for (const std::unique_ptr<Wait>& wait : waits_) {
    if (listener == nullptr || &wait->listener() == listener) wait->limit(time);
  }
}

void PendingHellos::drop_all() {
  while (!waits_.empty()) waits_.back()->drop();
}

// Its own functions may be on the stack: it is freed when they have returned.
void PendingHellos::settle(Wait& wait) {
  std::unique_ptr<Wait> gone = std::exchange(waits_[wait.index], std::move(waits_.back()));
  waits_.pop_back();
  if (gone->index < waits_.size()) waits_[gone->index]->index = gone->index;
  loop_.defer([this, gone = std::move(gone)]() mutable {
    ListenerState& listener = gone->listener();
    gone.reset();
    owner_.on_hello_settled(listener);
  });
}

}  // namespace ingress::proxy
