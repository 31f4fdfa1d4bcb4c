#include "proxyd/link/link_frames.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "proxyd/link/link_messages.h"

namespace proxyd {
namespace {

using ingress::ErrorCode;

std::shared_ptr<const std::string> shared(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

std::string all_frames(FrameQueue& queue) {
  std::string bytes;
  while (!queue.is_empty()) bytes += queue.take_frame();
  return bytes;
}

std::expected<std::vector<Message>, ingress::Error> read_all(FrameReader& reader, std::string_view bytes) {
  std::vector<Message> messages;
  while (true) {
    auto message = reader.next(bytes);
    if (!message) return std::unexpected(message.error());
    if (!*message) return messages;
    messages.push_back(std::move(**message));
  }
}

std::string frame(std::uint32_t size, int type, int more, std::string_view payload) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(size >> (8 * i));
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(more);
  return bytes + std::string(payload);
}

const Hello kHello{.program = "1.2.3", .epoch = 0x1122334455667788, .sequence = 9, .num_parts = 70'000};

}  // namespace

TEST_CASE("MessagesComeOutOfFramesAsTheyWentIn") {
  FrameQueue queue;
  const std::vector<Message> messages = {{MessageType::kHello, "hello"},
                                         {MessageType::kUpdate, std::string(3 * kMaxFrameBytes + 5, 'u')},
                                         {MessageType::kAck, ""},
                                         {MessageType::kReport, std::string(kMaxFrameBytes, 'r')}};
  std::size_t size = 0;
  for (const Message& message : messages) {
    queue.push(message.type, shared(message.bytes));
    size += message.bytes.size();
  }
  CHECK(queue.size_bytes() == size);
  CHECK(queue.num(MessageType::kUpdate) == 1);
  const std::string bytes = all_frames(queue);
  CHECK(queue.size_bytes() == 0);
  FrameReader reader;
  CHECK(read_all(reader, bytes).value() == messages);
}

TEST_CASE("FramesMayBeCutAtEveryByte") {
  FrameQueue queue;
  queue.push(MessageType::kHello, shared("hello"));
  queue.push(MessageType::kUpdate, shared(std::string(kMaxFrameBytes + 3, 'u')));
  std::string bytes = queue.take_frame();
  bytes += queue.take_frame();
  bytes += ping_frame();  // between the pieces of a message
  bytes += all_frames(queue);
  FrameReader whole;
  const auto wanted = read_all(whole, bytes).value();
  REQUIRE(wanted.size() == 3);
  CHECK(wanted[1].type == MessageType::kPing);
  for (std::size_t cut = 0; cut <= bytes.size(); cut += cut < 40 ? 1 : 977) {
    FrameReader reader;
    auto got = read_all(reader, std::string_view(bytes).substr(0, cut)).value();
    const auto rest = read_all(reader, std::string_view(bytes).substr(cut)).value();
    got.insert(got.end(), rest.begin(), rest.end());
    CHECK(got == wanted);
  }
  FrameReader slow;
  std::vector<Message> got;
  for (std::size_t i = 0; i < 40; ++i) {
    const auto part = read_all(slow, std::string_view(bytes).substr(i, 1)).value();
    got.insert(got.end(), part.begin(), part.end());
  }
  CHECK(got == std::vector<Message>{{MessageType::kHello, "hello"}});
}

TEST_CASE("WhatIsNoFrameEndsTheStream") {
  const std::string part(kMaxFrameBytes, 'x');
  const struct {
    const char* what;
    std::string bytes;
    ErrorCode code;
  } rows[] = {
      {"type 0", frame(0, 0, 0, ""), ErrorCode::kParse},
      {"type 9", frame(0, 9, 0, ""), ErrorCode::kParse},
      {"more 2", frame(0, 1, 2, ""), ErrorCode::kParse},
      {"long frame", frame(kMaxFrameBytes + 1, 6, 0, ""), ErrorCode::kTooLarge},
      {"longest length", frame(0xffffffff, 6, 0, ""), ErrorCode::kTooLarge},
      {"ping with bytes", frame(1, 3, 0, "x"), ErrorCode::kParse},
      {"ping in pieces", frame(0, 3, 1, ""), ErrorCode::kParse},
      {"empty piece", frame(0, 6, 1, ""), ErrorCode::kParse},
      {"hello too long", frame(1025, 1, 0, ""), ErrorCode::kTooLarge},
      {"hello too long in pieces", frame(1000, 1, 1, part.substr(0, 1000)) + frame(25, 1, 0, ""),
       ErrorCode::kTooLarge},
      {"message in a message", frame(1, 6, 1, "x") + frame(1, 7, 0, "x"), ErrorCode::kParse},
      {"HTTP", "GET / HTTP/1.1\r\n\r\n", ErrorCode::kParse},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    FrameReader reader;
    const auto read = read_all(reader, row.bytes);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == row.code);
  }
}

TEST_CASE("OnlyMessagesThatHaveNotBegunAreDropped") {
  FrameQueue queue;
  const auto update = shared(std::string(2 * kMaxFrameBytes, 'u'));
  for (int i = 0; i < 3; ++i) queue.push(MessageType::kUpdate, update);
  queue.push(MessageType::kReport, shared("r"));
  std::string bytes = queue.take_frame();
  queue.drop_unsent(MessageType::kUpdate);
  CHECK(queue.num(MessageType::kUpdate) == 1);
  CHECK(queue.size_bytes() == kMaxFrameBytes + 1);
  bytes += all_frames(queue);
  FrameReader reader;
  CHECK(read_all(reader, bytes).value() ==
        std::vector<Message>{{MessageType::kUpdate, *update}, {MessageType::kReport, "r"}});
}

TEST_CASE("LinkMessagesSurviveAndCutOnesDoNot") {
  const ingress::Problem problem{.object = {"Listener", "", "http"}, .why = "address in use"};
  const Update update{.epoch = 1, .sequence = 2, .base = 1, .delta = "delta"};
  const Ack ack{.sequence = 7, .problems = {problem}};
  const ControllerReport report{.problems = {problem, {}},
                                .num_ignored = 1,
                                .reloads_ok = 2,
                                .reloads_failed = 3,
                                .metrics_text = "a 1\n"};
  CHECK(read_hello(to_bytes(kHello)).value() == kHello);
  CHECK(read_refusal(to_bytes(Refusal{"why"})).value() == Refusal{"why"});
  CHECK(read_inventory_request(to_bytes(InventoryRequest{{1, 2}})).value() == InventoryRequest{{1, 2}});
  CHECK(read_update(to_bytes(update)).value() == update);
  CHECK(read_ack(to_bytes(ack)).value() == ack);
  CHECK(read_report(to_bytes(report)).value() == report);

  const auto refuses_cut = [](const std::string& bytes, auto read) {
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK_FALSE(read(std::string_view(bytes).substr(0, size)));
    CHECK_FALSE(read(bytes + "x"));
  };
  refuses_cut(to_bytes(kHello), read_hello);
  refuses_cut(to_bytes(InventoryRequest{}), read_inventory_request);
  refuses_cut(to_bytes(ack), read_ack);
  refuses_cut(to_bytes(report), read_report);
  CHECK_FALSE(read_update(to_bytes(update).substr(0, 23)));
  CHECK_FALSE(read_update(to_bytes(Update{})));  // there is no sequence 0
}

TEST_CASE("AHelloOfAnotherVersionIsStillUnderstood") {
  Hello other = kHello;
  other.link_version = kLinkVersion + 1;
  const auto read = read_hello(to_bytes(other) + "more than we know");
  REQUIRE(read);
  CHECK(read->link_version == kLinkVersion + 1);
  CHECK(read->program == "1.2.3");
}

TEST_CASE("TextsForTheLogBreakNoLine") {
  Hello hello = kHello;
  hello.program = "1.0\nforged line\x1b[2J";
  CHECK(read_hello(to_bytes(hello))->program == "1.0?forged line?[2J");
  CHECK(read_refusal("a\r\nb")->why == "a??b");
  CHECK_FALSE(read_refusal(std::string(2000, 'x')));
}

TEST_CASE("RandomBytesAreReadOrRefused") {
  std::minstd_rand random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = round % 2 == 0 ? to_bytes(kHello) : to_bytes(Ack{.sequence = 3, .problems = {{}}});
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)read_hello(bytes);
    (void)read_ack(bytes);
    (void)read_report(bytes);
    FrameReader reader;
    (void)read_all(reader, bytes);
  }
}

}  // namespace proxyd
