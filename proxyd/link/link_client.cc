#include "proxyd/link/link_client.h"

#include <algorithm>
#include <random>
#include <utility>

#include "ingress/wire.h"
#include "proxyd/link/link_session.h"

namespace proxyd {
namespace {

using ingress::Loop;
using std::chrono::milliseconds;

constexpr milliseconds kAdoptionPoll{10};

std::vector<ingress::Problem> to_problems(const ingress::Error& error) {
  return {{.why = error.text(), .fix = "run the same version at both ends of the link, or report this"}};
}

}  // namespace

struct LinkClient::Impl final : private LinkSessionEvents {
  Impl(Loop& loop_in, Publisher& publisher_in, LinkClientOptions options_in)
      : loop(loop_in), publisher(publisher_in), options(std::move(options_in)) {}

  std::expected<void, std::vector<ingress::Problem>> restore(std::string_view bytes);
  void connect();
  void begin(std::unique_ptr<ingress::Stream> stream);

  Loop& loop;
  Publisher& publisher;
  LinkClientOptions options;

  ingress::WireConfig config;  // received last
  std::string good_bytes;      // what is served instead, while the server refuses that
  std::uint64_t epoch = 0, sequence = 0, adopted_sequence = 0;
  bool needs_whole = true;  // the server has not taken the one before

  std::unique_ptr<LinkSession> session;

 private:
  void on_hello(const Hello& theirs) override;
  void on_message(Message message) override;
  void on_all_sent() override {}
  void on_ended(const std::string& why) override;

  void take_update(const std::string& bytes);
  void publish(const ingress::ConfigDelta& delta);
  void publish_whole();
  void note(const Publisher::Outcome& outcome);
  void look_for_adoption();
  void acknowledge(std::vector<ingress::Problem> problems);
  void connect_later();
  void tell_state(const std::string& why);

  ingress::Generation generation_ = 0;  // of what the server took last
  std::uint64_t awaited_ = 0;           // sequence to be acknowledged when that is adopted; 0: none
  Loop::Registration adoption_poll_, retry_, reconnect_;
  std::unique_ptr<ingress::StreamHandle> opening_;
  milliseconds wait_{0};
  std::optional<std::string> told_;
  std::minstd_rand jitter_{std::random_device{}()};
};

std::expected<void, std::vector<ingress::Problem>> LinkClient::Impl::restore(std::string_view bytes) {
  auto read = ingress::config_from_wire(bytes);
  if (!read) return std::unexpected(to_problems(read.error()));
  config.replace(*read);
  auto outcome = publisher.publish(std::move(*read));
  if (!outcome) {
    config = {};
    return std::unexpected(std::move(outcome.error()));
  }
  generation_ = *outcome;
  needs_whole = false;
  return {};
}

void LinkClient::Impl::connect() {
  reconnect_ = {};
  opening_ =
      ingress::open_stream(loop, *options.from, options.tls ? &*options.tls : nullptr, options.times.connect,
                           [this](std::expected<std::unique_ptr<ingress::Stream>, ingress::Error> opened) {
                             if (opened) return begin(std::move(*opened));
                             connect_later();
                             tell_state("cannot connect: " + opened.error().text());
                           });
}

void LinkClient::Impl::begin(std::unique_ptr<ingress::Stream> stream) {
  session = std::make_unique<LinkSession>(
      loop, std::move(stream), options.times,
      Hello{
          .program = options.version, .epoch = epoch, .sequence = sequence, .num_parts = config.num_parts()},
      static_cast<LinkSessionEvents&>(*this));
}

void LinkClient::Impl::connect_later() {
  wait_ = std::clamp(2 * wait_, options.times.first_wait, options.times.max_wait);
  // Many that lost the same controller must not come back at the same moment.
  std::uniform_int_distribution<std::int64_t> between(wait_.count() / 2, wait_.count());
  reconnect_ = loop.after(milliseconds(between(jitter_)), [this] { connect(); });
}

void LinkClient::Impl::on_hello(const Hello&) {
  tell_state("");
}

void LinkClient::Impl::on_ended(const std::string& why) {
  session.reset();
  if (options.from) connect_later();
  tell_state(why);
}

void LinkClient::Impl::tell_state(const std::string& why) {
  if (told_ == why) return;
  told_ = why;
  if (options.on_state) options.on_state(why);
}

void LinkClient::Impl::on_message(Message message) {
  if (message.type == MessageType::kUpdate) return take_update(message.bytes);
  if (message.type == MessageType::kInventoryRequest) {
    const auto request = read_inventory_request(message.bytes);
    if (!request) return session->refuse(request.error().text());
    return session->send(MessageType::kInventory, config.inventory(request->key));
  }
  if (message.type == MessageType::kReport) {
    const auto report = read_report(message.bytes);
    if (!report) return session->refuse("a report " + report.error().text());
    if (options.on_report) options.on_report(*report);
    return;
  }
  session->refuse("not the protocol of the link: a message that a controller does not send");
}

void LinkClient::Impl::take_update(const std::string& bytes) {
  const auto update = read_update(bytes);
  if (!update) return session->refuse(update.error().text());
  const bool is_next = update->base == 0 || (update->epoch == epoch && update->base == sequence);
  if (!is_next) return session->refuse("an update of something else than what is here");
  ingress::ConfigDelta delta;
  if (!update->delta.empty()) {
    auto read = ingress::delta_from_wire(update->delta);
    if (!read) return session->refuse("an update " + read.error().text());
    delta = std::move(*read);
  }
  epoch = update->epoch;
  sequence = update->sequence;
  wait_ = {};  // not before: a link that always fails is not to be made anew at once
  publish(delta);
}

// The server first: should it refuse, what it goes on serving is still known.
void LinkClient::Impl::publish(const ingress::ConfigDelta& delta) {
  if (needs_whole) {
    config.apply(delta);
    return publish_whole();
  }
  const auto outcome = delta.is_empty() ? Publisher::Outcome(generation_) : publisher.apply(delta);
  if (!outcome) good_bytes = config.to_wire();
  config.apply(delta);
  note(outcome);
}

void LinkClient::Impl::publish_whole() {
  note(publisher.publish(config.config()));
}

void LinkClient::Impl::note(const Publisher::Outcome& outcome) {
  needs_whole = !outcome;
  if (outcome) {
    generation_ = *outcome;
    good_bytes = {};
    retry_ = {};
    awaited_ = sequence;
    adoption_poll_ = loop.every(kAdoptionPoll, [this] { look_for_adoption(); });
    return look_for_adoption();
  }
  awaited_ = 0;
  adoption_poll_ = {};
  // An address may have become free.
  retry_ = loop.after(options.times.retry, [this] { publish_whole(); });
  acknowledge(outcome.error());
  if (options.on_refused) options.on_refused(outcome.error());
}

void LinkClient::Impl::look_for_adoption() {
  if (awaited_ == 0 || (options.is_adopted && !options.is_adopted(generation_))) return;
  adopted_sequence = std::exchange(awaited_, 0);
  adoption_poll_ = {};
  // Before the controller hears of it, so that what it believes to be served is in safe keeping.
  if (options.on_adopted) options.on_adopted(adopted_sequence);
  acknowledge({});
}

// By what the controller sends when it is back, all is acknowledged anew.
void LinkClient::Impl::acknowledge(std::vector<ingress::Problem> problems) {
  if (!session || !session->has_greeted()) return;
  session->send(MessageType::kAck, to_bytes(Ack{sequence, std::move(problems)}));
}

LinkClient::LinkClient(Loop& loop, Publisher& publisher, LinkClientOptions options)
    : impl_(std::make_unique<Impl>(loop, publisher, std::move(options))) {}
LinkClient::~LinkClient() = default;

std::expected<void, std::vector<ingress::Problem>> LinkClient::restore(std::string_view config_bytes) {
  return impl_->restore(config_bytes);
}
void LinkClient::start() {
  if (impl_->options.from) impl_->connect();
}
void LinkClient::adopt(std::unique_ptr<ingress::Stream> stream) {
  impl_->begin(std::move(stream));
}
bool LinkClient::is_connected() const {
  return impl_->session && impl_->session->has_greeted();
}
std::uint64_t LinkClient::sequence() const {
  return impl_->adopted_sequence;
}
std::string LinkClient::config_bytes() const {
  return impl_->needs_whole ? impl_->good_bytes : impl_->config.to_wire();
}

}  // namespace proxyd
