#include "tls/session_cache.h"

#include <utility>

#include "tls/boring.h"

namespace ingress::tls {

void FreeSession::operator()(ssl_session_st* session) const {
  SSL_SESSION_free(session);
}

void SessionCache::put(std::string_view key, SessionPtr session) {
  remove(key);
  newest_first_.push_front({.key = std::string(key), .session = std::move(session)});
  by_key_.emplace(newest_first_.front().key, newest_first_.begin());
  if (newest_first_.size() <= max_sessions_) return;
  by_key_.erase(newest_first_.back().key);
  newest_first_.pop_back();
}

ssl_session_st* SessionCache::find(std::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
  return found->second->session.get();
}

void SessionCache::remove(std::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const auto entry = found->second;
  by_key_.erase(found);
  newest_first_.erase(entry);
}

}  // namespace ingress::tls
