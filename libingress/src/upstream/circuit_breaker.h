// The limits of one cluster that hold for the whole process: permits for what is under way, counted by
// atomics, and one line of those that wait for a connection.
//
// Owner: shared by the gates of the workers and by the permits that are out, so that a cluster which leaves
// the configuration and comes back finds its count. Thread: any.
// Always true: a count is never raised above the limit that the taker knows; a permit that is freed while
// somebody waits goes to whoever waits longest, in whichever worker; nobody overtakes the line, apart from
// BreakerGate::claim().
// Locks: one, taken only where somebody waits for a connection, or begins or ends to.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "upstream/client_stream.h"

namespace ingress::upstream {

enum class Resource : std::uint8_t { kConnections, kPendingRequests, kRequests, kRetries };
inline constexpr std::size_t kNumResources = 4;

class BreakerGate;
class CircuitBreaker;

// The right to one of something; given back when destroyed. Thread: any, one at a time.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : breaker_(std::move(other.breaker_)),
        what_(other.what_),
        is_idle_(std::exchange(other.is_idle_, false)) {}
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { reset(); }
  explicit operator bool() const { return breaker_ != nullptr; }
  void reset();
  // Whether the connection that it stands for is in a pool, where others may ask for it.
  void note_idle(bool is_idle);

 private:
  friend class CircuitBreaker;
  Permit(std::shared_ptr<CircuitBreaker> breaker, Resource what)
      : breaker_(std::move(breaker)), what_(what) {}
  std::shared_ptr<CircuitBreaker> breaker_;
  Resource what_ = Resource::kConnections;
  bool is_idle_ = false;
};

// Who waits for a connection.
class ConnectionWaiter {
 public:
  // At most once, on the worker's thread, never from inside wait(): the permit to open a connection, or a
  // connection that has just become free, or a stream of one, which holds its own permit; it may have broken
  // meanwhile.
  virtual void on_connection_granted(Permit permit, ClientStreamPtr stream) = 0;

 protected:
  ~ConnectionWaiter() = default;
};

// A place in the line. `who` belongs to the worker's thread, the rest to the breaker's lock.
struct WaitingPlace {
  ConnectionWaiter* who = nullptr;  // null once it has left
  const void* endpoint = nullptr;   // only compared
  std::uint32_t limit = 0;
  std::uint64_t number = 0;  // grows with each that comes
  bool is_in_line = false;
  std::list<std::shared_ptr<WaitingPlace>>::iterator position = {};
};

class CircuitBreaker : public std::enable_shared_from_this<CircuitBreaker> {
 public:
  std::uint32_t current(Resource what) const { return count(what).load(std::memory_order_relaxed); }
  // How often a limit was met: a request, a place in the line or another try refused, or a connection not to
  // be had at once.
  std::uint64_t overflows(Resource what) const {
    return overflows_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
  }

 private:
  friend class BreakerGate;
  friend class Permit;

  // Counts one more, unless `limit` are out already; 0 = no limit.
  bool add(Resource what, std::uint32_t limit);
  Permit take(Resource what, std::uint32_t limit);
  void give_back(Resource what);
  void note_overflow(Resource what) {
    overflows_[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed);
  }
  bool is_waited_for() const { return count(Resource::kPendingRequests).load() > 0; }
  // Lock held.
  BreakerGate* first_gate() const;
  void serve_line();
  void leave_line(BreakerGate& gate, WaitingPlace& place);
  void ask_for_idle();

  const std::atomic<std::uint32_t>& count(Resource what) const {
    return counts_[static_cast<std::size_t>(what)];
  }
  std::atomic<std::uint32_t>& count(Resource what) { return counts_[static_cast<std::size_t>(what)]; }

  // Sequentially consistent where they meet: who gives a connection back lowers that count, then looks for
  // somebody waiting; who waits raises the other count, then tries again. One of the two sees the other. The
  // same holds between num_idle_ and the line.
  std::array<std::atomic<std::uint32_t>, kNumResources> counts_ = {};
  std::array<std::atomic<std::uint64_t>, kNumResources> overflows_ = {};
  std::atomic<std::uint32_t> num_idle_{0};

  std::mutex lock_;
  std::vector<BreakerGate*> gates_;  // all that live
  std::uint64_t last_number_ = 0;
};

// One worker's way to a breaker.
// Owner: shared by the worker's cluster and the exchanges that go through it; all gone before its loop.
// Thread: the worker's, its destructor included.
class BreakerGate : public std::enable_shared_from_this<BreakerGate> {
 public:
  // Runs a call on the worker's thread, later; any thread.
  using Post = std::function<void(std::move_only_function<void()>)>;
  // Leaves the line when destroyed.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&&) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { leave(); }
    explicit operator bool() const { return place_ != nullptr; }
    void leave();

   private:
    friend class BreakerGate;
    std::shared_ptr<BreakerGate> gate_;
    std::shared_ptr<WaitingPlace> place_;
  };

  static std::shared_ptr<BreakerGate> open(std::shared_ptr<CircuitBreaker> breaker, Post post);
  BreakerGate(std::shared_ptr<CircuitBreaker> breaker, Post post);  // for open()
  BreakerGate(const BreakerGate&) = delete;
  BreakerGate& operator=(const BreakerGate&) = delete;
  ~BreakerGate();

  // Empty when `limit` are out; 0 = no limit.
  Permit take(Resource what, std::uint32_t limit);
  // The same for a connection; empty as well while others wait for one.
  Permit take_connection(std::uint32_t limit);
  // Waits for a connection to `endpoint`; empty when `max_pending` wait already. The line needs no bound of
  // its own: whoever stands in it is an exchange with a client.
  Ticket wait(ConnectionWaiter& who, const void* endpoint, std::uint32_t limit, std::uint32_t max_pending);
  // A connection to `endpoint` is free: the first of this worker who waits for just that, taken out of the
  // line, to be handed the connection. Null when it has to be closed for others. So connections are reused;
  // nobody starves, as others are overtaken at most kMaxInRow times in a row.
  std::shared_ptr<WaitingPlace> claim(const void* endpoint);
  bool is_waited_for() const { return breaker_->is_waited_for(); }
  // Closes one idle connection of this worker's; false when there is none.
  bool shed() { return on_shed_ && on_shed_(); }
  void set_on_shed(std::move_only_function<bool()> on_shed) { on_shed_ = std::move(on_shed); }

  static constexpr unsigned kMaxInRow = 16;
  static constexpr unsigned kMaxLooked = 256;  // places that claim() compares

 private:
  friend class CircuitBreaker;
  using Line = std::list<std::shared_ptr<WaitingPlace>>;
  void shed_for_line();

  std::shared_ptr<CircuitBreaker> breaker_;
  Post post_;
  std::move_only_function<bool()> on_shed_;
  // Under the breaker's lock.
  Line line_;
  unsigned num_in_row_ = 0;
  bool is_asked_ = false;  // a call of shed_for_line() is on its way
};

}  // namespace ingress::upstream
