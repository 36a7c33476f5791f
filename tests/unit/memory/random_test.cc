// Random sequences of calls against a model that is too simple to be wrong: one byte a page, copied
// wholly at each fork. Contents, permissions, counts and leaks are compared after each step.
#include "memory_fixture.hpp"

#include <array>
#include <cstdlib>
#include <optional>
#include <random>
#include <sys/mman.h>

namespace tine::memory {
namespace {

constexpr u64 range_pages = 200; // three leaves and a bit, not aligned to any
constexpr u64 object_pages = 80;

struct ModelPage {
  bool mapped = false;
  Protection protection;
  bool shared = false, dont_fork = false, wipe_on_fork = false;
  int object = -1; ///< index of the object, or -1: anonymous
  u64 object_page = 0;
  std::optional<u8> own; ///< the private contents; none: what the source has
};

struct ModelSpace {
  Ref<AddressSpace> space;
  std::array<ModelPage, range_pages> page;
};

class RandomTest : public MemoryTest, public ::testing::WithParamInterface<int> {
protected:
  u64 pick(u64 bound) { return std::uniform_int_distribution<u64>(0, bound - 1)(random); }

  int expected(const ModelPage &page) const {
    if (page.own)
      return *page.own;
    return page.object < 0 ? 0 : contents[static_cast<std::size_t>(page.object)][page.object_page];
  }

  /// What is counted once where it is shared, beside what is counted page by page.
  void expect_footprints() {
    SharedNodePages known;
    for (const ModelSpace &one : model) {
      const Footprint footprint = one.space->footprint(known);
      const MemoryUsage usage = one.space->usage();
      EXPECT_EQ(footprint.owned, usage.private_clean + usage.private_dirty + usage.page_table_own);
      EXPECT_EQ(footprint.shared, usage.shared_clean + usage.shared_dirty);
    }
  }

  void compare(ModelSpace &one) {
    for (u64 i = 0; i < range_pages; ++i) {
      const ModelPage &page = one.page[i];
      const auto mapping = one.space->mapping_at(page_at(i));
      ASSERT_EQ(mapping.has_value(), page.mapped) << "page " << i;
      if (!mapping)
        continue;
      ASSERT_EQ(mapping->protection, page.protection) << "page " << i;
      std::byte byte{};
      // Looking changes the page table (reads fill it), so only some pages are looked at each time.
      if (pick(3) == 0) {
        ASSERT_TRUE(one.space->force_read(page_at(i), {&byte, 1}).ok());
        ASSERT_EQ(std::to_integer<int>(byte), expected(page))
            << "page " << i << (page.shared ? " shared" : " private") << " object " << page.object
            << " page " << page.object_page << (page.own ? " own" : "");
      }
      const auto translation = one.space->lookup(page_at(i));
      if (translation) {
        ASSERT_TRUE(translation->run.contains(page_number(i)));
        for (u64 k = 0; k < translation->run.count; ++k) {
          const auto frame = one.space->frame_of(translation->run.first + k);
          ASSERT_EQ(frames->pointer(*frame), translation->host + k * page_size);
          if (translation->writable) {
            ASSERT_TRUE(page.protection.write);
            ASSERT_TRUE(page.shared || frames->reference_count(*frame) == 1);
          }
        }
      }
    }
  }

  void step();
  void do_fork(ModelSpace &one);
  void do_map(ModelSpace &one, u64 first, u64 count);
  void do_access(ModelSpace &one);
  void do_advise(ModelSpace &one, u64 first, u64 count);
  void do_protect(ModelSpace &one, u64 first, u64 count);
  void do_remap(ModelSpace &one, u64 first, u64 count);

  std::mt19937_64 random;
  std::vector<ModelSpace> model;
  std::array<std::array<u8, object_pages>, 2> contents{};
};

void RandomTest::do_fork(ModelSpace &one) {
  const auto mechanism = pick(4) == 0 ? ForkMechanism::copied : ForkMechanism::shared;
  if (model.size() > 8)
    return;
  auto made = one.space->fork(mechanism);
  ASSERT_TRUE(made.ok());
  ModelSpace child{*made, one.page};
  for (ModelPage &page : child.page) {
    if (page.dont_fork)
      page = ModelPage{};
    if (page.wipe_on_fork)
      page.own.reset();
  }
  model.push_back(std::move(child));
}

void RandomTest::do_map(ModelSpace &one, u64 first, u64 count) {
  MapRequest wanted = request(first, count, pick(4) == 0 ? read_only : read_write);
  ModelPage page;
  page.mapped = true;
  page.protection = wanted.protection;
  const u64 kind = pick(4);
  if (kind >= 2 && count <= object_pages) {
    page.object = static_cast<int>(pick(2));
    wanted.object = objects[static_cast<std::size_t>(page.object)];
    page.shared = wanted.shared = kind == 2;
    page.object_page = pick(object_pages - count + 1);
    wanted.object_offset = page.object_page * page_size;
  }
  wanted.populate = pick(4) == 0;
  map(*one.space, wanted);
  for (u64 i = first; i < first + count; ++i) {
    one.page[i] = page;
    // MAP_POPULATE of what is private and writable makes the private copies at once.
    if (wanted.populate && page.object >= 0 && !page.shared && page.protection.write)
      one.page[i].own = expected(page);
    ++page.object_page;
  }
}

void RandomTest::do_access(ModelSpace &one) {
  const u64 i = pick(range_pages);
  ModelPage &page = one.page[i];
  const bool may_write = page.mapped && page.protection.write;
  if (pick(3) == 0) {
    const int value = load(*one.space, i);
    ASSERT_EQ(value, page.mapped && is_readable(page.protection) ? expected(page) : -1);
    return;
  }
  const u8 value = static_cast<u8>(pick(256));
  ASSERT_EQ(is_resolved(store(*one.space, i, value)), may_write);
  if (!may_write)
    return;
  if (page.shared)
    contents[static_cast<std::size_t>(page.object)][page.object_page] = value;
  else
    page.own = value;
}

void RandomTest::do_advise(ModelSpace &one, u64 first, u64 count) {
  static constexpr std::array advices{MADV_DONTNEED,   MADV_DONTFORK,   MADV_DOFORK,
                                      MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_WILLNEED};
  const int advice = advices[pick(advices.size())];
  bool hole = false, refused = false;
  for (u64 i = first; i < first + count && !refused; ++i) {
    ModelPage &page = one.page[i];
    if (!page.mapped) {
      hole = true;
      continue;
    }
    switch (advice) {
    case MADV_DONTNEED:
      page.own.reset();
      break;
    case MADV_DONTFORK:
    case MADV_DOFORK:
      page.dont_fork = advice == MADV_DONTFORK;
      break;
    case MADV_WIPEONFORK:
      refused = page.object >= 0;
      page.wipe_on_fork = page.wipe_on_fork || !refused;
      break;
    case MADV_KEEPONFORK:
      page.wipe_on_fork = false;
      break;
    default:
      break;
    }
  }
  const Status status = one.space->advise(page_at(first), count * page_size, advice);
  ASSERT_EQ(status.ok(), !hole && !refused);
  if (!status.ok()) {
    ASSERT_EQ(status.error(), Errno{refused ? EINVAL : ENOMEM});
  }
}

void RandomTest::do_protect(ModelSpace &one, u64 first, u64 count) {
  static constexpr std::array kinds{no_rights, read_only, read_write, read_execute, all_rights};
  const Protection protection = kinds[pick(kinds.size())];
  bool hole = false;
  for (u64 i = first; i < first + count && !hole; ++i) {
    hole = !one.page[i].mapped;
    if (!hole)
      one.page[i].protection = protection;
  }
  const Status status = one.space->protect(page_at(first), count * page_size, protection);
  ASSERT_EQ(status.ok(), !hole);
}

void RandomTest::do_remap(ModelSpace &one, u64 first, u64 count) {
  const u64 to = pick(range_pages - count + 1);
  if (to < first + count && first < to + count)
    return;
  const auto moved = one.space->remap(page_at(first), count * page_size, count * page_size,
                                      MREMAP_MAYMOVE | MREMAP_FIXED, page_at(to));
  if (!moved)
    return;                       // the first page isn't mapped
  for (u64 i = 0; i < count; ++i) // mapping by mapping: what lies where a hole would go stays
    if (one.page[first + i].mapped)
      one.page[to + i] = std::exchange(one.page[first + i], ModelPage{});
}

void RandomTest::step() {
  const std::size_t index = pick(model.size());
  ModelSpace &one = model[index];
  const u64 first = pick(range_pages);
  const u64 count = 1 + pick(std::min<u64>(range_pages - first, pick(2) ? 8 : 150));
  switch (pick(16)) {
  case 0:
    do_fork(one);
    break;
  case 1:
    if (model.size() > 1)
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(index));
    break;
  case 2:
  case 3:
    do_map(one, first, count);
    break;
  case 4:
    ASSERT_TRUE(one.space->unmap(page_at(first), count * page_size).ok());
    for (u64 i = first; i < first + count; ++i)
      one.page[i] = ModelPage{};
    break;
  case 5:
    do_protect(one, first, count);
    break;
  case 6:
    do_advise(one, first, count);
    break;
  case 7:
    do_remap(one, first, count);
    break;
  default:
    do_access(one);
    break;
  }
}

TEST_P(RandomTest, AgreesWithTheModel) {
  const char *const given = std::getenv("TINE_SEED");
  const u64 seed = given ? std::strtoull(given, nullptr, 0) : static_cast<u64>(GetParam()) * 7919;
  SCOPED_TRACE("TINE_SEED=" + std::to_string(seed));
  random.seed(seed);
  for (auto &bytes : contents) {
    new_object(object_pages);
    for (u64 i = 0; i < object_pages; ++i)
      bytes[i] = PatternObject::byte_at(i * page_size);
  }
  model.push_back({AddressSpace::create(*frames).value(), {}});
  for (int i = 0; i < 1500; ++i) {
    step();
    compare(model[pick(model.size())]);
    if (i % 10 == 0) {
      spaces.clear();
      for (const ModelSpace &one : model)
        spaces.push_back(one.space);
      expect_valid();
      spaces.clear();
    }
    expect_footprints();
    ASSERT_FALSE(HasFailure()) << "at step " << i;
  }
  model.clear();
}

INSTANTIATE_TEST_SUITE_P(Seed, RandomTest, ::testing::Range(1, 41));

} // namespace
} // namespace tine::memory
