#include "support/exchange_checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "support/require.h"
#include "support/strict_http.h"

namespace ingress::fuzzing {
namespace {

// As in the world's listener and cluster.
constexpr StrictLimits kClientLimits = {
    .line_bytes = 400, .head_bytes = 2000, .max_fields = 20, .paths = ExchangeWorld::kPaths};
constexpr StrictLimits kBackendLimits = {.head_bytes = 2000, .max_fields = 20};
// What the proxy writes may be longer than what it reads, by its own fields.
constexpr StrictLimits kWritten = {.allows_empty_host = true};
constexpr std::size_t kMaxAttempts = 2;

// One request as a backend got it, and what it answered.
struct Asked {
  StrictMessage request;
  StrictMessage response;
  bool has_response = false;
  // Behind the two, when they made a tunnel: what the backend got and what it sent.
  bool is_tunnel = false;
  std::string tunnel_in, tunnel_out;
};

struct Exchanges {
  std::map<std::string, std::vector<Asked>> by_id;
};

std::string value_of(const StrictMessage& message, std::string_view name) {
  std::string found;
  std::size_t count = 0;
  for (const StrictField& field : message.fields) {
    if (!equals_without_case(field.name, name)) continue;
    found = field.value;
    ++count;
  }
  require(count == 1, "the proxy's own fields come once");
  return found;
}

// 101 is no interim response: nothing behind it is HTTP, which is where the strict reader stops.
bool is_final(const StrictMessage& message) {
  return message.has_head && (message.status >= 200 || message.status == 101);
}

bool has_switched(const StrictStream& stream) {
  return stream.tail == StrictTail::kRefused && !stream.messages.empty() &&
         is_final(stream.messages.back()) && stream.messages.back().status == 101;
}

bool is_named(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [name](const std::string& known) { return equals_without_case(known, name); });
}

// RFC 9110 7.6.1: without what speaks about the connection, and what is named by it. What is never about one
// connection stays, whoever names it.
std::vector<StrictField> end_to_end(const std::vector<StrictField>& fields) {
  static const std::vector<std::string> kHop = {
      "connection",          "content-length",   "keep-alive", "proxy-authenticate",
      "proxy-authorization", "proxy-connection", "te",         "upgrade",
      "transfer-encoding"};
  static const std::vector<std::string> kNever = {
      "accept", "authorization", "cache-control", "content-encoding", "content-range",    "content-type",
      "cookie", "date",          "etag",          "expect",           "expires",          "host",
      "vary",   "location",      "range",         "set-cookie",       "www-authenticate", "trailer"};
  std::vector<std::string> named = list_of(fields, "connection");
  if (named.size() > 64) named.resize(64);
  std::vector<StrictField> out;
  for (const StrictField& field : fields) {
    const bool is_dropped =
        is_named(kHop, field.name) || (is_named(named, field.name) && !is_named(kNever, field.name));
    if (!is_dropped) out.push_back(field);
  }
  return out;
}

// What of a request's fields reaches the backend beside those that the proxy adds.
std::vector<StrictField> forwarded(const std::vector<StrictField>& fields) {
  static const std::vector<std::string> kOurs = {"forwarded",
                                                 "x-forwarded-for",
                                                 "x-forwarded-host",
                                                 "x-forwarded-port",
                                                 "x-forwarded-proto",
                                                 "x-request-id",
                                                 "host",
                                                 "expect",
                                                 "grpc-timeout"};
  std::vector<StrictField> out = end_to_end(fields);
  std::erase_if(out, [](const StrictField& field) {
    return is_named(kOurs, field.name) || field.name.find('_') != std::string::npos;
  });
  return out;
}

void check_body(const StrictMessage& got, const StrictMessage& source, const char* claim) {
  require(source.body.starts_with(got.body), claim);
  if (!got.is_complete) return;
  require(source.is_complete && got.body == source.body, "looks whole only if it is");
  for (const StrictField& field : got.trailers) {
    require(std::find(source.trailers.begin(), source.trailers.end(), field) != source.trailers.end(),
            "no trailer is made up");
  }
}

void check_forwarded(const StrictMessage& got, const StrictMessage& message, const std::string& client) {
  require_equal(got.method, message.method, "same method");
  require_equal(got.target.path, message.target.path, "same path");
  require(got.target.query == message.target.query, "same query");
  require_equal(got.target.authority, message.target.authority, "same authority");
  require_equal(value_of(got, "x-forwarded-for"), client, "the client's own address");
  require_equal(describe(forwarded(got.fields)), describe(forwarded(message.fields)), "same fields");
  check_body(got, message, "the client's own body");
}

bool was_switched(const std::vector<LogLine>& log, const std::string& request_id) {
  return std::any_of(log.begin(), log.end(), [&](const LogLine& line) {
    return line.status == 101 && line.request_id == request_id;
  });
}

void collect(const BackendTrace& backend, const std::vector<LogLine>& log, Exchanges& out) {
  const StrictStream asked = read_requests(backend.received, kWritten);
  std::vector<std::string> methods;
  for (const StrictMessage& request : asked.messages) {
    if (request.has_head) methods.push_back(request.method);
  }
  const StrictStream answered = read_responses(
      backend.sent, methods, backend.has_ended ? StrictEnd::kClosed : StrictEnd::kOpen, kBackendLimits);
  std::size_t next = 0;
  for (const StrictMessage& request : asked.messages) {
    if (!request.has_head) continue;
    Asked pair{.request = request};
    while (next < answered.messages.size() && answered.messages[next].status < 200 &&
           answered.messages[next].status != 101) {
      ++next;
    }
    // How much the backend had said when the first byte of this request was written to it.
    std::size_t said = 0;
    for (const BackendTrace::Mark& mark : backend.marks) {
      if (mark.written <= request.begin) said = mark.sent;
    }
    if (next < answered.messages.size() && answered.messages[next].has_head) {
      pair.has_response = answered.messages[next].begin >= said || request.begin == 0;
      pair.response = answered.messages[next++];
    }
    const std::string id = value_of(request, "x-request-id");
    pair.is_tunnel = pair.has_response && pair.response.status == 101 && was_switched(log, id);
    if (pair.is_tunnel) {
      pair.tunnel_in = backend.received.substr(request.end);
      pair.tunnel_out = backend.sent.substr(pair.response.end);
    }
    const bool is_last = pair.is_tunnel;
    out.by_id[id].push_back(std::move(pair));
    if (is_last) return;
  }
  require(asked.tail != StrictTail::kRefused, "what backends get is in order");
}

// The words of a status on one line, nothing that a peer could have chosen.
bool is_own_answer(const StrictMessage& answer) {
  static const std::vector<std::string> kNames = {"content-type", "date",        "content-length",
                                                  "connection",   "grpc-status", "grpc-message"};
  std::string_view words = answer.body;
  if (answer.is_complete && words.ends_with('\n')) words.remove_suffix(1);
  return std::all_of(answer.fields.begin(), answer.fields.end(),
                     [](const StrictField& field) { return is_named(kNames, field.name); }) &&
         std::all_of(words.begin(), words.end(),
                     [](char c) { return c == ' ' || c == '-' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); });
}

// Whether `answer` can be what the backend said.
bool is_relayed(const StrictMessage& answer, const Asked& asked) {
  if (!asked.has_response || answer.status != asked.response.status) return false;
  if (!asked.response.body.starts_with(answer.body)) return false;
  if (answer.is_complete && (!asked.response.is_complete || answer.body != asked.response.body)) return false;
  // No response has a Host: one that a backend sends is left out.
  std::vector<StrictField> fields = end_to_end(asked.response.fields);
  std::erase_if(fields, [](const StrictField& field) { return equals_without_case(field.name, "host"); });
  return describe(end_to_end(answer.fields)) == describe(fields);
}

void check_answer(const StrictMessage& answer, const LogLine& line, const std::vector<Asked>& asked) {
  require(answer.status == line.status, "the status that was logged");
  const bool is_from_backend =
      std::any_of(asked.begin(), asked.end(), [&](const Asked& one) { return is_relayed(answer, one); });
  if (line.why.empty()) return require(is_from_backend, "an answer is the backend's to this request");
  require(is_from_backend || (is_own_answer(answer) && line.status != 101), "or the proxy's own");
}

// Answers of the client, without interim ones, in order.
std::vector<StrictMessage> read_answers(const ClientTrace& client, const std::vector<const LogLine*>& lines) {
  std::vector<std::string> methods;
  for (const LogLine* line : lines) methods.push_back(line->has_head ? line->method : "");
  const bool ends = client.end == test::FakePeer::End::kClosed && !client.has_broken;
  const StrictStream stream =
      read_responses(client.received, methods, ends ? StrictEnd::kClosed : StrictEnd::kOpen, kWritten);
  const bool is_tunnel = !lines.empty() && lines.back()->status == 101 && has_switched(stream);
  require(stream.tail != StrictTail::kRefused || is_tunnel, "what clients get is in order, and nothing more");
  if (!stream.messages.empty()) {
    require(stream.messages.back().end == client.received.size() || !stream.messages.back().is_complete,
            "nothing comes behind the last answer");
  }
  std::vector<StrictMessage> answers;
  for (const StrictMessage& message : stream.messages) {
    if (is_final(message)) answers.push_back(message);
  }
  return answers;
}

// `answer` null: the client did not get the head.
void check_tunnel(const ClientTrace& client, const LogLine& line, const StrictMessage& request,
                  const StrictMessage* answer, const std::vector<Asked>& asked) {
  const auto found = std::find_if(asked.begin(), asked.end(), [](const Asked& one) { return one.is_tunnel; });
  require(found != asked.end(), "a tunnel has a backend that switched");
  const std::vector<std::string> chosen = list_of(found->response.fields, "upgrade");
  require(is_named(list_of(request.fields, "connection"), "upgrade"), "a tunnel was asked for");
  require(chosen.size() == 1 && is_named(list_of(request.fields, "upgrade"), chosen[0]), "by this name");
  const std::string sent = client.sent.substr(request.end);
  require(sent.starts_with(found->tunnel_in), "the backend gets the client's bytes");
  if (line.why == "tunnel:client_closed" || line.why == "tunnel:backend_closed") {
    require_equal(found->tunnel_in, sent, "all of them, when the tunnel ended in order");
  }
  if (answer == nullptr) return;
  require(found->tunnel_out.starts_with(client.received.substr(answer->end)),
          "the client gets the backend's bytes");
}

void check_client(const ClientTrace& client, const std::vector<LogLine>& log, Exchanges& exchanges) {
  std::vector<const LogLine*> lines;
  for (const LogLine& line : log) {
    if (line.client == client.address) lines.push_back(&line);
  }
  const StrictStream sent = read_requests(client.sent, kClientLimits);
  require(lines.size() <= sent.messages.size(), "nothing is interpreted behind a refused or last request");
  const std::vector<StrictMessage> answers = read_answers(client, lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto found = exchanges.by_id.find(lines[i]->request_id);
    std::vector<Asked> asked;
    if (found != exchanges.by_id.end()) {
      asked = std::move(found->second);
      exchanges.by_id.erase(found);
    }
    require(asked.size() <= kMaxAttempts, "no more attempts than allowed");
    require(asked.empty() || sent.messages[i].has_head, "no refused message is forwarded");
    for (const Asked& one : asked) check_forwarded(one.request, sent.messages[i], client.address);
    const StrictMessage* const answer = i < answers.size() ? &answers[i] : nullptr;
    if (answer != nullptr) check_answer(*answer, *lines[i], asked);
    if (lines[i]->status == 101) check_tunnel(client, *lines[i], sent.messages[i], answer, asked);
  }
}

}  // namespace

void check_traces(const std::vector<ClientTrace>& clients, const std::vector<BackendTrace>& backends,
                  const std::vector<LogLine>& log) {
  Exchanges exchanges;
  for (const BackendTrace& backend : backends) collect(backend, log, exchanges);
  for (const ClientTrace& client : clients) check_client(client, log, exchanges);
  require(exchanges.by_id.empty(), "backends are asked nothing that no client asked");
}

}  // namespace ingress::fuzzing
