#include "net/ares_channel.h"

#include <netdb.h>
#include <sys/time.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <mutex>
#include <utility>

#include "net/resolver.h"
#include "net/socket_address.h"

namespace ingress::net {

namespace {

// Two tries of two seconds to each server, so that a lost packet costs less than a usual connect timeout.
constexpr int kTimeoutMs = 2000;
constexpr int kTries = 2;
// The hosts file has no TTLs. It is read on the loop, so not at every chance.
constexpr std::chrono::seconds kHostsTtl{5};

Error ares_error(int status) {
  return {.code = ErrorCode::kIo, .what = "resolver", .detail = ares_strerror(status)};
}

// ares_library_init() counts without a lock, so it is called once for the process and never undone.
int init_library() {
  static std::once_flag once;
  static int status = ARES_SUCCESS;
  std::call_once(once, [] { status = ares_library_init(ARES_LIB_INIT_ALL); });
  return status;
}

LookupAnswer to_answer(int status, const ares_addrinfo* info) {
  LookupAnswer answer;
  if (status == ARES_ENOTFOUND || status == ARES_ENODATA) answer.status = LookupStatus::kNoSuchName;
  if (status != ARES_SUCCESS || !info) return answer;
  int ttl = std::numeric_limits<int>::max();
  for (const ares_addrinfo_cname* alias = info->cnames; alias; alias = alias->next) {
    ttl = std::min(ttl, alias->ttl);
  }
  // What a hostile zone adds beyond the bound is not even compared.
  for (const ares_addrinfo_node* node = info->nodes;
       node && answer.addresses.size() < Resolver::kMaxAddresses; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const char*>(node->ai_addr),
                std::min<std::size_t>(node->ai_addrlen, sizeof storage), reinterpret_cast<char*>(&storage));
    std::string address(to_peer_address(storage).view());
    ttl = std::min(ttl, node->ai_ttl);
    if (std::ranges::find(answer.addresses, address) == answer.addresses.end()) {
      answer.addresses.push_back(std::move(address));
    }
  }
  answer.status = answer.addresses.empty() ? LookupStatus::kNoSuchName : LookupStatus::kFound;
  answer.ttl = std::chrono::seconds(std::max(0, ttl));
  return answer;
}

// Of the two families.
LookupAnswer join(LookupAnswer a, LookupAnswer b) {
  if (a.status != LookupStatus::kFound) std::swap(a, b);
  if (a.status != LookupStatus::kFound) {
    if (b.status == LookupStatus::kFailed) a.status = LookupStatus::kFailed;
    return a;
  }
  if (b.status == LookupStatus::kFound) {
    a.ttl = std::min(a.ttl, b.ttl);
    a.addresses.insert(a.addresses.end(), std::make_move_iterator(b.addresses.begin()),
                       std::make_move_iterator(b.addresses.end()));
  }
  // IPv6 first. The algorithm for it does not compile everywhere: g++ 12's marks a part of itself deprecated.
  std::vector<std::string> ordered;
  ordered.reserve(a.addresses.size());
  for (const bool is_ipv6 : {true, false}) {
    for (std::string& address : a.addresses) {
      if (!address.empty() && address.contains(':') == is_ipv6) ordered.push_back(std::exchange(address, {}));
    }
  }
  a.addresses = std::move(ordered);
  return a;
}

}  // namespace

// One socket of c-ares. Owner: the channel, then the loop until the close callback.
struct AresChannel::Poll {
  AresChannel* channel;
  ares_socket_t fd;
  uv_poll_t handle;
};

// One question per family, so that a server's failure for one is not taken for its certainty about the other:
// asked together, c-ares goes by whichever answer comes last.
struct AresChannel::Query {
  AresChannel* channel;
  OnAnswer on_answer;
  LookupAnswer answers[2];  // in the order in which they came
  int num_left = 2;
  bool is_dropped = false;  // the channel went meanwhile
};

std::expected<AresChannel::Ptr, Error> AresChannel::create(EventLoop& loop, const std::string& servers) {
  if (const int status = init_library(); status != ARES_SUCCESS) return std::unexpected(ares_error(status));
  Ptr self(new AresChannel(loop));
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  char dns_only[] = "b";
  options.lookups = dns_only;
  options.ndomains = 0;  // with ARES_OPT_DOMAINS: no search list, whatever resolv.conf and LOCALDOMAIN say
  options.sock_state_cb = [](void* channel, ares_socket_t fd, int readable, int writable) {
    static_cast<AresChannel*>(channel)->on_socket_state(
        fd, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0));
  };
  options.sock_state_cb_data = self.get();
  int status = ares_init_options(
      &self->channel_, &options,
      ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS);
  if (status != ARES_SUCCESS) {
    self->channel_ = nullptr;
    return std::unexpected(ares_error(status));
  }
  if (!servers.empty()) status = ares_set_servers_ports_csv(self->channel_, servers.c_str());
  if (status != ARES_SUCCESS) return std::unexpected(ares_error(status));
  char hosts_only[] = "f";
  options.lookups = hosts_only;
  status = ares_init_options(&self->hosts_, &options, ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS);
  if (status != ARES_SUCCESS) {
    self->hosts_ = nullptr;
    return std::unexpected(ares_error(status));
  }
  return self;
}

void AresChannel::look_up(const std::string& host, OnAnswer on_answer) {
  auto query = std::make_unique<Query>(Query{.channel = this, .on_answer = std::move(on_answer)});
  ares_addrinfo_hints hints{};
  // CARES_HOSTS may name another hosts file. Sorting would open a socket for each address of an answer, which
  // may have thousands; who connects tries both families anyway.
  hints.ai_flags = ARES_AI_ENVHOSTS | ARES_AI_NOSORT;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(
      hosts_, host.c_str(), nullptr, &hints,
      [](void* answer, int status, int, ares_addrinfo* info) {
        *static_cast<LookupAnswer*>(answer) = to_answer(status, info);
        if (info) ares_freeaddrinfo(info);
      },
      &query->answers[0]);
  if (query->answers[0].status == LookupStatus::kFound) {
    query->answers[0].ttl = kHostsTtl;
    return finish(std::move(query));
  }
  Query* const asked = query.release();  // the second of its answers takes it back
  for (const int family : {AF_INET6, AF_INET}) {
    hints.ai_family = family;
    ares_getaddrinfo(
        channel_, host.c_str(), nullptr, &hints,
        [](void* arg, int ares_status, int, ares_addrinfo* info) {
          auto* const done = static_cast<Query*>(arg);
          done->channel->answer(done, ares_status, info);
        },
        asked);
  }
  arm_timer();
}

// From inside c-ares, which must not be re-entered.
void AresChannel::answer(Query* query, int status, ares_addrinfo* info) {
  query->answers[--query->num_left] = to_answer(status, info);
  if (info) ares_freeaddrinfo(info);
  if (status == ARES_EDESTRUCTION) query->is_dropped = true;
  if (query->num_left > 0) return;
  std::unique_ptr<Query> owned(query);
  if (!owned->is_dropped) finish(std::move(owned));
}

// The answer is passed on later, when nothing of c-ares is on the stack.
void AresChannel::finish(std::unique_ptr<Query> query) {
  ++num_pending_;
  loop_.defer([this, owned = std::move(query)]() mutable {
    if (channel_) owned->on_answer(join(std::move(owned->answers[0]), std::move(owned->answers[1])));
    --num_pending_;
    release();
  });
}

void AresChannel::on_socket_state(ares_socket_t fd, int events) {
  const auto known = std::ranges::find(polls_, fd, &Poll::fd);
  if (events == 0) {
    if (known == polls_.end()) return;
    // c-ares closes the descriptor when this returns; libuv has let go of it by then.
    uv_close(reinterpret_cast<uv_handle_t*>(&(*known)->handle), [](uv_handle_t* handle) {
      const std::unique_ptr<Poll> closed(static_cast<Poll*>(handle->data));
      --closed->channel->num_pending_;
      closed->channel->release();
    });
    polls_.erase(known);
    return;
  }
  Poll* poll = known == polls_.end() ? nullptr : *known;
  if (!poll) {
    auto fresh = std::make_unique<Poll>(Poll{this, fd, {}});
    // When it fails, the query ends by c-ares's own timeout.
    if (uv_poll_init_socket(loop_.uv_loop(), &fresh->handle, fd) != 0) return;
    poll = fresh.release();
    poll->handle.data = poll;
    polls_.push_back(poll);
    ++num_pending_;
  }
  uv_poll_start(&poll->handle, events, [](uv_poll_t* handle, int status, int ready) {
    const auto* const self = static_cast<Poll*>(handle->data);
    if (status < 0) ready = UV_READABLE | UV_WRITABLE;  // c-ares finds the error itself
    self->channel->process((ready & UV_READABLE) ? self->fd : ARES_SOCKET_BAD,
                           (ready & UV_WRITABLE) ? self->fd : ARES_SOCKET_BAD);
  });
}

void AresChannel::process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  arm_timer();
}

void AresChannel::arm_timer() {
  timeval left{};
  if (!ares_timeout(channel_, nullptr, &left)) {
    timer_.cancel();
    return;
  }
  timer_.set(loop_.timers(), std::chrono::milliseconds(left.tv_sec * 1000 + left.tv_usec / 1000 + 1));
}

void AresChannel::destroy() {
  timer_.cancel();
  // Tells all queries, which are dropped, and all sockets, whose polls are closed.
  if (hosts_) ares_destroy(std::exchange(hosts_, nullptr));
  if (channel_) ares_destroy(std::exchange(channel_, nullptr));
  release();
}

void AresChannel::release() {
  if (!channel_ && num_pending_ == 0) delete this;
}

}  // namespace ingress::net
