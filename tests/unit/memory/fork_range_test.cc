// Ranges that a child doesn't get as they are: MADV_DONTFORK, MADV_WIPEONFORK, locks; in pieces.
#include "memory_fixture.hpp"

#include <sys/mman.h>

namespace tine::memory {
namespace {

class ForkRanges : public ForkTest {
protected:
  void SetUp() override {
    ForkTest::SetUp();
    parent = &new_space();
    map(*parent, 0, 10);
    for (u64 page = 0; page < 10; ++page)
      store(*parent, page, static_cast<u8>(page + 1));
  }
  void advise(AddressSpace &space, u64 first, u64 count, int advice) {
    ASSERT_TRUE(space.advise(page_at(first), count * page_size, advice).ok());
  }
  AddressSpace *parent = nullptr;
};
TINE_BOTH_MECHANISMS(ForkRanges);

TEST_P(ForkRanges, DontForkOfAPartIsAbsentInTheChildAlone) {
  advise(*parent, 3, 4, MADV_DONTFORK);
  AddressSpace &child = fork(*parent);
  EXPECT_EQ(layout(child), "0+3rw-p 7+3rw-p");
  EXPECT_EQ(touch(child, 3, Access::read), FaultOutcome::maperr);
  EXPECT_EQ(touch(child, 6, Access::write), FaultOutcome::maperr);
  EXPECT_EQ(child.frame_of(page_number(4)), std::nullopt);
  EXPECT_EQ(count_of(*parent, 4), 1u);
  EXPECT_EQ(load(*parent, 4), 5);
  EXPECT_EQ(load(child, 2), 3);
  expect_valid();
}

TEST_P(ForkRanges, DontForkAfterASplitAMergeAndASecondFork) {
  advise(*parent, 3, 4, MADV_DONTFORK);
  ASSERT_TRUE(
      parent->protect(page_at(4), 2 * page_size, read_only).ok()); // splits the marked range
  EXPECT_EQ(layout(fork(*parent)), "0+3rw-p 7+3rw-p");
  ASSERT_TRUE(parent->protect(page_at(4), 2 * page_size, read_write).ok()); // and merges it again
  EXPECT_EQ(layout(*parent), "0+3rw-p 3+4rw-p 7+3rw-p");
  AddressSpace &second = fork(*parent);
  EXPECT_EQ(layout(second), "0+3rw-p 7+3rw-p");
  advise(*parent, 3, 2, MADV_DOFORK); // a part is unmarked
  AddressSpace &third = fork(*parent);
  EXPECT_EQ(layout(third), "0+5rw-p 7+3rw-p");
  EXPECT_EQ(load(third, 4), 5);
  EXPECT_EQ(touch(third, 5, Access::read), FaultOutcome::maperr);
  EXPECT_EQ(layout(fork(third)), "0+5rw-p 7+3rw-p");
}

TEST_P(ForkRanges, DontForkMovesWithItsPages) {
  advise(*parent, 3, 4, MADV_DONTFORK);
  ASSERT_TRUE(parent
                  ->remap(page_at(4), 2 * page_size, 2 * page_size, MREMAP_MAYMOVE | MREMAP_FIXED,
                          page_at(100))
                  .ok());
  EXPECT_EQ(load(*parent, 100), 5);
  EXPECT_EQ(layout(fork(*parent)), "0+3rw-p 7+3rw-p");
}

TEST_P(ForkRanges, AMappingInAHoleOfTheChildDoesNotShowTheParentsPages) {
  advise(*parent, 3, 4, MADV_DONTFORK);
  AddressSpace &child = fork(*parent);
  map(child, 3, 4);
  EXPECT_EQ(load(child, 4), 0);
  store(child, 5, 99);
  EXPECT_EQ(load(*parent, 5), 6);
}

TEST_P(ForkRanges, WipeOnForkReadsZeroInTheChildAndTheMarkStays) {
  advise(*parent, 2, 3, MADV_WIPEONFORK);
  AddressSpace &child = fork(*parent);
  EXPECT_EQ(load(child, 2), 0);
  EXPECT_EQ(load(child, 4), 0);
  EXPECT_EQ(load(child, 5), 6);
  EXPECT_EQ(load(*parent, 2), 3);
  store(child, 2, 50);
  AddressSpace &grandchild = fork(child);
  EXPECT_EQ(load(grandchild, 2), 0);
  EXPECT_EQ(load(child, 2), 50);
  advise(child, 2, 3, MADV_KEEPONFORK);
  EXPECT_EQ(load(fork(child), 2), 50);
}

TEST_P(ForkRanges, LocksAreNotInherited) {
  ASSERT_TRUE(parent->lock(page_at(1), 2 * page_size, AddressSpace::Lock::now).ok());
  AddressSpace &child = fork(*parent);
  EXPECT_EQ(parent->locked_bytes(), 2 * page_size);
  EXPECT_EQ(child.locked_bytes(), 0u);
  EXPECT_EQ(layout(child), "0+10rw-p");
  EXPECT_EQ(parent->advise(page_at(0), 2 * page_size, MADV_DONTNEED).error(), Errno{EINVAL});
  EXPECT_TRUE(child.advise(page_at(0), 2 * page_size, MADV_DONTNEED).ok());
  EXPECT_EQ(load(*parent, 1), 2);
}

TEST_P(ForkRanges, MappingsChangeOnOneSideOnly) {
  AddressSpace &child = fork(*parent);
  ASSERT_TRUE(child.unmap(page_at(0), 5 * page_size).ok());
  EXPECT_EQ(layout(*parent), "0+10rw-p");
  EXPECT_EQ(layout(child), "5+5rw-p");
  EXPECT_EQ(load(*parent, 0), 1);
  ASSERT_TRUE(parent->protect(page_at(5), page_size, no_rights).ok());
  EXPECT_EQ(load(child, 5), 6);
  EXPECT_EQ(frames->frames_in_use(), 10u);
}

TEST_P(ForkRanges, UsageTellsPrivateFromShared) {
  EXPECT_EQ(parent->usage().private_dirty, 10 * page_size);
  AddressSpace &child = fork(*parent);
  for (AddressSpace *const space : {parent, &child}) {
    EXPECT_EQ(space->usage().resident, 10 * page_size);
    EXPECT_EQ(space->usage().shared_dirty, 10 * page_size);
    EXPECT_EQ(space->usage().private_dirty, 0u);
    EXPECT_EQ(space->usage().proportional, 5 * page_size);
  }
  store(child, 3, 1);
  EXPECT_EQ(child.usage().private_dirty, page_size);
  EXPECT_EQ(child.usage().shared_dirty, 9 * page_size);
  EXPECT_EQ(parent->usage().private_dirty, page_size);
  end(child);
  EXPECT_EQ(parent->usage().private_dirty, 10 * page_size);
}

} // namespace
} // namespace tine::memory
