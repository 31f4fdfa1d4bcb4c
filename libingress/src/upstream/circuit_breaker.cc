#include "upstream/circuit_breaker.h"

#include <algorithm>
#include <cassert>

namespace ingress::upstream {

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  reset();
  breaker_ = std::move(other.breaker_);
  what_ = other.what_;
  is_idle_ = std::exchange(other.is_idle_, false);
  return *this;
}

void Permit::reset() {
  if (!breaker_) return;
  note_idle(false);
  const std::shared_ptr<CircuitBreaker> breaker = std::exchange(breaker_, nullptr);
  breaker->give_back(what_);
}

void Permit::note_idle(bool is_idle) {
  if (!breaker_ || is_idle == is_idle_) return;
  is_idle_ = is_idle;
  if (is_idle) {
    breaker_->num_idle_.fetch_add(1);
  } else {
    breaker_->num_idle_.fetch_sub(1);
  }
}

bool CircuitBreaker::add(Resource what, std::uint32_t limit) {
  std::atomic<std::uint32_t>& held = count(what);
  std::uint32_t now = held.load();
  do {
    if (limit != 0 && now >= limit) return false;
  } while (!held.compare_exchange_weak(now, now + 1));
  return true;
}

Permit CircuitBreaker::take(Resource what, std::uint32_t limit) {
  return add(what, limit) ? Permit(shared_from_this(), what) : Permit();
}

void CircuitBreaker::give_back(Resource what) {
  count(what).fetch_sub(1);
  if (what != Resource::kConnections || !is_waited_for()) return;
  const std::lock_guard guard(lock_);
  serve_line();
}

// The gate whose first place is the oldest of all; null when nobody waits. Linear in workers.
BreakerGate* CircuitBreaker::first_gate() const {
  BreakerGate* first = nullptr;
  for (BreakerGate* gate : gates_) {
    if (gate->line_.empty()) continue;
    if (first == nullptr || gate->line_.front()->number < first->line_.front()->number) first = gate;
  }
  return first;
}

// Gates live as long as they stand in gates_, and their loops at least as long: posting here is safe.
void CircuitBreaker::serve_line() {
  while (BreakerGate* gate = first_gate()) {
    std::shared_ptr<WaitingPlace> place = gate->line_.front();
    if (!add(Resource::kConnections, place->limit)) return;
    leave_line(*gate, *place);
    gate->post_(
        [place = std::move(place), permit = Permit(shared_from_this(), Resource::kConnections)]() mutable {
          if (place->who != nullptr) place->who->on_connection_granted(std::move(permit), nullptr);
        });
  }
}

void CircuitBreaker::leave_line(BreakerGate& gate, WaitingPlace& place) {
  place.is_in_line = false;
  gate.line_.erase(place.position);
  count(Resource::kPendingRequests).fetch_sub(1);
}

void CircuitBreaker::ask_for_idle() {
  for (BreakerGate* gate : gates_) {
    if (std::exchange(gate->is_asked_, true)) continue;
    gate->post_([weak = gate->weak_from_this()] {
      if (const std::shared_ptr<BreakerGate> alive = weak.lock()) alive->shed_for_line();
    });
  }
}

std::shared_ptr<BreakerGate> BreakerGate::open(std::shared_ptr<CircuitBreaker> breaker, Post post) {
  auto gate = std::make_shared<BreakerGate>(std::move(breaker), std::move(post));
  // Only now: whoever finds it asks it for a weak pointer to itself.
  const std::lock_guard guard(gate->breaker_->lock_);
  gate->breaker_->gates_.push_back(gate.get());
  return gate;
}

BreakerGate::BreakerGate(std::shared_ptr<CircuitBreaker> breaker, Post post)
    : breaker_(std::move(breaker)), post_(std::move(post)) {}

BreakerGate::~BreakerGate() {
  const std::lock_guard guard(breaker_->lock_);
  assert(line_.empty());
  std::erase(breaker_->gates_, this);
}

Permit BreakerGate::take(Resource what, std::uint32_t limit) {
  Permit permit = breaker_->take(what, limit);
  if (!permit) breaker_->note_overflow(what);
  return permit;
}

Permit BreakerGate::take_connection(std::uint32_t limit) {
  return breaker_->is_waited_for() ? Permit() : breaker_->take(Resource::kConnections, limit);
}

BreakerGate::Ticket BreakerGate::wait(ConnectionWaiter& who, const void* endpoint, std::uint32_t limit,
                                      std::uint32_t max_pending) {
  breaker_->note_overflow(Resource::kConnections);
  const std::lock_guard guard(breaker_->lock_);
  if (!breaker_->add(Resource::kPendingRequests, max_pending)) {
    breaker_->note_overflow(Resource::kPendingRequests);
    return {};
  }
  auto place = std::make_shared<WaitingPlace>();
  place->who = &who;
  place->endpoint = endpoint;
  place->limit = limit;
  place->number = ++breaker_->last_number_;
  place->is_in_line = true;
  place->position = line_.insert(line_.end(), place);
  breaker_->serve_line();
  if (place->is_in_line && breaker_->num_idle_.load() > 0) breaker_->ask_for_idle();
  Ticket ticket;
  ticket.gate_ = shared_from_this();
  ticket.place_ = std::move(place);
  return ticket;
}

std::shared_ptr<WaitingPlace> BreakerGate::claim(const void* endpoint) {
  const std::lock_guard guard(breaker_->lock_);
  const BreakerGate* first = breaker_->first_gate();
  unsigned num_looked = 0;
  for (const std::shared_ptr<WaitingPlace>& held : line_) {
    if (++num_looked > kMaxLooked) break;
    if (held->endpoint != endpoint) continue;
    const bool overtakes = first != this || num_looked > 1;
    if (overtakes && num_in_row_ == kMaxInRow) break;
    num_in_row_ = overtakes ? num_in_row_ + 1 : 0;
    std::shared_ptr<WaitingPlace> place = held;
    breaker_->leave_line(*this, *place);
    return place;
  }
  num_in_row_ = 0;
  return nullptr;
}

void BreakerGate::shed_for_line() {
  {
    const std::lock_guard guard(breaker_->lock_);
    is_asked_ = false;
  }
  while (is_waited_for() && shed()) {
  }
}

BreakerGate::Ticket& BreakerGate::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  leave();
  gate_ = std::move(other.gate_);
  place_ = std::move(other.place_);
  return *this;
}

void BreakerGate::Ticket::leave() {
  if (!place_) return;
  place_->who = nullptr;
  {
    CircuitBreaker& breaker = *gate_->breaker_;
    const std::lock_guard guard(breaker.lock_);
    if (place_->is_in_line) {
      breaker.leave_line(*gate_, *place_);
      breaker.serve_line();  // those behind may know a higher limit
    }
  }
  place_.reset();
  gate_.reset();
}

}  // namespace ingress::upstream
