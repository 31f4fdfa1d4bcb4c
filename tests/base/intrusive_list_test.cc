#include "base/intrusive_list.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace ingress::base;

namespace {

struct Base {
  virtual ~Base() = default;
  int pad = 0;
};
struct Item : Base {
  explicit Item(char n) : name(n) {}
  char name;
  ListHook hook;
  std::string tail = "some text";
};
using List = IntrusiveList<Item, &Item::hook>;

std::string names(List& list) {
  std::string out;
  list.for_each([&](Item& item) { out += item.name; });
  return out;
}

}  // namespace

TEST_CASE("ListKeepsOrder") {
  Item a('a'), b('b'), c('c');
  List list;
  CHECK(list.is_empty());
  CHECK(list.front() == nullptr);
  CHECK(list.back() == nullptr);
  CHECK(list.pop_front() == nullptr);
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  CHECK(names(list) == "abc");
  CHECK(list.front() == &a);
  CHECK(list.back() == &c);
  CHECK(list.pop_front() == &a);
  CHECK_FALSE(a.hook.is_linked());
  CHECK(names(list) == "bc");
}

TEST_CASE("ListElementsLeaveFromAnyPlace") {
  for (int gone = 0; gone < 3; ++gone) {
    Item items[] = {Item('a'), Item('b'), Item('c')};
    List list;
    for (Item& item : items) list.push_back(item);
    items[gone].hook.unlink();
    items[gone].hook.unlink();
    CHECK(names(list) == std::string("abc").erase(static_cast<std::size_t>(gone), 1));
    list.push_back(items[gone]);
    CHECK(list.back() == &items[gone]);
  }
}

TEST_CASE("ListElementsAndListsMayEndInAnyOrder") {
  auto a = std::make_unique<Item>('a');
  auto b = std::make_unique<Item>('b');
  {
    List list;
    list.push_back(*a);
    list.push_back(*b);
    a.reset();
    CHECK(names(list) == "b");
  }
  CHECK_FALSE(b->hook.is_linked());
}

TEST_CASE("ListVisitMayEndItsElement") {
  std::vector<std::unique_ptr<Item>> items;
  List list;
  for (char name = 'a'; name < 'f'; ++name) {
    items.push_back(std::make_unique<Item>(name));
    list.push_back(*items.back());
  }
  list.for_each([&](Item& item) {
    if (item.name % 2) items[static_cast<std::size_t>(item.name - 'a')].reset();
  });
  CHECK(names(list) == "bd");
  list.clear();
  CHECK(list.is_empty());
  CHECK_FALSE(items[1]->hook.is_linked());
}
