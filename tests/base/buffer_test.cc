#include "base/buffer.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace ingress::base;

namespace {

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i % 23);
  return out;
}

}  // namespace

TEST_CASE("BlocksComeInClassesAndAreReused") {
  BufferPool pool;
  struct Row {
    std::size_t asked;
    std::size_t capacity;
  };
  for (const Row row : {Row{0, 4096}, Row{1, 4096}, Row{4096, 4096}, Row{4097, 16384}, Row{16385, 65536},
                        Row{65536, 65536}, Row{65537, 135168}, Row{135168, 135168}, Row{135169, 135169}}) {
    CAPTURE(row.asked);
    Block* block = pool.take_block(row.asked);
    CHECK(block->capacity == row.capacity);
    CHECK(block->refs == 1);
    CHECK(pool.live_bytes() == row.capacity);
    const std::size_t free_before = pool.free_bytes();
    {
      Slice slice(block, 0, 0);
    }
    CHECK(pool.live_bytes() == 0);
    if (row.capacity > BufferPool::kReadBytes) {
      CHECK(pool.free_bytes() == free_before);
      continue;
    }
    CHECK(pool.free_bytes() == free_before + row.capacity);
    Block* again = pool.take_block(row.asked);
    CHECK(again == block);
    CHECK(again->used == 0);
    {
      Slice slice(again, 0, 0);
    }
  }
}

TEST_CASE("PoolKeepsNoMoreThanItsCap") {
  BufferPool pool(3 * BufferPool::kSmallBytes);
  std::vector<Slice> held;
  for (int i = 0; i < 10; ++i) held.push_back(pool.copy("x"));
  CHECK(pool.live_bytes() == 10 * BufferPool::kSmallBytes);
  held.clear();
  CHECK(pool.live_bytes() == 0);
  CHECK(pool.free_bytes() == 3 * BufferPool::kSmallBytes);
}

TEST_CASE("SlicesCountTheirBlock") {
  BufferPool pool;
  Slice part;
  {
    const Slice whole = pool.copy("hello world");
    part = whole.sub(6, 5);
    CHECK(part.block()->refs == 2);
    Slice copy = part;
    CHECK(part.block()->refs == 3);
    Slice moved = std::move(copy);
    CHECK(part.block()->refs == 3);
    Slice& self = moved;
    moved = self;
    CHECK(moved.view() == "world");
  }
  CHECK(part.block()->refs == 1);
  CHECK(part.view() == "world");
  part.drop_front(2);
  CHECK(part.view() == "rld");
  const Slice none;
  CHECK(none.view().empty());
  CHECK(none.is_empty());
  CHECK(pool.copy("").is_empty());
}

TEST_CASE("AppendCopyFillsTheTailBlock") {
  BufferPool pool;
  Chain chain;
  chain.append_copy("hello ", pool);
  chain.append_copy("world", pool);
  CHECK(chain.num_slices() == 1);
  CHECK(chain.to_string() == "hello world");
  CHECK(pool.live_bytes() == BufferPool::kSmallBytes);
}

TEST_CASE("AppendCopyNeverTouchesASharedBlock") {
  BufferPool pool;
  Chain chain;
  chain.append_copy("abc", pool);
  Chain other;
  const Slice held = chain.take_front();
  chain.append(held);
  other.append(held);
  chain.append_copy("1", pool);
  other.append_copy("2", pool);
  CHECK(chain.to_string() == "abc1");
  CHECK(other.to_string() == "abc2");
  CHECK(held.view() == "abc");
}

TEST_CASE("AppendCopyNeverWritesOverWhatFollowsAPart") {
  BufferPool pool;
  Chain chain;
  {
    const Slice whole = pool.copy("abcdef");
    chain.append(whole.sub(0, 3));
  }
  // The rest was given up, but it was used once: its owner may still hold a raw pointer.
  chain.append_copy("X", pool);
  CHECK(chain.num_slices() == 2);
  CHECK(chain.to_string() == "abcX");
}

TEST_CASE("AppendCopySpillsIntoNewBlocks") {
  BufferPool pool;
  Chain chain;
  chain.append_copy("start", pool);
  const std::string large = pattern(3 * BufferPool::kLargeBytes + 17);
  chain.append_copy(large, pool);
  CHECK(chain.to_string() == "start" + large);
  CHECK(chain.size_bytes() == 5 + large.size());
}

TEST_CASE("DropFrontWorksAtEveryPlace") {
  const std::string text = pattern(10);
  for (std::size_t dropped = 0; dropped <= text.size(); ++dropped) {
    CAPTURE(dropped);
    BufferPool pool;
    Chain chain;
    chain.append(pool.copy(text.substr(0, 3)));
    chain.append(pool.copy(text.substr(3, 4)));
    chain.append(pool.copy(text.substr(7)));
    chain.drop_front(dropped);
    CHECK(chain.to_string() == text.substr(dropped));
    CHECK(chain.size_bytes() == text.size() - dropped);
    CHECK(chain.is_empty() == (dropped == text.size()));
  }
}

TEST_CASE("IovecsCoverTheFront") {
  BufferPool pool;
  Chain chain;
  for (const char* text : {"ab", "cd", "ef"}) chain.append(pool.copy(text));
  chain.drop_front(1);
  iovec out[4];
  CHECK(chain.to_iovecs(out, 2) == 2);
  REQUIRE(chain.to_iovecs(out, 4) == 3);
  CHECK(std::string_view(static_cast<char*>(out[0].iov_base), out[0].iov_len) == "b");
  CHECK(std::string_view(static_cast<char*>(out[2].iov_base), out[2].iov_len) == "ef");
}

TEST_CASE("ChainsJoin") {
  BufferPool pool;
  Chain a;
  Chain b;
  b.append_copy("two", pool);
  a.append(std::move(b));
  CHECK(a.to_string() == "two");
  Chain c;
  c.append_copy("three", pool);
  a.append(std::move(c));
  CHECK(a.to_string() == "twothree");
  CHECK(c.is_empty());
  a.append(Slice());
  CHECK(a.num_slices() == 2);
}

TEST_CASE("CompactFreesLargeBlocksOfSmallRests") {
  BufferPool pool;
  Chain chain;
  for (int i = 0; i < 3; ++i) {
    Block* block = pool.take_block(BufferPool::kLargeBytes);
    std::fill_n(block->data(), BufferPool::kLargeBytes, static_cast<char>('a' + i));
    chain.append(Slice(block, 0, 100));
  }
  chain.append(pool.copy(pattern(BufferPool::kLargeBytes)));
  const std::string before = chain.to_string();
  chain.compact(pool);
  CHECK(chain.to_string() == before);
  CHECK(chain.size_bytes() == before.size());
  CHECK(pool.live_bytes() == BufferPool::kSmallBytes + BufferPool::kLargeBytes);
  const std::size_t slices = chain.num_slices();
  chain.compact(pool);
  CHECK(chain.num_slices() == slices);
}

TEST_CASE("CompactKeepsABlockToReadIntoOnlyForWhatNoSmallerOneHolds") {
  BufferPool pool;
  for (const std::size_t rest : {BufferPool::kLargeBytes, BufferPool::kLargeBytes + 1}) {
    CAPTURE(rest);
    Block* block = pool.take_block(BufferPool::kReadBytes);
    std::fill_n(block->data(), BufferPool::kReadBytes, 'r');
    Chain chain;
    chain.append(Slice(block, 0, BufferPool::kReadBytes));
    chain.drop_front(BufferPool::kReadBytes - rest);
    chain.compact(pool);
    CHECK(chain.to_string() == std::string(rest, 'r'));
    CHECK(pool.live_bytes() ==
          (rest > BufferPool::kLargeBytes ? BufferPool::kReadBytes : BufferPool::kLargeBytes));
  }
}

TEST_CASE("WhatIsKeptOfAChainSharesLargeSlicesAndCopiesSmallOnesOfLargeBlocks") {
  BufferPool pool;
  Chain chain, kept;
  chain.append(pool.copy(pattern(BufferPool::kLargeBytes)));
  chain.append(Slice(pool.take_block(BufferPool::kLargeBytes), 0, 10));
  kept.append_copy("before ", pool);
  kept.append_kept(chain, pool);
  CHECK(kept.to_string() == "before " + chain.to_string());
  const std::string whole = kept.to_string();
  chain.clear();
  CHECK(kept.to_string() == whole);
  CHECK(pool.live_bytes() <= BufferPool::kLargeBytes + 2 * BufferPool::kSmallBytes);
  kept.append_copy("x", pool);  // no slice that somebody shares grows
  CHECK(kept.to_string() == whole + "x");
}

TEST_CASE("ALongLivedChainKeepsASmallArray") {
  // Pushed and popped for ever without running empty: order stays, and the dead front is reclaimed.
  BufferPool pool;
  Chain chain;
  std::string expected;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string piece(1 + random() % 5, static_cast<char>('a' + random() % 26));
    chain.append(pool.copy(piece));
    expected += piece;
    while (expected.size() > 64) {
      const std::size_t dropped = 1 + random() % 10;
      chain.drop_front(dropped);
      expected.erase(0, dropped);
    }
    REQUIRE(chain.size_bytes() == expected.size());
  }
  CHECK(chain.to_string() == expected);
}
