// Sessions with backends that new connections may go on with (RFC 5077, RFC 8446 2.2), which spares both
// sides the certificates.
//
// Owner: a worker's Connector, shared with its connections. Thread: the worker's. Always true: at most
// `max_sessions`, those used last; one per key, the newest, which serves any number of connections.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

struct ssl_session_st;

namespace ingress::tls {

struct FreeSession {
  void operator()(ssl_session_st* session) const;
};
using SessionPtr = std::unique_ptr<ssl_session_st, FreeSession>;

class SessionCache {
 public:
  static constexpr std::size_t kMaxSessions = 1024;
  explicit SessionCache(std::size_t max_sessions = kMaxSessions) : max_sessions_(max_sessions) {}

  // `key` says with whom and under which policy, in full: see ClientHandshake.
  void put(std::string_view key, SessionPtr session);
  // Null when there is none; valid until the next put() or remove().
  ssl_session_st* find(std::string_view key);
  void remove(std::string_view key);
  std::size_t size() const { return newest_first_.size(); }

 private:
  struct Entry {
    std::string key;
    SessionPtr session;
  };
  std::size_t max_sessions_;
  std::list<Entry> newest_first_;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;  // keys are those of the entries
};

}  // namespace ingress::tls
