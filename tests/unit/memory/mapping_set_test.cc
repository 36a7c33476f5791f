// The set of mappings alone, against naive models.
#include "memory/mapping_set.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

namespace tine::memory {
namespace {

/// As a process that maps ever higher and unmaps below, or the other way round.
TEST(TwoEndedVector, NeedsNoMoreMemoryForElementsThatComeAndGo) {
  for (const bool upwards : {true, false}) {
    TwoEndedVector<int> tested;
    for (int i = 0; i < 10; ++i)
      tested.insert(upwards ? tested.size() : 0, i);
    for (int i = 10; i < 10000; ++i) {
      const std::size_t gone = upwards ? 0 : tested.size() - 1;
      EXPECT_EQ(tested[gone], i - 10);
      tested.erase(gone, gone + 1);
      tested.insert(upwards ? tested.size() : 0, i);
    }
    EXPECT_EQ(tested.size(), 10U);
    EXPECT_LT(tested.capacity(), 100U);
  }
}

TEST(TwoEndedVector, IsAVectorWhicheverEndIsNearer) {
  std::mt19937_64 random(1);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  TwoEndedVector<int> tested;
  std::vector<int> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t size = model.size();
    if (step % 3 != 2 || size == 0) {
      const std::size_t index = step % 5 == 0 ? below(size + 1) : std::min<std::size_t>(size, 2);
      tested.insert(index, step);
      model.insert(model.begin() + static_cast<std::ptrdiff_t>(index), step);
    } else {
      const std::size_t first = below(size);
      const std::size_t last = first + below(std::min<std::size_t>(size - first, 4) + 1);
      tested.erase(first, last);
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(first),
                  model.begin() + static_cast<std::ptrdiff_t>(last));
    }
    const TwoEndedVector<int> copy(tested);
    if (step % 100 == 0) {
      ASSERT_EQ(std::vector<int>(copy.begin(), copy.end()), model);
    }
    ASSERT_EQ(std::vector<int>(tested.all().begin(), tested.all().end()), model);
  }
}

/// Page by page, from the top.
PageRange naive_free_below(const std::map<u64, u64> &taken, u64 top, u64 bottom, u64 pages) {
  u64 end = top;
  for (auto next = taken.lower_bound(top);;) {
    const u64 start = next == taken.begin() ? bottom : std::max(bottom, std::prev(next)->second);
    if (end >= start + pages)
      return {PageNumber{end - pages}, pages};
    if (next == taken.begin() || std::prev(next)->second <= bottom)
      return {};
    end = std::min(end, (--next)->first);
  }
}

TEST(MappingSet, FindsTheHighestFreeRangeAfterAnyHistory) {
  constexpr u64 bottom = 1000;
  constexpr u64 top = 2000;
  std::mt19937_64 random(2);
  MappingSet tested;
  std::map<u64, u64> taken; // first page of each mapping, and its end
  for (int step = 0; step < 20'000; ++step) {
    const u64 pages = 1 + random() % (step % 7 == 0 ? 40 : 4);
    const u64 below = step % 11 == 0 ? top - random() % 500 : top;
    const PageRange found = tested.find_free_below(PageNumber{below}, PageNumber{bottom}, pages);
    const PageRange expected = naive_free_below(taken, below, bottom, pages);
    ASSERT_EQ(found.empty(), expected.empty()) << step;
    if (!found.empty()) {
      ASSERT_EQ(found.first.value, expected.first.value) << step;
    }
    if (!found.empty() && random() % 4 != 0) {
      Mapping mapping;
      mapping.range = found;
      mapping.object_page = random(); // neighbours stay apart
      mapping.protection.read = taken.size() % 2 == 0;
      mapping.name = step % 2 == 0 ? "even" : "odd";
      tested.insert(mapping);
      taken[found.first.value] = found.end().value;
    }
    while (!taken.empty() && (random() % 4 == 0 || found.empty())) {
      const auto gone = std::next(taken.begin(), static_cast<long>(random() % taken.size()));
      tested.erase({PageNumber{gone->first}, gone->second - gone->first});
      taken.erase(gone);
      if (random() % 2 == 0)
        break;
    }
    ASSERT_EQ(tested.validate(), "") << step;
  }
}

} // namespace
} // namespace tine::memory
