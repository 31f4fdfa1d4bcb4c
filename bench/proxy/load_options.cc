#include "bench/proxy/load_options.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string_view>

#include "bench/proxy/sockets.h"

namespace bench {
namespace {

constexpr const char* kUsage =
    "usage: load IP:PORT [--path /1k] [--expect BYTES] [--connections N] [--seconds S] [--requests N]\n"
    "            [--rate PER_SECOND] [--post BYTES] [--hosts N] [--new-connections] [--idle] [--watch PID]\n"
    "            [--tls] [--group X25519] [--handshakes] [--resume]\n"
    "Prints one line of JSON. With --rate requests start on schedule and latency counts from there, so that\n"
    "a stall is seen by all requests that it delays. With --handshakes a request is a new connection that "
    "shakes\n"
    "hands and ends; with --resume it goes on with a session that an answer brought before. Both are TLS.\n";

[[noreturn]] void explain(const std::string& what) {
  std::fprintf(stderr, "load: %s\n%s", what.c_str(), kUsage);
  std::exit(2);
}

double to_number(std::string_view flag, const char* text) {
  char* end = nullptr;
  const double number = std::strtod(text, &end);
  if (end == text || *end != '\0' || !(number >= 0)) explain(std::string(flag) + " takes a number");
  return number;
}

template <typename Target>
std::function<void(std::string_view, const char*)> number_into(Target& target) {
  return [&target](std::string_view flag, const char* text) {
    target = static_cast<Target>(to_number(flag, text));
  };
}

}  // namespace

LoadOptions read_load_options(int argc, char** argv) {
  LoadOptions options;
  const std::map<std::string_view, bool*> switches = {{"--new-connections", &options.has_new_connections},
                                                      {"--idle", &options.is_idle},
                                                      {"--tls", &options.has_tls},
                                                      {"--handshakes", &options.is_handshake_only},
                                                      {"--resume", &options.resumes}};
  const std::map<std::string_view, std::function<void(std::string_view, const char*)>> values = {
      {"--path", [&](std::string_view, const char* text) { options.path = text; }},
      {"--group", [&](std::string_view, const char* text) { options.tls_group = text; }},
      {"--seconds",
       [&](std::string_view flag, const char* text) {
         options.duration = std::chrono::duration<double>(to_number(flag, text));
       }},
      {"--expect", number_into(options.expected_bytes)},
      {"--connections", number_into(options.num_connections)},
      {"--requests", number_into(options.max_requests)},
      {"--rate", number_into(options.rate)},
      {"--post", number_into(options.post_bytes)},
      {"--hosts", number_into(options.num_hosts)},
      {"--watch", number_into(options.watched_pid)},
  };
  if (argc < 2) explain("no target");
  options.target = parse_address(argv[1]);
  for (int i = 2; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (const auto found = switches.find(flag); found != switches.end()) {
      *found->second = true;
    } else if (const auto value = values.find(flag); value != values.end() && i + 1 < argc) {
      value->second(flag, argv[++i]);
    } else {
      explain("what is " + std::string(flag));
    }
  }
  if (options.num_connections == 0) explain("--connections is at least 1");
  // The host is written into the one request that all connections send from.
  if (options.num_hosts > 0 && options.post_bytes > 0) explain("--hosts goes with GET only");
  options.has_tls |= options.is_handshake_only || options.resumes;
  options.has_new_connections |= options.is_handshake_only;
  if (options.has_tls && options.expected_bytes > 64 * 1024)
    explain("--tls goes with answers of 64 KB at most");
  return options;
}

RequestText make_request(const LoadOptions& options) {
  RequestText request{.text = options.post_bytes > 0 ? "POST " : "GET ", .host_offset = 0};
  request.text += options.path + " HTTP/1.1\r\nHost: h";
  request.host_offset = request.text.size();
  request.text +=
      "0000000.bench.example\r\n"
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
      "Accept-Language: en-US,en;q=0.5\r\n"
      "Accept-Encoding: gzip, deflate\r\n"
      "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
      "Upgrade-Insecure-Requests: 1\r\n"
      "Cache-Control: max-age=0\r\n";
  if (options.post_bytes > 0)
    request.text += "Content-Length: " + std::to_string(options.post_bytes) + "\r\n";
  request.text += "\r\n";
  request.text.append(options.post_bytes, 'x');
  return request;
}

}  // namespace bench
