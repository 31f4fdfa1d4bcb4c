// KubeTransport over the library's own client: connections, TLS, credentials, the rate of requests.
//
// Owner: the daemon. Thread: the loop's, of which it is destroyed before the loop, and after its calls.
// Always true: at most kPerSecond requests a second are sent in the long run, kBurst at once; the others wait
// in order. An answer has at most kMaxAnswerBytes, a line of a watch kMaxLineBytes. A request that the server
// answers with 401 is sent once more when reading the credentials again gave others.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "ingress/client.h"
#include "ingress/loop.h"
#include "proxyd/kube/kube_access.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_transport.h"
#include "proxyd/kube/token_bucket.h"

namespace proxyd {

class ClientTransport final : public KubeTransport {
 public:
  // The rate is a guard against a fault of ours, not a share: fairness is what the API server's own priority
  // levels see to.
  static constexpr double kPerSecond = 100;
  static constexpr double kBurst = 200;
  static constexpr std::size_t kMaxAnswerBytes = std::size_t{32} * 1024 * 1024;
  static constexpr std::size_t kMaxLineBytes = std::size_t{8} * 1024 * 1024;
  // Tokens of service accounts are renewed by the kubelet long before they expire.
  static constexpr std::chrono::seconds kReadAgain{60};

  // Fails when the access cannot be loaded or used: at the start there is nothing to go on with.
  static std::expected<std::unique_ptr<ClientTransport>, std::string> create(ingress::Loop& loop,
                                                                             KubeClock& clock,
                                                                             LoadKubeAccess load);
  ~ClientTransport() override;

  std::unique_ptr<Call> send(KubeRequest request, OnAnswer on_answer) override;
  std::unique_ptr<Call> watch(KubeRequest request, std::chrono::milliseconds idle,
                              WatchEvents events) override;

  // Why the credentials could not be read again; empty while they can. The last good ones stay in use.
  const std::string& access_problem() const { return access_problem_; }
  const KubeAccess& access() const { return access_; }
  // "https://api.example:6443"
  std::string address() const;

 private:
  struct Exchange;
  class Handle;
  ClientTransport(ingress::Loop& loop, KubeClock& clock, LoadKubeAccess load)
      : loop_(loop), clock_(clock), load_(std::move(load)) {}
  std::unique_ptr<Call> add(std::shared_ptr<Exchange> exchange);
  void pump();
  void begin(const std::shared_ptr<Exchange>& exchange);
  bool read_again();
  std::string use(KubeAccess access);
  std::expected<ingress::Client, ingress::Error> connect(const KubeAccess& access);
  void leave(const std::shared_ptr<ingress::Client>& silent);
  void read_later();

  ingress::Loop& loop_;
  KubeClock& clock_;
  LoadKubeAccess load_;
  KubeAccess access_;
  std::string access_problem_;
  // Shared with its calls: one that is replaced ends with the last of them.
  std::shared_ptr<ingress::Client> client_;
  TokenBucket bucket_{kPerSecond, kBurst};
  std::deque<std::shared_ptr<Exchange>> waiting_;
  std::unique_ptr<KubeClock::Timer> pump_timer_, read_timer_;
  std::shared_ptr<ClientTransport*> self_ = std::make_shared<ClientTransport*>(this);
};

}  // namespace proxyd
