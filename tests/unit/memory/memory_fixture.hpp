// An arena, address spaces in it, and short words for what the tests do with them.
#pragma once

#include "memory/address_space.hpp"
#include "memory/mapping_set.hpp"
#include "memory/node_pool.hpp"
#include "memory/page_table.hpp"
#include "memory/validate.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tine::memory {

inline constexpr Protection read_write{.read = true, .write = true, .execute = false};
inline constexpr Protection read_only{.read = true, .write = false, .execute = false};
inline constexpr Protection read_execute{.read = true, .write = false, .execute = true};
inline constexpr Protection all_rights{.read = true, .write = true, .execute = true};
inline constexpr Protection no_rights{};

inline constexpr GuestAddress base{0x10000000};
[[nodiscard]] constexpr GuestAddress page_at(u64 index, u64 offset = 0) {
  return base + index * page_size + offset;
}
[[nodiscard]] constexpr PageNumber page_number(u64 index) {
  return page_at(index).page();
}

/// Remembers what it was told.
class RecordingObserver final : public TranslationObserver {
public:
  void translations_changed(PageRange range, Change change) override {
    changes.emplace_back(range, change);
    if (on_change)
      on_change(range, change);
  }
  void code_layout_changed(PageRange range) override { code.push_back(range); }
  [[nodiscard]] bool was_told(PageNumber page, Change change) const {
    for (const auto &[range, what] : changes)
      if (what == change && range.contains(page))
        return true;
    return false;
  }
  [[nodiscard]] bool was_told_of_code(PageNumber page) const {
    for (const PageRange &range : code)
      if (range.contains(page))
        return true;
    return false;
  }
  void forget() {
    changes.clear();
    code.clear();
  }

  std::vector<std::pair<PageRange, Change>> changes;
  std::vector<PageRange> code;
  std::function<void(PageRange, Change)> on_change;
};
using Change = TranslationObserver::Change;

/// A file whose byte at offset n is a function of n.
class PatternObject final : public PageObject {
public:
  PatternObject(FrameArena &frames, u64 size) : PageObject(frames), size_(size) {}
  [[nodiscard]] u64 size() const override { return size_; }
  void page_may_become_dirty(u64 index) override { dirty.push_back(index); }
  Status write_back(u64 first, u64 count) override {
    written_back.push_back({first, count});
    return Done{};
  }
  void set_size(u64 size) { size_ = size; }
  static u8 byte_at(u64 offset) { return static_cast<u8>(offset * 7 + (offset >> page_shift) + 1); }

  std::vector<u64> dirty;
  std::vector<std::pair<u64, u64>> written_back;
  int fills = 0;
  bool broken = false;
  bool reads_around = false;

protected:
  Status fill_pages(u64 first_index, std::span<std::byte> pages) override {
    if (broken)
      return Errno{EIO};
    ++fills;
    const u64 offset = first_index * page_size;
    for (u64 i = 0; i < pages.size() && offset + i < size_; ++i)
      pages[i] = std::byte{byte_at(offset + i)};
    return Done{};
  }
  [[nodiscard]] PageRange read_together(u64 index) const override {
    return reads_around ? aligned_window(index, size_) : PageObject::read_together(index);
  }

private:
  u64 size_;
};

class MemoryTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto made =
        FrameArena::create({.limit_bytes = u64{256} << 20, .populate_step = u64{256} << 10});
    ASSERT_TRUE(made.ok());
    frames = std::move(*made);
  }
  /// Nothing may be left when the address spaces and objects are gone, and counts are right before.
  void TearDown() override {
    expect_valid();
    spaces.clear();
    objects.clear();
    EXPECT_EQ(frames->frames_in_use(), 0u);
    EXPECT_EQ(frames->nodes().nodes_in_use(), 0u);
  }

  AddressSpace &new_space() {
    auto made = AddressSpace::create(*frames);
    EXPECT_TRUE(made.ok());
    spaces.push_back(*made);
    return *spaces.back();
  }
  AddressSpace &fork(AddressSpace &parent, ForkMechanism mechanism) {
    auto made = parent.fork(mechanism);
    EXPECT_TRUE(made.ok());
    spaces.push_back(*made);
    return *spaces.back();
  }
  void end(AddressSpace &space) {
    std::erase_if(spaces, [&](const Ref<AddressSpace> &one) { return one.get() == &space; });
  }
  Ref<PatternObject> new_object(u64 pages) {
    auto object = make_ref<PatternObject>(*frames, pages * page_size);
    objects.push_back(object);
    return object;
  }

  void expect_valid() {
    std::vector<AddressSpace *> all;
    std::vector<Ref<PageObject>> held(objects.begin(), objects.end());
    for (const auto &space : spaces) {
      all.push_back(space.get());
      space->for_each_mapping([&](const Mapping &mapping) {
        if (mapping.object && std::find(held.begin(), held.end(), mapping.object) == held.end())
          held.push_back(mapping.object);
      });
    }
    std::vector<const PageObject *> object_pointers;
    for (const auto &object : held)
      object_pointers.push_back(object.get());
    EXPECT_EQ(validate_all(*frames, {all, object_pointers, pins}), "");
  }

  static MapRequest request(u64 first, u64 pages, Protection protection = read_write) {
    MapRequest made;
    made.address = page_at(first);
    made.length = pages * page_size;
    made.protection = protection;
    made.fixed = true;
    return made;
  }
  static MapRequest object_request(u64 first, u64 pages, Protection protection,
                                   const Ref<PatternObject> &object, bool shared) {
    MapRequest made = request(first, pages, protection);
    made.object = object;
    made.shared = shared;
    return made;
  }
  static void map(AddressSpace &space, const MapRequest &wanted) {
    const auto place = space.map(wanted);
    ASSERT_TRUE(place.ok()) << static_cast<int>(place.error());
    EXPECT_EQ(*place, wanted.address);
  }
  static void map(AddressSpace &space, u64 first, u64 pages, Protection protection = read_write) {
    map(space, request(first, pages, protection));
  }

  static FaultOutcome touch(AddressSpace &space, u64 page, Access access) {
    return space.resolve_fault(page_at(page), access).outcome;
  }
  static FaultOutcome store(AddressSpace &space, u64 page, u8 value) {
    const FaultResult fault = space.resolve_fault(page_at(page), Access::write);
    if (is_resolved(fault.outcome)) {
      EXPECT_TRUE(fault.translation.writable);
      fault.translation.host[(page_number(page) - fault.translation.run.first) * page_size] =
          std::byte{value};
    }
    return fault.outcome;
  }
  static int load(AddressSpace &space, u64 page) {
    const FaultResult fault = space.resolve_fault(page_at(page), Access::read);
    if (!is_resolved(fault.outcome))
      return -1;
    return std::to_integer<int>(
        fault.translation.host[(page_number(page) - fault.translation.run.first) * page_size]);
  }
  u32 count_of(AddressSpace &space, u64 page) {
    const auto frame = space.frame_of(page_number(page));
    return frame ? frames->reference_count(*frame) : 0;
  }
  static std::string layout(AddressSpace &space) {
    std::string text;
    space.for_each_mapping([&](const Mapping &mapping) {
      const Protection may = mapping.protection;
      if (!text.empty())
        text += ' ';
      text += std::to_string(mapping.range.first - base.page());
      text += '+';
      text += std::to_string(mapping.range.count);
      text += may.read ? 'r' : '-';
      text += may.write ? 'w' : '-';
      text += may.execute ? 'x' : '-';
      text += mapping.shared ? 's' : 'p';
    });
    return text;
  }

  std::unique_ptr<FrameArena> frames;
  std::vector<Ref<PatternObject>> objects;
  std::vector<Ref<AddressSpace>> spaces;
  std::vector<FrameNumber> pins;
};

/// Tests that must hold for both mechanisms of fork.
class ForkTest : public MemoryTest, public ::testing::WithParamInterface<ForkMechanism> {
protected:
  AddressSpace &fork(AddressSpace &parent) { return MemoryTest::fork(parent, GetParam()); }
};

inline std::string mechanism_name(const ::testing::TestParamInfo<ForkMechanism> &info) {
  return info.param == ForkMechanism::shared ? "shared" : "copied";
}
#define TINE_BOTH_MECHANISMS(Suite)                                                                \
  INSTANTIATE_TEST_SUITE_P(Mechanism, Suite,                                                       \
                           ::testing::Values(ForkMechanism::shared, ForkMechanism::copied),        \
                           mechanism_name)

} // namespace tine::memory
