#include "net/resolver.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "net/ares_channel.h"
#include "net/socket_address.h"

namespace ingress::net {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kMinTtl{1};
constexpr std::chrono::seconds kMaxTtl{300};

using Result = std::expected<std::vector<std::string>, Error>;

struct Entry {
  // kNew: never answered. kFailing: `addresses` is what was good before, or empty.
  enum class State : std::uint8_t { kNew, kGood, kNoSuchName, kFailing };
  State state = State::kNew;
  bool is_running = false;  // a query is under way
  milliseconds expires{0};
  std::vector<std::string> addresses;
  std::vector<Resolver::OnResolved> waiting;
};

Result to_result(const Entry& entry) {
  if (!entry.addresses.empty()) return entry.addresses;
  return std::unexpected(Error{.code = ErrorCode::kResolveFailed,
                               .side = ErrorSide::kUpstream,
                               .retry = RetrySafety::kSafe,
                               .what = "dns"});
}

class CachingResolver final : public Resolver {
 public:
  CachingResolver(EventLoop& loop, AresChannel::Ptr channel) : loop_(loop), channel_(std::move(channel)) {}
  CachingResolver(const CachingResolver&) = delete;
  CachingResolver& operator=(const CachingResolver&) = delete;
  ~CachingResolver() override {
    if (is_gone_) *is_gone_ = true;
  }
  void resolve(const std::string& host, OnResolved on_resolved) override;

 private:
  bool make_room();
  void on_answer(const std::string& host, LookupAnswer answer);
  void update(Entry& entry, LookupAnswer answer) const;

  EventLoop& loop_;
  std::unordered_map<std::string, Entry> entries_;
  AresChannel::Ptr channel_;
  bool* is_gone_ = nullptr;  // set by the destructor for an on_answer() that is calling out
};

// Whatever calls out is the last thing done: the callee may destroy the Resolver.
void CachingResolver::resolve(const std::string& host, OnResolved on_resolved) {
  if (parse_ip(host, 0)) {
    on_resolved(std::vector{host});
    return;
  }
  auto known = entries_.find(host);
  if (known == entries_.end()) {
    if (!make_room()) {
      on_resolved(to_result(Entry()));
      return;
    }
    known = entries_.try_emplace(host).first;
  }
  Entry& entry = known->second;
  const bool is_fresh = entry.state != Entry::State::kNew && loop_.now() < entry.expires;
  if (!is_fresh && !entry.is_running) {
    entry.is_running = true;
    channel_->look_up(host, [this, host](LookupAnswer answer) { on_answer(host, std::move(answer)); });
  }
  // Waiting for a server that failed the last time would delay every caller by its timeout.
  if (is_fresh || (entry.state == Entry::State::kFailing && !entry.addresses.empty())) {
    on_resolved(to_result(entry));
    return;
  }
  entry.waiting.push_back(std::move(on_resolved));
}

// Linear in names, and only when the table is full.
bool CachingResolver::make_room() {
  if (entries_.size() < kMaxNames) return true;
  std::erase_if(entries_, [now = loop_.now()](const auto& item) {
    return !item.second.is_running && item.second.expires <= now;
  });
  return entries_.size() < kMaxNames;
}

void CachingResolver::on_answer(const std::string& host, LookupAnswer answer) {
  Entry& entry = entries_.find(host)->second;
  entry.is_running = false;
  update(entry, std::move(answer));
  auto waiting = std::exchange(entry.waiting, {});
  const Result result = to_result(entry);
  bool is_gone = false;
  is_gone_ = &is_gone;
  for (OnResolved& on_resolved : waiting) {
    on_resolved(result);
    if (is_gone) return;
  }
  is_gone_ = nullptr;
}

void CachingResolver::update(Entry& entry, LookupAnswer answer) const {
  std::chrono::seconds ttl = kMinTtl;
  switch (answer.status) {
    case LookupStatus::kFound:
      entry.state = Entry::State::kGood;
      entry.addresses = std::move(answer.addresses);
      ttl = std::clamp(answer.ttl, kMinTtl, kMaxTtl);
      break;
    case LookupStatus::kNoSuchName:
      entry.state = Entry::State::kNoSuchName;
      entry.addresses.clear();
      break;
    case LookupStatus::kFailed:
      entry.state = Entry::State::kFailing;
      break;
  }
  entry.expires = loop_.now() + ttl;
}

}  // namespace

std::expected<std::unique_ptr<Resolver>, Error> Resolver::create(EventLoop& loop,
                                                                 const std::string& servers) {
  auto channel = AresChannel::create(loop, servers);
  if (!channel) return std::unexpected(std::move(channel.error()));
  return std::make_unique<CachingResolver>(loop, std::move(*channel));
}

}  // namespace ingress::net
