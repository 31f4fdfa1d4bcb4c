#include "proxyd/link/link_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <random>
#include <utility>

#include "ingress/config_check.h"
#include "ingress/wire.h"
#include "proxyd/link/link_session.h"

namespace proxyd {
namespace {

using ingress::WireKey;

// Of updates that wait for one data plane; beyond, it is asked what it has once it has read what has begun.
constexpr std::size_t kMaxWaitingUpdates = 64;
constexpr std::size_t kMaxWaitingBytes = std::size_t{16} * 1024 * 1024;

std::uint64_t draw() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

}  // namespace

struct LinkServer::Impl {
  class Peer;

  Impl(ingress::Loop& loop_in, LinkServerOptions options_in)
      : loop(loop_in), options(std::move(options_in)) {}

  // What changed, in wire form: to all that are up to date, and the beginning for those that waited for it.
  ingress::Generation send(const std::string& delta);
  void remove(Peer& peer, const std::string& why);

  ingress::Loop& loop;
  LinkServerOptions options;
  const std::uint64_t epoch = draw() | 1;  // 0 is nobody's
  std::uint64_t sequence = 0;
  std::uint64_t last_id = 0;
  ingress::ConfigCheck check;
  ingress::WireConfig config;
  std::shared_ptr<const std::string> last_report;  // null: none yet
  std::list<std::unique_ptr<Peer>> peers;
};

// One data plane. Owner: the server, until its session has ended.
class LinkServer::Impl::Peer final : private LinkSessionEvents {
 public:
  Peer(Impl& owner, std::unique_ptr<ingress::Stream> stream, std::string name)
      : owner_(owner),
        view_{.id = ++owner.last_id, .name = std::move(name)},
        session_(owner.loop, std::move(stream), owner.options.times,
                 Hello{.program = owner.options.version, .epoch = owner.epoch, .sequence = owner.sequence},
                 *this) {}

  LinkPeer view() const {
    LinkPeer view = view_;
    view.sent_bytes = session_.sent_bytes();
    view.queued_bytes = session_.queued_bytes();
    return view;
  }
  void send_update(const std::shared_ptr<const std::string>& update) {
    if (state_ == State::kWaiting) return begin();
    if (state_ != State::kLive) return;
    session_.send(MessageType::kUpdate, update);
    FrameQueue& queue = session_.queue();
    if (queue.num(MessageType::kUpdate) <= kMaxWaitingUpdates && queue.size_bytes() <= kMaxWaitingBytes)
      return;
    queue.drop_unsent(MessageType::kUpdate);
    state_ = State::kBehind;
    if (queue.num(MessageType::kUpdate) == 0) ask();
  }
  void send_report() {
    if (!session_.has_greeted() || !owner_.last_report) return;
    session_.queue().drop_unsent(MessageType::kReport);
    session_.send(MessageType::kReport, owner_.last_report);
  }

 private:
  // kGreeting: no hello yet. kWaiting: nothing is published yet. kAsked: for its inventory. kBehind: updates
  // were left out, and it is asked when those before them have left.
  enum class State : std::uint8_t { kGreeting, kWaiting, kAsked, kLive, kBehind };

  void on_hello(const Hello& theirs) override {
    view_.version = theirs.program;
    num_parts_ = theirs.num_parts;
    state_ = State::kWaiting;
    if (owner_.options.on_peer) owner_.options.on_peer(view(), "");
    send_report();
    if (owner_.sequence > 0) begin();
  }

  // It knows nothing of what we have published, but may have it all from a controller before us.
  void begin() {
    if (num_parts_ > 0) return ask();
    send_difference(ingress::WireConfig().inventory(key_));
  }
  void ask() {
    state_ = State::kAsked;
    key_ = {draw(), draw()};
    session_.send(MessageType::kInventoryRequest, to_bytes(InventoryRequest{key_}));
  }
  void send_difference(std::string_view inventory) {
    auto delta = owner_.config.difference(inventory, key_);
    if (!delta) return session_.refuse("an inventory " + delta.error().text());
    state_ = State::kLive;
    session_.send(
        MessageType::kUpdate,
        to_bytes(Update{.epoch = owner_.epoch, .sequence = owner_.sequence, .delta = std::move(*delta)}));
  }

  void on_message(Message message) override {
    if (message.type == MessageType::kAck) return take_ack(message.bytes);
    if (message.type == MessageType::kInventory && state_ == State::kAsked)
      return send_difference(message.bytes);
    session_.refuse("not the protocol of the link: a message that a data plane does not send now");
  }
  void take_ack(std::string_view bytes) {
    auto ack = read_ack(bytes);
    if (!ack || ack->sequence > owner_.sequence)
      return session_.refuse("an acknowledgement of what was not sent");
    view_.problems = std::move(ack->problems);
    if (view_.problems.empty()) view_.acked = std::max(view_.acked, ack->sequence);
    if (owner_.options.on_ack) owner_.options.on_ack(view(), ack->sequence);
  }
  void on_all_sent() override {
    if (state_ == State::kBehind) ask();
  }
  void on_ended(const std::string& why) override { owner_.remove(*this, why); }

  Impl& owner_;
  LinkPeer view_;
  State state_ = State::kGreeting;
  std::uint64_t num_parts_ = 0;
  WireKey key_;
  LinkSession session_;
};

ingress::Generation LinkServer::Impl::send(const std::string& delta) {
  if (delta.empty() && sequence > 0) return sequence;
  ++sequence;
  const auto update = std::make_shared<const std::string>(
      to_bytes(Update{.epoch = epoch, .sequence = sequence, .base = sequence - 1, .delta = delta}));
  for (const auto& peer : peers) peer->send_update(update);
  return sequence;
}

void LinkServer::Impl::remove(Peer& peer, const std::string& why) {
  const auto place =
      std::ranges::find(peers, &peer, [](const std::unique_ptr<Peer>& it) { return it.get(); });
  if (place == peers.end()) return;
  const std::unique_ptr<Peer> held = std::move(*place);
  peers.erase(place);
  if (options.on_peer) options.on_peer(held->view(), why);
}

LinkServer::LinkServer(ingress::Loop& loop, LinkServerOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
LinkServer::~LinkServer() = default;

LinkServer::Outcome LinkServer::publish(ingress::GatewayConfig config) {
  if (auto checked = impl_->check.publish(config); !checked)
    return std::unexpected(std::move(checked.error()));
  return impl_->send(impl_->config.replace(config));
}

LinkServer::Outcome LinkServer::apply(ingress::ConfigDelta delta) {
  if (auto checked = impl_->check.apply(delta); !checked) return std::unexpected(std::move(checked.error()));
  return impl_->send(impl_->config.apply(delta));
}

void LinkServer::add_peer(std::unique_ptr<ingress::Stream> stream, std::string name) {
  if (impl_->peers.size() >= impl_->options.max_peers) {
    if (impl_->options.on_peer) {
      impl_->options.on_peer({.name = std::move(name)},
                             fmt::format("there are {} data planes already", impl_->options.max_peers));
    }
    return;
  }
  impl_->peers.push_back(std::make_unique<Impl::Peer>(*impl_, std::move(stream), std::move(name)));
}

void LinkServer::report(ControllerReport report) {
  auto bytes = std::make_shared<const std::string>(to_bytes(report));
  if (impl_->last_report && *impl_->last_report == *bytes) return;
  impl_->last_report = std::move(bytes);
  for (const auto& peer : impl_->peers) peer->send_report();
}

std::uint64_t LinkServer::sequence() const {
  return impl_->sequence;
}

std::vector<LinkPeer> LinkServer::peers() const {
  std::vector<LinkPeer> views;
  for (const auto& peer : impl_->peers) views.push_back(peer->view());
  return views;
}

}  // namespace proxyd
