#include "policy/filter_chain.h"

#include <doctest/doctest.h>

#include "policy/body_stage.h"

namespace ingress::policy {
namespace {

// Only what the chain itself needs of a context.
class NoContext final : public ExchangeContext {
 public:
  explicit NoContext(FilterChain& chain) : chain_(chain) {}
  WorkerContext& worker() override { throw "no worker in this test"; }
  std::string_view client_address() const override { return {}; }
  std::uint16_t client_port() const override { return 0; }
  std::string_view listener() const override { return {}; }
  std::string_view request_id() const override { return {}; }
  std::string_view route() const override { return {}; }
  void set_label(std::string_view, std::string_view) override {}
  std::any& state() override { return chain_.state(); }
  Resumer suspend() override { return {}; }
  void want_request_body(BodyMode mode, std::size_t cap) override {
    chain_.want_body(Direction::kRequest, mode, cap);
  }
  void want_response_body(BodyMode mode, std::size_t cap) override {
    chain_.want_body(Direction::kResponse, mode, cap);
  }

 private:
  FilterChain& chain_;
};

class Marker final : public Filter {
 public:
  Marker(char mark, std::string& log) : mark_(mark), log_(log) {}
  Verdict on_request(RequestHead&, ExchangeContext& context) override {
    log_ += mark_;
    context.state() = mark_;
    context.want_request_body(BodyMode::kStream);
    context.want_response_body(BodyMode::kStream);
    return mark_ == 'w' ? Verdict::wait() : mark_ == 'r' ? Verdict::reply(401, "no") : Verdict::next();
  }
  Verdict on_response(ResponseHead&, ExchangeContext& context) override {
    log_ += mark_;
    CHECK(std::any_cast<char>(context.state()) == mark_);
    return Verdict::next();
  }
  Verdict on_request_body(std::string& piece, bool, ExchangeContext&) override {
    piece += mark_;
    return Verdict::next();
  }
  Verdict on_response_body(std::string& piece, bool, ExchangeContext&) override {
    piece += mark_;
    return Verdict::next();
  }

 private:
  char mark_;
  std::string& log_;
};

FilterList list_of(const char* marks, std::string& log) {
  FilterList list;
  for (const char* mark = marks; *mark != '\0'; ++mark) list.push_back(std::make_unique<Marker>(*mark, log));
  return list;
}

TEST_CASE("RunsForwardsOnRequestsAndBackwardsOnResponses") {
  std::string log;
  FilterList filters = list_of("abc", log);
  FilterChain chain;
  NoContext context(chain);
  chain.begin(filters);
  RequestHead request;
  ResponseHead response;
  CHECK(chain.run_request(request, context).kind() == Verdict::Kind::kNext);
  CHECK(chain.run_response(response, context).kind() == Verdict::Kind::kNext);
  CHECK(log == "abccba");
  std::string piece = "x";
  CHECK(chain.run_body(Direction::kRequest, piece, true, context).kind() == Verdict::Kind::kNext);
  CHECK(piece == "xabc");
  CHECK(chain.run_body(Direction::kResponse, piece, true, context).kind() == Verdict::Kind::kNext);
  CHECK(piece == "xabccba");
}

TEST_CASE("GoesOnBehindTheFilterThatWaited") {
  std::string log;
  FilterList filters = list_of("awb", log);
  FilterChain chain;
  NoContext context(chain);
  chain.begin(filters);
  RequestHead request;
  CHECK(chain.run_request(request, context).kind() == Verdict::Kind::kWait);
  CHECK(log == "aw");
  CHECK(chain.run_request(request, context).kind() == Verdict::Kind::kNext);
  CHECK(log == "awb");
}

TEST_CASE("AReplyEndsTheChain") {
  std::string log;
  FilterList filters = list_of("arb", log);
  FilterChain chain;
  NoContext context(chain);
  chain.begin(filters);
  RequestHead request;
  Verdict verdict = chain.run_request(request, context);
  CHECK(verdict.kind() == Verdict::Kind::kReply);
  CHECK(verdict.get_reply().status == 401);
  CHECK(log == "ar");
}

TEST_CASE("TheLargestCapAndHoldingWin") {
  std::string log;
  FilterList filters = list_of("a", log);
  FilterChain chain;
  chain.begin(filters);
  CHECK(!chain.interest(Direction::kRequest).is_wanted());
  chain.want_body(Direction::kRequest, BodyMode::kBuffer, 10);
  chain.want_body(Direction::kRequest, BodyMode::kStream, 5);
  CHECK(chain.interest(Direction::kRequest).mode == BodyMode::kBuffer);
  CHECK(chain.interest(Direction::kRequest).cap_bytes == 10);
  chain.begin(filters);
  CHECK(!chain.interest(Direction::kRequest).is_wanted());
}

TEST_CASE("AHeldBodyIsGivenWholeAndNeverBeyondItsCap") {
  std::string log;
  FilterList filters = list_of("a", log);
  FilterChain chain;
  NoContext context(chain);
  chain.begin(filters);
  chain.want_body(Direction::kRequest, BodyMode::kBuffer, 4);
  base::BufferPool pool;
  BodyStage stage(Direction::kRequest);
  const auto push = [&](std::string_view bytes, bool is_last, base::Chain& out) {
    base::Chain in;
    if (!bytes.empty()) in.append(pool.copy(bytes));
    return stage.push(std::move(in), is_last, chain, context, out, pool);
  };
  base::Chain out;
  CHECK(push("ab", false, out) == StageResult::kPassed);
  CHECK(out.is_empty());
  CHECK(push("cd", true, out) == StageResult::kPassed);
  CHECK(out.to_string() == "abcda");
  stage.reset();
  CHECK(push("abc", false, out) == StageResult::kPassed);
  CHECK(push("de", false, out) == StageResult::kTooLarge);
}

}  // namespace
}  // namespace ingress::policy
