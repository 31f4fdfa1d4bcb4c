#include "net/resolver.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "net/ares_channel.h"
#include "net/happy_eyeballs.h"
#include "net/socket_address.h"

namespace ingress::net {

namespace {

using std::chrono::milliseconds;

// How long before the end of an answer the next one is asked for: a fifth of its time, within these.
constexpr milliseconds kMinLead{10};
constexpr milliseconds kMaxLead{10'000};

using Result = std::expected<std::vector<std::string>, Error>;

Result resolve_error(const char* what) {
  return std::unexpected(Error{.code = ErrorCode::kResolveFailed,
                               .side = ErrorSide::kUpstream,
                               .retry = RetrySafety::kSafe,
                               .what = what});
}

class CachingResolver final : public Resolver {
 public:
  CachingResolver(EventLoop& loop, ResolverOptions options, AresChannel::Ptr channel)
      : loop_(loop), options_(std::move(options)), channel_(std::move(channel)) {}
  CachingResolver(const CachingResolver&) = delete;
  CachingResolver& operator=(const CachingResolver&) = delete;
  ~CachingResolver() override {
    if (is_gone_) *is_gone_ = true;
  }
  void resolve(const std::string& host, OnResolved on_resolved) override;

 private:
  struct Entry {
    // kNew: never answered. kFailing: `addresses` is what was good before, or empty.
    enum class State : std::uint8_t { kNew, kGood, kNoSuchName, kFailing };

    Entry(CachingResolver& resolver_in, std::string host_in)
        : resolver(resolver_in), host(std::move(host_in)) {}
    bool has_addresses(milliseconds now) const { return !addresses.empty() && now < stale_until; }

    CachingResolver& resolver;
    const std::string host;
    State state = State::kNew;
    bool is_running = false;      // a look-up is under way
    milliseconds next_lookup{0};  // until then what is known is given without asking
    milliseconds good_until{0};   // end of the TTL of `addresses`
    milliseconds stale_until{0};  // after it they are given to nobody
    milliseconds wanted_until{0};
    milliseconds retry{0};  // the pause after the last failure
    std::vector<std::string> addresses;
    std::vector<OnResolved> waiting;  // at most kMaxWaiting: those who gave up stay until the answer
    // While a look-up runs, the patience of those who wait for it; else when to ask anew.
    Timer timer{[](void* self) { static_cast<Entry*>(self)->on_timer(); }, this};

    void on_timer() { resolver.on_timer(*this); }
  };

  Entry* find_or_make(const std::string& host);
  void look_up(Entry& entry);
  void on_timer(Entry& entry);
  void on_answer(Entry& entry, LookupAnswer answer);
  milliseconds update(Entry& entry, LookupAnswer answer) const;
  Result to_result(const Entry& entry);
  void hand_out(Entry& entry);

  EventLoop& loop_;
  const ResolverOptions options_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
  AresChannel::Ptr channel_;
  bool* is_gone_ = nullptr;  // set by the destructor for a hand_out() that is calling out
};

// Whatever calls out is the last thing done: the callee may destroy the Resolver.
void CachingResolver::resolve(const std::string& host, OnResolved on_resolved) {
  if (parse_ip(host, 0)) return on_resolved(std::vector{host});
  Entry* const entry = find_or_make(host);
  if (entry == nullptr) return on_resolved(resolve_error("too_many_names"));
  const milliseconds now = loop_.now();
  entry->wanted_until = now + options_.keep_warm;
  const bool is_known = entry->state != Entry::State::kNew && now < entry->next_lookup;
  if (!is_known && !entry->is_running) look_up(*entry);
  // Waiting for a server that failed the last time would delay every caller by its timeout.
  if (is_known || (entry->state == Entry::State::kFailing && entry->has_addresses(now))) {
    return on_resolved(to_result(*entry));
  }
  if (entry->waiting.size() >= kMaxWaiting) return on_resolved(resolve_error("too_many_waiting"));
  entry->waiting.push_back(std::move(on_resolved));
  if (entry->has_addresses(now) && !entry->timer.is_set()) {
    entry->timer.set(loop_.timers(), options_.patience);
  }
}

// Linear in names, and only when the table is full.
CachingResolver::Entry* CachingResolver::find_or_make(const std::string& host) {
  if (const auto known = entries_.find(host); known != entries_.end()) return known->second.get();
  if (entries_.size() >= options_.max_names) {
    std::erase_if(entries_, [now = loop_.now()](const auto& item) {
      return !item.second->is_running && item.second->next_lookup <= now;
    });
    if (entries_.size() >= options_.max_names) return nullptr;
  }
  return entries_.emplace(host, std::make_unique<Entry>(*this, host)).first->second.get();
}

void CachingResolver::look_up(Entry& entry) {
  entry.is_running = true;
  entry.timer.cancel();
  counters_.lookups.add();
  // An entry with a look-up under way is not removed.
  channel_->look_up(entry.host, [this, &entry](LookupAnswer answer) { on_answer(entry, std::move(answer)); });
}

void CachingResolver::on_timer(Entry& entry) {
  if (entry.is_running) {
    hand_out(entry);
  } else if (loop_.now() < entry.wanted_until) {
    look_up(entry);
  }
}

void CachingResolver::on_answer(Entry& entry, LookupAnswer answer) {
  entry.is_running = false;
  entry.timer.cancel();
  if (answer.status == LookupStatus::kFailed) counters_.failures.add();
  const milliseconds pause = update(entry, std::move(answer));
  // A name that does not exist is asked for again by who needs it.
  if (entry.state != Entry::State::kNoSuchName) entry.timer.set(loop_.timers(), pause);
  hand_out(entry);
}

// Returns when to ask anew in the background.
milliseconds CachingResolver::update(Entry& entry, LookupAnswer answer) const {
  const milliseconds now = loop_.now();
  switch (answer.status) {
    case LookupStatus::kFound: {
      const milliseconds ttl =
          std::min(std::max<milliseconds>(answer.ttl, options_.min_ttl), options_.max_ttl);
      entry.state = Entry::State::kGood;
      entry.addresses = interleave_families(std::move(answer.addresses));
      if (entry.addresses.size() > kMaxAddresses) entry.addresses.resize(kMaxAddresses);
      entry.next_lookup = entry.good_until = now + ttl;
      entry.stale_until = entry.good_until + options_.max_stale;
      entry.retry = milliseconds(0);
      return ttl - std::clamp(ttl / 5, kMinLead, kMaxLead);
    }
    case LookupStatus::kNoSuchName:
      entry.state = Entry::State::kNoSuchName;
      entry.addresses.clear();
      entry.retry = milliseconds(0);
      entry.next_lookup = now + options_.min_ttl;
      return options_.min_ttl;
    case LookupStatus::kFailed:
      break;
  }
  entry.state = Entry::State::kFailing;
  entry.retry = std::min(std::max(entry.retry * 2, options_.min_ttl), options_.max_retry);
  entry.next_lookup = now + entry.retry;
  return entry.retry;
}

Result CachingResolver::to_result(const Entry& entry) {
  const milliseconds now = loop_.now();
  if (entry.has_addresses(now)) {
    if (now >= entry.good_until) counters_.stale_answers.add();
    return entry.addresses;
  }
  return resolve_error(entry.state == Entry::State::kNoSuchName ? "no_such_name" : "server_failed");
}

void CachingResolver::hand_out(Entry& entry) {
  auto waiting = std::exchange(entry.waiting, {});
  bool is_gone = false;
  is_gone_ = &is_gone;
  for (OnResolved& on_resolved : waiting) {
    on_resolved(to_result(entry));
    if (is_gone) return;
  }
  is_gone_ = nullptr;
}

}  // namespace

std::expected<std::unique_ptr<Resolver>, Error> Resolver::create(EventLoop& loop, ResolverOptions options) {
  auto channel = AresChannel::create(loop, options.servers);
  if (!channel) return std::unexpected(std::move(channel.error()));
  return std::make_unique<CachingResolver>(loop, std::move(options), std::move(*channel));
}

}  // namespace ingress::net
