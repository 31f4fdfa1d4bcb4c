#include "net/happy_eyeballs.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ingress::net {

namespace {

bool is_v6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

}  // namespace

std::vector<std::string> interleave_families(std::vector<std::string> addresses) {
  if (addresses.empty()) return addresses;
  std::vector<std::string> first, second;
  const bool begins_with_v6 = is_v6(addresses.front());
  for (std::string& address : addresses) {
    (is_v6(address) == begins_with_v6 ? first : second).push_back(std::move(address));
  }
  addresses.clear();
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) addresses.push_back(std::move(first[i]));
    if (i < second.size()) addresses.push_back(std::move(second[i]));
  }
  return addresses;
}

ConnectRace::ConnectRace(TimerWheel& timers, std::vector<std::string> addresses, Begin begin,
                         OnConnect on_connect)
    : timers_(timers),
      addresses_(std::move(addresses)),
      begin_(std::move(begin)),
      on_connect_(std::move(on_connect)) {
  attempts_.reserve(addresses_.size());
  begin_next();
}

void ConnectRace::begin_next() {
  const std::size_t index = attempts_.size();
  attempts_.push_back(begin_(addresses_[index], [this, index](std::expected<TransportPtr, Error> result) {
    on_attempt(index, std::move(result));
  }));
  if (index + 1 < addresses_.size()) {
    stagger_.set(timers_, kStagger);
  } else {
    stagger_.cancel();
  }
}

void ConnectRace::on_attempt(std::size_t index, std::expected<TransportPtr, Error> result) {
  if (!result) {
    attempts_[index].reset();
    ++num_failed_;
    if (attempts_.size() < addresses_.size()) return begin_next();
    if (num_failed_ < addresses_.size()) return;  // others are still under way
  }
  stagger_.cancel();
  attempts_.clear();
  OnConnect on_connect = std::move(on_connect_);
  on_connect(std::move(result));  // may destroy the race
}

}  // namespace ingress::net
