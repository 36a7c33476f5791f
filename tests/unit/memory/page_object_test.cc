// Page objects: clones that share pages copy on write, each fact from both sides; reading around a
// page that is missing; mapping around a fault; random calls against a model that copies wholly.
#include "memory_fixture.hpp"

#include "memory/mapping_registry.hpp"

#include <array>
#include <random>
#include <sys/mman.h>

namespace tine::memory {
namespace {

class Clones : public MemoryTest {
protected:
  Ref<AnonymousPageObject> new_anonymous(u64 pages) {
    auto object = make_ref<AnonymousPageObject>(*frames, pages * page_size);
    held.push_back(object);
    return object;
  }
  Ref<AnonymousPageObject> clone(const Ref<AnonymousPageObject> &object) {
    held.push_back(object->clone());
    return held.back();
  }
  AddressSpace &box_copy(AddressSpace &parent, const Ref<AnonymousPageObject> &object,
                         const Ref<AnonymousPageObject> &copy) {
    Copier copier;
    copier.note(*object, copy);
    spaces.push_back(parent.copy(copier).value());
    return *spaces.back();
  }
  void put(AnonymousPageObject &object, u64 index, u8 value) {
    const auto frame = object.page_for_write(index);
    ASSERT_TRUE(frame.ok());
    *frames->pointer(*frame) = std::byte{value};
  }
  int get(AnonymousPageObject &object, u64 index) {
    const auto frame = object.page(index);
    return frame ? std::to_integer<int>(*frames->pointer(*frame)) : -1;
  }
  void map_object(AddressSpace &space, u64 first, const Ref<PageObject> &object, bool shared,
                  Protection protection = read_write) {
    MapRequest wanted = request(first, object->size() / page_size, protection);
    wanted.object = object;
    wanted.shared = shared;
    map(space, wanted);
  }
  void TearDown() override {
    expect_all_valid();
    spaces.clear();
    held.clear();
    MemoryTest::TearDown();
  }
  void expect_all_valid() {
    std::vector<AddressSpace *> all;
    for (const auto &space : spaces)
      all.push_back(space.get());
    std::vector<const PageObject *> pointers;
    for (const auto &object : held)
      pointers.push_back(object.get());
    EXPECT_EQ(validate_all(*frames, {all, pointers, pins}), "");
  }

  std::vector<Ref<AnonymousPageObject>> held;
};

TEST_F(Clones, CostOneCountAndShareEveryFrame) {
  const auto object = new_anonymous(1000);
  for (u64 index = 0; index < 1000; ++index)
    put(*object, index, static_cast<u8>(index));
  const u64 used = frames->frames_in_use();
  const u64 nodes = frames->nodes().nodes_in_use();
  const auto copy = clone(object);
  EXPECT_EQ(frames->frames_in_use(), used);
  EXPECT_EQ(frames->nodes().nodes_in_use(), nodes);
  EXPECT_EQ(copy->pages_present(), 1000u);
  EXPECT_EQ(copy->size(), object->size());
  EXPECT_EQ(copy->present_page(7), object->present_page(7));
  EXPECT_EQ(frames->reference_count(*object->present_page(7)), 1u) << "one shared node";
}

TEST_F(Clones, WritesOfOneSideStayItsOwn) {
  const auto object = new_anonymous(3);
  for (u64 index = 0; index < 3; ++index)
    put(*object, index, 1);
  const auto copy = clone(object);
  put(*object, 0, 2);
  put(*copy, 1, 3);
  EXPECT_EQ(get(*object, 0), 2);
  EXPECT_EQ(get(*copy, 0), 1);
  EXPECT_EQ(get(*object, 1), 1);
  EXPECT_EQ(get(*copy, 1), 3);
  EXPECT_EQ(object->present_page(2), copy->present_page(2));
  EXPECT_EQ(frames->frames_in_use(), 5u) << "two of three pages were copied";
  EXPECT_EQ(frames->reference_count(*object->present_page(2)), 2u);
  EXPECT_EQ(frames->reference_count(*copy->present_page(0)), 1u);
}

TEST_F(Clones, TheLastOwnerOfAPageWritesWithoutACopy) {
  const auto object = new_anonymous(2);
  put(*object, 0, 1);
  put(*object, 1, 1);
  {
    const Ref<AnonymousPageObject> copy = object->clone();
    put(*copy, 1, 2); // the nodes part
    EXPECT_EQ(frames->frames_in_use(), 3u);
  }
  EXPECT_EQ(frames->frames_in_use(), 2u);
  const auto frame = object->present_page(0);
  put(*object, 0, 5);
  EXPECT_EQ(object->present_page(0), frame);
  EXPECT_EQ(frames->frames_in_use(), 2u);
}

TEST_F(Clones, AbsentPagesAreFilledOnEachSideForItself) {
  const auto object = new_anonymous(2);
  put(*object, 0, 1);
  const auto copy = clone(object);
  EXPECT_EQ(get(*copy, 1), 0);
  EXPECT_FALSE(object->present(1));
  put(*object, 1, 9);
  EXPECT_EQ(get(*copy, 1), 0);
}

TEST_F(Clones, CuttingOneSideLeavesTheOther) {
  const auto object = new_anonymous(200);
  for (u64 index = 0; index < 200; ++index)
    put(*object, index, 1);
  const auto copy = clone(object);
  ASSERT_TRUE(copy->drop_pages(10, 100).ok());
  EXPECT_EQ(copy->pages_present(), 100u);
  EXPECT_EQ(object->pages_present(), 200u);
  put(*copy, 9, 2); // the same node as page 10, which is the original's alone now
  put(*object, 10, 3);
  EXPECT_EQ(get(*object, 9), 1);
  EXPECT_EQ(get(*copy, 10), 0);
  ASSERT_TRUE(object->drop_pages_from(0).ok());
  EXPECT_EQ(get(*copy, 150), 1);
}

TEST_F(Clones, EmptyingOneSideLeavesTheOther) {
  for (const bool of_copy : {true, false}) {
    const auto original = new_anonymous(100);
    put(*original, 0, 1);
    put(*original, 70, 2);
    const auto copy = clone(original);
    ASSERT_TRUE((of_copy ? copy : original)->drop_pages_from(0).ok());
    AnonymousPageObject &other = of_copy ? *original : *copy;
    EXPECT_EQ(get(other, 0), 1);
    EXPECT_EQ(get(other, 70), 2);
    EXPECT_EQ(get(of_copy ? *copy : *original, 0), 0);
  }
}

TEST_F(Clones, SharedMappingsOfTheOriginalGoOnSeeingEachOthersWrites) {
  const auto object = new_anonymous(4);
  AddressSpace &one = new_space();
  AddressSpace &other = new_space();
  map_object(one, 0, object, true);
  map_object(other, 50, object, true);
  store(one, 0, 1);
  ASSERT_EQ(load(other, 50), 1);
  const auto copy = clone(object);
  EXPECT_EQ(load(other, 50), 1); // a read first: it must not show a frame that the clone holds
  EXPECT_NE(object->present_page(0), copy->present_page(0));
  store(one, 0, 2);
  EXPECT_EQ(load(other, 50), 2);
  EXPECT_EQ(get(*copy, 0), 1);
}

TEST_F(Clones, PrivateMappingsSeeAWriteToThePageThatTheyShow) {
  const auto object = new_anonymous(2);
  put(*object, 0, 1);
  AddressSpace &space = new_space();
  map_object(space, 0, object, false);
  ASSERT_EQ(load(space, 0), 1);
  const auto copy = clone(object);
  ASSERT_EQ(load(space, 0), 1);
  put(*object, 0, 2);
  EXPECT_EQ(load(space, 0), 2) << "as it would without a clone";
  EXPECT_EQ(get(*copy, 0), 1);
}

TEST_F(Clones, AForkedSpaceShowsTheClones) {
  const auto object = new_anonymous(4);
  AddressSpace &parent = new_space();
  map_object(parent, 0, object, true);
  map_object(parent, 10, object, false);
  store(parent, 0, 1);
  store(parent, 11, 7); // a private copy
  const auto copy = clone(object);
  AddressSpace &child = box_copy(parent, object, copy);
  store(parent, 0, 2);
  EXPECT_EQ(load(child, 0), 1);
  store(child, 0, 3);
  EXPECT_EQ(load(parent, 0), 2);
  EXPECT_EQ(load(child, 10), 3);
  EXPECT_EQ(load(parent, 10), 2);
  EXPECT_EQ(load(child, 11), 7);
  EXPECT_EQ(layout(child), layout(parent));
}

TEST_F(Clones, AFailedAllocationChangesNothing) {
  const auto object = new_anonymous(200);
  for (u64 index = 0; index < 200; ++index)
    put(*object, index, 1);
  const auto fail_each = [&](auto &&attempt) {
    int failures = 0;
    for (u64 n = 1; n < 100; ++n) {
      frames->fail_allocation(n);
      const Status status = attempt();
      frames->fail_allocation(0);
      expect_all_valid();
      for (u64 index = 0; index < 200; ++index)
        EXPECT_EQ(get(*object, index), 1);
      if (status.ok())
        return failures;
      EXPECT_EQ(status.error(), Errno{ENOMEM});
      ++failures;
    }
    ADD_FAILURE() << "never succeeded";
    return failures;
  };
  const auto first = clone(object);
  EXPECT_GT(fail_each([&] {
              const auto frame = first->page_for_write(3);
              return frame ? Status(Done{}) : Status(frame.error());
            }),
            0);
  const auto second = clone(object);
  EXPECT_GT(fail_each([&] { return second->drop_pages(10, 100); }), 0);
  EXPECT_EQ(second->pages_present(), 100u);
}

/// Objects and spaces that are cloned and forked together, as a box's are, beside arrays that are
/// copied wholly.
class CloneModel : public Clones, public ::testing::WithParamInterface<int> {
protected:
  static constexpr u64 pages = 150;
  struct Side {
    Ref<AnonymousPageObject> object;
    Ref<AddressSpace> space; ///< shows the object shared from page 0, privately from page 200
    std::array<u8, pages> contents{};
  };
  u64 pick(u64 bound) { return std::uniform_int_distribution<u64>(0, bound - 1)(random); }

  void copy(const Side &side) {
    Side made{side.object->clone(), {}, side.contents};
    Copier copier;
    copier.note(*side.object, made.object);
    made.space = side.space->copy(copier).value();
    sides.push_back(std::move(made));
  }
  void cut(Side &side, u64 page) {
    const u64 count = 1 + pick(pages - page);
    MappingRegistry::unmap_object_pages(*side.object, page, count);
    ASSERT_TRUE(side.object->drop_pages(page, count).ok());
    std::fill_n(side.contents.begin() + static_cast<std::ptrdiff_t>(page), count, u8{0});
  }
  void write(Side &side, u64 page, bool through_mapping) {
    const u8 value = static_cast<u8>(1 + pick(255));
    if (through_mapping)
      store(*side.space, page, value);
    else
      put(*side.object, page, value);
    side.contents[page] = value;
  }
  void step() {
    const u64 which = pick(sides.size());
    Side &side = sides[which];
    const u64 page = pick(pages);
    const u64 kind = pick(10);
    if (kind == 0 && sides.size() < 6)
      copy(side);
    else if (kind == 1 && sides.size() > 1)
      sides.erase(sides.begin() + static_cast<std::ptrdiff_t>(which));
    else if (kind == 2)
      cut(side, page);
    else if (kind <= 5)
      write(side, page, kind < 5);
    else if (kind == 6)
      ASSERT_EQ(get(*side.object, page), side.contents[page]);
    else
      ASSERT_EQ(load(*side.space, kind == 7 ? 200 + page : page), side.contents[page]) << kind;
  }
  void expect_sides_valid() {
    for (const Side &side : sides) {
      held.push_back(side.object);
      spaces.push_back(side.space);
    }
    expect_all_valid();
    held.clear();
    spaces.clear();
  }

  std::mt19937_64 random;
  std::vector<Side> sides;
};

TEST_P(CloneModel, AgreesWithWholeCopies) {
  random.seed(static_cast<u64>(GetParam()));
  sides.push_back({make_ref<AnonymousPageObject>(*frames, pages * page_size),
                   AddressSpace::create(*frames).value(),
                   {}});
  map_object(*sides[0].space, 0, sides[0].object, true);
  map_object(*sides[0].space, 200, sides[0].object, false, read_only);
  for (int i = 0; i < 600; ++i) {
    step();
    if (i % 20 == 0)
      expect_sides_valid();
    ASSERT_FALSE(HasFailure()) << "at step " << i;
  }
  sides.clear();
}

INSTANTIATE_TEST_SUITE_P(Seed, CloneModel, ::testing::Range(1, 31));

using Objects = MemoryTest;

TEST_F(Objects, ReadAroundAPageThatIsMissing) {
  const auto object = new_object(40);
  object->reads_around = true;
  ASSERT_TRUE(object->page(18).ok());
  EXPECT_EQ(object->pages_present(), 16u);
  EXPECT_EQ(object->fills, 1) << "neighbouring frames are filled at once";
  EXPECT_TRUE(object->present(16));
  EXPECT_TRUE(object->present(31));
  ASSERT_TRUE(object->page(39).ok());
  EXPECT_EQ(object->pages_present(), 24u) << "no further than to the end";
  for (const u64 index : {u64{16}, u64{31}, u64{39}}) {
    const auto frame = *object->present_page(index);
    EXPECT_EQ(std::to_integer<u8>(frames->pointer(frame)[5]),
              PatternObject::byte_at(index * page_size + 5));
  }
}

TEST_F(Objects, ReadingAroundStopsAtWhatIsPresent) {
  const auto object = new_object(16);
  ASSERT_TRUE(object->page_for_write(5).ok());
  const auto frame = object->present_page(5);
  object->reads_around = true;
  ASSERT_TRUE(object->page(7).ok());
  EXPECT_EQ(object->present_page(5), frame);
  EXPECT_FALSE(object->present(4));
  EXPECT_EQ(object->pages_present(), 11u);
}

TEST_F(Objects, ThePageComesThoughItsNeighboursCant) {
  const auto object = new_object(16);
  object->reads_around = true;
  ASSERT_TRUE(new_object(1)->page(0).ok()); // no node has to be made below
  frames->fail_allocation(PageTable::levels + 3);
  EXPECT_TRUE(object->page(7).ok());
  frames->fail_allocation(0);
  EXPECT_EQ(object->pages_present(), 1u);
}

TEST_F(Objects, AReadFaultMapsTheNeighboursThatArePresent) {
  const auto object = new_object(32);
  object->reads_around = true;
  AddressSpace &space = new_space();
  map(space, object_request(3, 20, read_execute, object, false));
  EXPECT_EQ(touch(space, 10, Access::read), FaultOutcome::file_page);
  EXPECT_EQ(object->pages_present(), 16u);
  // Object page 0 is at page 3, and the object read 0 to 15; the aligned window is pages 0 to 15.
  for (u64 page = 3; page < 16; ++page)
    EXPECT_EQ(touch(space, page, Access::execute), FaultOutcome::spurious) << page;
  EXPECT_EQ(touch(space, 16, Access::read), FaultOutcome::file_page);
  EXPECT_EQ(space.counters().file_pages, 2u);
  EXPECT_EQ(space.counters().minor_faults(), 2u) << "a fault counts once, as on Linux";
}

} // namespace
} // namespace tine::memory
