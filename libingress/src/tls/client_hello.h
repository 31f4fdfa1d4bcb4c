// The first message of a TLS client, read without being consumed: which server it names (SNI), before it is
// known who will answer it. No I/O.
//
// Owner: whoever waits for the bytes. Thread: one.
// Caller: hands in what comes, piece by piece, from the first byte on, and keeps it for whom it is meant.
// Always true: what is decided stays, however the bytes were cut; a hello is read as strictly as BoringSSL
// reads it, so that nobody is taken for another than the one that the handshake will name. Cost: linear in
// the bytes, whatever the pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ingress::tls {

class ClientHelloReader {
 public:
  enum class State : std::uint8_t {
    kMore,    // right so far, and not whole
    kDone,    // whole: server_name() is known
    kNotTls,  // no ClientHello, a malformed one, or one beyond kMaxBytes
  };
  // With the headers of its records.
  static constexpr std::size_t kMaxBytes = 16 * 1024;

  State read(std::string_view bytes);
  State state() const { return state_; }
  // In lower case; empty when none was named.
  const std::string& server_name() const { return server_name_; }

 private:
  bool read_record_header();
  bool take_fragment(std::string_view& bytes);
  bool read_hello();

  State state_ = State::kMore;
  std::size_t num_read_ = 0;
  std::string header_;              // of the record that is being read, as far as it is here
  std::size_t fragment_bytes_ = 0;  // what is to come of that record
  std::string message_;             // the handshake message, put together from its records
  std::string server_name_;
};

}  // namespace ingress::tls
