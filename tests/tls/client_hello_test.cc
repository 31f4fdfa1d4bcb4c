// What the first message of a client says, whole and in every kind of pieces, and what is none.
#include "tls/client_hello.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using ingress::tls::ClientHelloReader;
using State = ClientHelloReader::State;

namespace {

std::string number(std::size_t value, int num_bytes) {
  std::string out;
  for (int i = num_bytes - 1; i >= 0; --i) out += static_cast<char>(value >> 8 * i);
  return out;
}

std::string with_length(std::string_view bytes, int num_bytes) {
  return number(bytes.size(), num_bytes).append(bytes);
}

std::string extension(std::uint16_t type, std::string_view body) {
  return number(type, 2) + with_length(body, 2);
}

// RFC 6066 3.
std::string server_name(std::string_view name, char type = 0) {
  return extension(0, with_length(type + with_length(name, 2), 2));
}

const std::string kOther = extension(43, std::string("\x02\x03\x04", 3));  // supported_versions

// Its body, up to the extensions.
std::string body_front(std::string_view session = "", std::string_view ciphers = "\x13\x01",
                       std::string_view compressions = std::string_view("\0", 1)) {
  return "\x03\x03" + std::string(32, 'r') + with_length(session, 1) + with_length(ciphers, 2) +
         with_length(compressions, 1);
}

std::string message(std::string_view body, char type = 1) {
  return type + with_length(body, 3);
}

std::string hello(std::string_view extensions) {
  return message(body_front(std::string(32, 's')) + with_length(extensions, 2));
}

std::string record(std::string_view fragment, char type = 22, std::string_view version = "\x03\x01") {
  return type + std::string(version) + with_length(fragment, 2);
}

std::string records(std::string_view bytes, std::size_t fragment_bytes) {
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), fragment_bytes)))
    out += record(bytes.substr(0, fragment_bytes));
  return out;
}

// "more", "not tls", "-" without a name, or the name; read in pieces of `piece_bytes`.
std::string outcome_of(std::string_view bytes, std::size_t piece_bytes) {
  ClientHelloReader reader;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), piece_bytes)))
    reader.read(bytes.substr(0, piece_bytes));
  if (reader.state() != State::kDone) CHECK(reader.server_name().empty());
  if (reader.state() == State::kMore) return "more";
  if (reader.state() == State::kNotTls) return "not tls";
  return reader.server_name().empty() ? "-" : reader.server_name();
}

// The same for the whole and for each byte by itself; every front of it is undecided, or decided so.
std::string outcome_of(const std::string& bytes) {
  const std::string whole = outcome_of(bytes, bytes.size());
  CHECK(outcome_of(bytes, 1) == whole);
  CHECK(outcome_of(bytes + "more", bytes.size() + 4) ==
        (whole == "more" ? outcome_of(bytes + "more", 1) : whole));
  std::string last = "more";
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string front = outcome_of(bytes.substr(0, size), bytes.size());
    if (front != "more" && front != whole) FAIL_CHECK("at " << size << ": " << front << ", not " << whole);
    if (last != "more" && front != last) FAIL_CHECK("at " << size << ": " << front << " behind " << last);
    last = front;
  }
  return whole;
}

}  // namespace

TEST_CASE("TheServerNameIsFoundWhateverStandsAroundIt") {
  CHECK(outcome_of(record(hello(server_name("a.example")))) == "a.example");
  CHECK(outcome_of(record(hello(kOther + server_name("A.Example") +
                                extension(21, std::string(500, '\0'))))) == "a.example");
  CHECK(outcome_of(record(hello(server_name("a.example")), 22, "\x03\x03")) == "a.example");
  CHECK(outcome_of(record(hello(server_name(std::string(255, 'a'))))) == std::string(255, 'a'));
  CHECK(outcome_of(record(hello(kOther))) == "-");
  CHECK(outcome_of(record(hello(""))) == "-");
  CHECK(outcome_of(record(message(body_front()))) == "-");  // RFC 5246: no extensions at all
}

TEST_CASE("AHelloMayBeCutAtEveryByte") {
  const std::string whole = record(hello(kOther + server_name("a.example")));
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    ClientHelloReader reader;
    CAPTURE(cut);
    REQUIRE(reader.read(whole.substr(0, cut)) == State::kMore);
    REQUIRE(reader.read(whole.substr(cut)) == State::kDone);
    REQUIRE(reader.server_name() == "a.example");
  }
}

TEST_CASE("RecordsMayBeCutAtEveryByte") {
  const std::string whole = hello(kOther + server_name("a.example"));
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    const std::string bytes = record(whole.substr(0, cut)) + record(whole.substr(cut));
    REQUIRE(outcome_of(bytes, bytes.size()) == "a.example");
    REQUIRE(outcome_of(bytes, 1) == "a.example");
    REQUIRE(outcome_of(record(whole.substr(0, cut)), 1) == "more");
  }
  CHECK(outcome_of(records(whole, 1)) == "a.example");
  CHECK(outcome_of(records(whole, 7)) == "a.example");
}

TEST_CASE("WhatIsNoClientHelloIsKnownByItsFirstWrongByte") {
  const std::string good = hello(server_name("a.example"));
  CHECK(outcome_of("G") == "not tls");
  CHECK(outcome_of("\x16G") == "not tls");
  CHECK(outcome_of("GET / HTTP/1.1\r\n\r\n") == "not tls");
  CHECK(outcome_of("PROXY TCP4 ") == "not tls");
  CHECK(outcome_of(std::string("\x80\x2e\x01\x03\x01", 5)) == "not tls");  // SSL 2
  CHECK(outcome_of(record(good, 21)) == "not tls");
  CHECK(outcome_of(record(good, 23)) == "not tls");
  CHECK(outcome_of(record(good, 22, std::string_view("\x02\x00", 2))) == "not tls");
  CHECK(outcome_of(record(good, 22, std::string_view("\xfe\xfd", 2))) == "not tls");  // DTLS
  CHECK(outcome_of(record(message("", 0))) == "not tls");                             // hello_request
  CHECK(outcome_of(record(message(good, 2))) == "not tls");                           // server_hello
  CHECK(outcome_of(record("")) == "not tls");  // RFC 8446 5.1: no empty fragments
  CHECK(outcome_of(record(good.substr(0, 9)) + record(good.substr(9), 21)) == "not tls");
  CHECK(outcome_of(std::string("\x16\x03\x01\x40\x01", 5)) == "not tls");  // longer than a record may be
}

TEST_CASE("MalformedHellosAreNone") {
  const std::string name = server_name("a.example");
  const auto with_name_extension = [](std::string_view body) { return record(hello(extension(0, body))); };
  CHECK(outcome_of(record(message(body_front(std::string(33, 's')) + with_length(name, 2)))) == "not tls");
  CHECK(outcome_of(record(message(body_front("", "") + with_length(name, 2)))) == "not tls");
  CHECK(outcome_of(record(message(body_front("", "\x13") + with_length(name, 2)))) == "not tls");
  CHECK(outcome_of(record(message(body_front("", "\x13\x01", "") + with_length(name, 2)))) == "not tls");
  CHECK(outcome_of(record(message("\x03\x03"))) == "not tls");
  CHECK(outcome_of(record(message(""))) == "not tls");
  // Lengths that do not add up, one level after the other.
  CHECK(outcome_of(record(message(body_front() + with_length(name, 2) + "x"))) == "not tls");
  CHECK(outcome_of(record(message(body_front() + number(name.size() + 1, 2) + name))) == "not tls");
  CHECK(outcome_of(record(message(body_front() + number(name.size() - 1, 2) + name))) == "not tls");
  CHECK(outcome_of(record(hello(name + "x"))) == "not tls");
  CHECK(outcome_of(record(hello(number(5, 2) + number(0xffff, 2)))) == "not tls");
  CHECK(outcome_of(with_name_extension("")) == "not tls");
  CHECK(outcome_of(with_name_extension(with_length("", 2))) == "not tls");
  CHECK(outcome_of(with_name_extension(number(13, 2) + '\0' + with_length("a.example", 2))) == "not tls");
  CHECK(outcome_of(with_name_extension(with_length('\0' + with_length("a.example", 2), 2) + "x")) ==
        "not tls");
  CHECK(outcome_of(with_name_extension(with_length('\0' + number(200, 2) + "a.example", 2))) == "not tls");
}

TEST_CASE("NamesThatTheHandshakeWouldRefuseAreRefused") {
  const std::string entry = '\0' + with_length("a.example", 2);
  CHECK(outcome_of(record(hello(extension(0, with_length(entry + entry, 2))))) == "not tls");
  CHECK(outcome_of(record(hello(server_name("a.example") + server_name("b.example")))) == "not tls");
  CHECK(outcome_of(record(hello(server_name("a.example") + kOther + kOther))) == "not tls");
  CHECK(outcome_of(record(hello(server_name("a.example", 1)))) == "not tls");
  CHECK(outcome_of(record(hello(server_name("")))) == "not tls");
  CHECK(outcome_of(record(hello(server_name(std::string("a\0b", 3))))) == "not tls");
  CHECK(outcome_of(record(hello(server_name(std::string(256, 'a'))))) == "not tls");
}

TEST_CASE("AHelloHasABound") {
  const std::string name = server_name("a.example");
  const std::size_t front = record(hello(name + extension(21, ""))).size();
  const std::size_t most = ClientHelloReader::kMaxBytes - front;
  const auto padded = [&](std::size_t size) {
    const std::string bytes = record(hello(name + extension(21, std::string(size, '\0'))));
    return outcome_of(bytes, bytes.size()) + " " + outcome_of(bytes, 1);
  };
  CHECK(padded(most) == "a.example a.example");
  CHECK(padded(most + 1) == "not tls not tls");
  // The announced length is enough to know, and so are the headers of too many records.
  CHECK(outcome_of(record(number(0x01ffffff, 4))) == "not tls");
  const std::string crumbs = records(hello(extension(21, std::string(4000, '\0')) + name), 1);
  CHECK(outcome_of(crumbs, crumbs.size()) == "not tls");
  CHECK(outcome_of(crumbs, 1) == "not tls");
}
