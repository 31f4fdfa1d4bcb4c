// Staples: stands before the server as a Publisher, asks the responders of the certificates that go through,
// and publishes each anew with the answer of its issuer.
//
// Owner: the daemon. Thread: the loop's; no worker waits for anything of it. Caller: keeps `next`, `board`
// and `ask` until it is gone. Always true: a certificate is published anew only as the last configuration
// that the server took has it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "ingress/loop.h"
#include "ingress/ocsp.h"
#include "proxyd/config_source.h"
#include "proxyd/ocsp_book.h"
#include "proxyd/problem_board.h"

namespace proxyd {

class OcspStapler final : public Publisher {
 public:
  using Fetch = std::unique_ptr<ingress::OcspClient::Fetch>;
  // OcspClient::ask(), or a test's.
  using Ask = std::function<Fetch(const ingress::OcspQuestion&, ingress::OcspClient::OnResponse)>;

  OcspStapler(ingress::Loop& loop, Publisher& next, ProblemBoard& board, Ask ask, OcspBook::Rules rules = {});
  OcspStapler(const OcspStapler&) = delete;
  OcspStapler& operator=(const OcspStapler&) = delete;

  Outcome publish(ingress::GatewayConfig config) override;
  Outcome apply(ingress::ConfigDelta delta) override;
  void when_adopted(ingress::Generation generation, std::move_only_function<void()> call) override {
    next_.when_adopted(generation, std::move(call));
  }
  // Asks about all certificates now, whatever answers there are.
  void ask_again();

 private:
  using Clock = std::chrono::system_clock;

  // What is new of them; puts in the answers that there are.
  std::vector<OcspBook::News> prepare(std::vector<ingress::Certificate>& certificates) const;
  void work();
  void work_in(std::chrono::milliseconds delay);
  void on_response(OcspBook::Id id, std::expected<std::string, ingress::Error> response);
  void show();
  void show_soon();

  ingress::Loop& loop_;
  Publisher& next_;
  ProblemBoard& board_;
  Ask ask_;
  OcspBook book_;
  std::map<OcspBook::Id, Fetch> fetches_;
  ingress::Loop::Registration timer_, show_timer_;
  bool will_show_ = false;
};

}  // namespace proxyd
