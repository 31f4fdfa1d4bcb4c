// What the load generator is told on its command line.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace bench {

struct LoadOptions {
  sockaddr_in target{};
  std::string path = "/1k";
  std::uint64_t expected_bytes = 1024;
  unsigned num_connections = 64;
  std::chrono::duration<double> duration{1};
  std::uint64_t max_requests = 0;    // 0: no limit but the duration
  double rate = 0;                   // requests a second; 0 asks again at each answer
  std::uint64_t post_bytes = 0;      // 0: GET
  unsigned num_hosts = 0;            // 0: one host
  bool has_new_connections = false;  // one for each request
  bool is_idle = false;              // one request on each connection, then silence until stdin ends
  bool has_tls = false;
  bool is_handshake_only = false;  // a request is a connection with a handshake, and nothing else
  bool resumes = false;            // handshakes go on with one session
  std::string tls_group = "X25519";
  pid_t watched_pid = 0;  // whose CPU time is read around the measured requests
};

// Ends the program with a usage text when it cannot be read.
LoadOptions read_load_options(int argc, char** argv);

// A request with the fields that browsers send, about 430 bytes without its body. `host_offset` is where the
// seven digits of its host stand, which choose among num_hosts.
struct RequestText {
  std::string text;
  std::size_t host_offset;
};
RequestText make_request(const LoadOptions& options);

}  // namespace bench
