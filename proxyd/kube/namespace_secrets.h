// The Secrets of one namespace that are referred to: see secret_source.h.
//
// Owner: SecretSource. Thread: the loop's.
// Always true: at most kMaxGets requests are under way at once.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "proxyd/kube/back_off.h"
#include "proxyd/kube/reflector.h"
#include "proxyd/kube/secret_source.h"

namespace proxyd {

class NamespaceSecrets final : private ReflectorSink {
 public:
  static constexpr std::size_t kMaxGets = 16;

  NamespaceSecrets(std::string name, SecretContext& context);
  ~NamespaceSecrets();
  void want(const std::set<std::string>& names);
  bool is_settled() const;
  std::vector<ingress::Problem> problems() const;
  std::string trouble() const;

 private:
  // One Secret, where listing is forbidden.
  class Named;
  enum class Phase : unsigned char {
    kUnknown,    // nothing was heard of it
    kDue,        // to be got; what is known of it stays
    kAsked,      // being got
    kHave,       // as the server has it
    kAbsent,     // the server does not have it
    kForbidden,  // not for us
  };
  struct Wanted {
    Phase phase = Phase::kUnknown;
    bool was_settled = false;  // something is known, which stays while it is got anew
    std::string version;       // what we have
    std::unique_ptr<KubeTransport::Call> call;
    std::unique_ptr<Named> named;  // in place of all others
    std::vector<ingress::Problem> problems;
  };

  // Of the metadata.
  void on_list(std::vector<ingress::controller::KubeItem> items) override;
  void on_upsert(ingress::controller::KubeItem item) override;
  void on_delete(const ingress::controller::ObjectKey& key) override;
  void on_state() override;

  void settle(const std::string& name, Wanted& wanted);
  void forget(const std::string& name, Wanted& wanted, Phase phase);
  void get_due();
  void get(const std::string& name, Wanted& wanted);
  void on_got(const std::string& name, std::expected<KubeAnswer, ingress::Error> answer);
  void take(const std::string& name, Wanted& wanted, const KubeAnswer& answer);
  void retry(Wanted& wanted, std::optional<std::chrono::seconds> asked = {});
  void recheck();
  bool is_by_name() const { return metadata_.state() == Reflector::State::kForbidden; }

  const std::string namespace_;
  SecretContext& context_;
  Reflector metadata_;
  std::map<std::string, std::string> versions_;  // of all Secrets there are, by name
  std::map<std::string, Wanted> wanted_;
  std::size_t num_asked_ = 0;
  BackOff back_off_;
  std::unique_ptr<KubeClock::Timer> retry_, recheck_;
  std::string trouble_;
};

}  // namespace proxyd
