// Every call that allocates, with each of its allocations failing in turn: it reports ENOMEM,
// nothing is lost or leaked, and what was there before still reads as it did.
#include "memory_fixture.hpp"

#include <array>
#include <sys/mman.h>
#include <utility>

namespace tine::memory {
namespace {

class Exhaustion : public ForkTest {
protected:
  /// A parent with a private range over several leaves, and a child that shares all of it.
  void prepare() {
    parent = &new_space();
    map(*parent, 0, 150);
    for (u64 page = 0; page < 150; page += 3)
      store(*parent, page, static_cast<u8>(page + 1));
    child = &fork(*parent);
  }
  void expect_contents(AddressSpace &space) {
    for (u64 page = 0; page < 150; page += 3)
      EXPECT_EQ(load(space, page), static_cast<int>(page + 1));
  }
  /// Calls attempt() with the 1st, 2nd ... allocation failing until it succeeds; attempt is true on
  /// success and changes nothing that is visible otherwise. The number of failures.
  template <typename Attempt> int fail_each(Attempt &&attempt) {
    for (u64 n = 1; n < 200; ++n) {
      frames->fail_allocation(n);
      const bool done = attempt();
      frames->fail_allocation(0);
      expect_valid();
      if (done)
        return static_cast<int>(n) - 1;
      expect_contents(*parent);
      expect_contents(*child);
    }
    ADD_FAILURE() << "never succeeded";
    return 0;
  }

  AddressSpace *parent = nullptr;
  AddressSpace *child = nullptr;
};
TINE_BOTH_MECHANISMS(Exhaustion);

TEST_P(Exhaustion, Fork) {
  prepare();
  const int failures = fail_each([&] {
    auto made = parent->fork(GetParam());
    if (!made) {
      EXPECT_EQ(made.error(), Errno{ENOMEM});
      return false;
    }
    spaces.push_back(*made);
    expect_contents(**made);
    return true;
  });
  EXPECT_EQ(failures, GetParam() == ForkMechanism::shared ? 0 : 5 + 3); // five levels, three leaves
}

TEST_P(Exhaustion, ForkWithRangesThatTheChildDoesNotGet) {
  prepare();
  ASSERT_TRUE(parent->advise(page_at(10), 100 * page_size, MADV_DONTFORK).ok());
  const int failures = fail_each([&] {
    auto made = parent->fork(GetParam());
    if (made)
      spaces.push_back(*made);
    return made.ok();
  });
  EXPECT_GT(failures, 5);
  EXPECT_EQ(layout(*spaces.back()), "0+10rw-p 110+40rw-p");
}

TEST_P(Exhaustion, WriteFault) {
  prepare();
  const int failures = fail_each([&] {
    const FaultOutcome outcome = touch(*child, 3, Access::write);
    EXPECT_TRUE(outcome == FaultOutcome::out_of_memory || outcome == FaultOutcome::copied);
    return is_resolved(outcome);
  });
  // Six nodes and the frame; what one try made exclusive, the next one finds: 0 + 1 + 2 + 3, then
  // the rest.
  EXPECT_EQ(failures, GetParam() == ForkMechanism::shared ? 4 : 1);
  expect_contents(*parent);
  expect_contents(*child);
}

TEST_P(Exhaustion, KernelWrite) {
  prepare();
  const u64 value = 7;
  fail_each([&] {
    const Status status = child->write_object(page_at(0, 8), value);
    if (!status.ok()) {
      EXPECT_EQ(status.error(), Errno{ENOMEM});
    }
    return status.ok();
  });
  EXPECT_EQ(child->read_object<u64>(page_at(0, 8)).value(), 7u);
  EXPECT_EQ(parent->read_object<u64>(page_at(0, 8)).value(), 0u);
}

TEST_P(Exhaustion, Unmap) {
  prepare();
  fail_each([&] {
    const Status status = child->unmap(page_at(10), 100 * page_size);
    if (!status.ok()) {
      EXPECT_EQ(layout(*child), "0+150rw-p");
    }
    return status.ok();
  });
  EXPECT_EQ(layout(*child), "0+10rw-p 110+40rw-p");
  expect_contents(*parent);
}

TEST_P(Exhaustion, MapOverWhatIsThere) {
  prepare();
  fail_each([&] {
    const auto place = child->map(request(10, 100));
    if (!place.ok()) {
      EXPECT_EQ(layout(*child), "0+150rw-p");
    }
    return place.ok();
  });
  EXPECT_EQ(load(*child, 12), 0);
  EXPECT_EQ(load(*child, 9), 10);
  expect_contents(*parent);
}

TEST_P(Exhaustion, Discard) {
  prepare();
  fail_each([&] { return child->advise(page_at(10), 100 * page_size, MADV_DONTNEED).ok(); });
  EXPECT_EQ(load(*child, 12), 0);
  expect_contents(*parent);
}

TEST_P(Exhaustion, Move) {
  prepare();
  for (const u64 target : {u64{1000}, u64{1001}}) { // in step with the leaves, and not
    AddressSpace &mover = fork(*parent);
    fail_each([&] {
      const auto moved = mover.remap(page_at(0), 150 * page_size, 150 * page_size,
                                     MREMAP_MAYMOVE | MREMAP_FIXED, page_at(target));
      if (!moved.ok())
        expect_contents(mover);
      return moved.ok();
    });
    for (u64 page = 0; page < 150; page += 3)
      EXPECT_EQ(load(mover, target + page), static_cast<int>(page + 1));
    expect_contents(*parent);
  }
}

TEST_P(Exhaustion, FilePages) {
  prepare();
  const auto object = new_object(4);
  map(*child, object_request(200, 4, read_write, object, false));
  map(*child, object_request(210, 4, read_write, object, true));
  fail_each([&] { return is_resolved(touch(*child, 200, Access::read)); });
  fail_each([&] { return is_resolved(touch(*child, 201, Access::write)); });
  fail_each([&] { return is_resolved(touch(*child, 212, Access::write)); });
  fail_each([&] { return is_resolved(touch(*child, 213, Access::read)); });
}

TEST(FrameLimit, IsOutOfMemoryAndHealsWhenFramesAreFreed) {
  auto frames = FrameArena::create({.limit_bytes = 16 * page_size}).value();
  auto space = AddressSpace::create(*frames).value();
  MapRequest wanted;
  wanted.length = 32 * page_size;
  wanted.protection = read_write;
  wanted.no_reserve = true;
  const GuestAddress start = space->map(wanted).value();
  for (u64 page = 0; page < 16; ++page)
    EXPECT_EQ(space->resolve_fault(start + page * page_size, Access::write).outcome,
              FaultOutcome::zero_filled);
  EXPECT_EQ(space->resolve_fault(start + 20 * page_size, Access::write).outcome,
            FaultOutcome::out_of_memory);
  EXPECT_EQ(space->resolve_fault(start + 20 * page_size, Access::read).outcome,
            FaultOutcome::zero_filled)
      << "the common zero frame costs nothing";
  ASSERT_TRUE(space->advise(start, page_size, MADV_DONTNEED).ok());
  EXPECT_EQ(space->resolve_fault(start + 20 * page_size, Access::write).outcome,
            FaultOutcome::zero_filled);
  wanted.no_reserve = false;
  EXPECT_EQ(space->map(wanted).error(), Errno{ENOMEM}) << "more than there can ever be";
}

TEST(FrameLimit, TheKernelWritesIntoAReserve) {
  auto frames = FrameArena::create({.limit_bytes = 16 * page_size}).value();
  auto space = AddressSpace::create(*frames).value();
  MapRequest wanted;
  wanted.length = 1024 * page_size;
  wanted.protection = read_write;
  wanted.no_reserve = true;
  const GuestAddress start = space->map(wanted).value();
  const std::array<std::byte, 1> byte{std::byte{7}};
  for (u64 page = 0; page < 16; ++page)
    ASSERT_TRUE(space->write(start + page * page_size, byte).ok());
  EXPECT_FALSE(frames->over_limit());
  EXPECT_EQ(space->resolve_fault(start + 16 * page_size, Access::write).outcome,
            FaultOutcome::out_of_memory);
  u64 page = 16;
  while (page < 1024 && space->write(start + page * page_size, byte).ok())
    ++page;
  EXPECT_TRUE(frames->over_limit());
  EXPECT_EQ(page, 16U + 64U) << "the reserve has an end, too";
  EXPECT_EQ(space->write(start + page * page_size, byte).error(), Errno{ENOMEM});
  ASSERT_TRUE(space->advise(start, 64 * page_size, MADV_DONTNEED).ok());
  EXPECT_FALSE(frames->over_limit());
  EXPECT_EQ(space->resolve_fault(start + 100 * page_size, Access::write).outcome,
            FaultOutcome::out_of_memory)
      << "what the kernel wrote counts";
}

TEST(FrameLimit, AsksForWhatNobodyUsesFirst) {
  auto frames = FrameArena::create({.limit_bytes = 16 * page_size}).value();
  struct Cache final : Reclaimer {
    explicit Cache(FrameArena &arena) : frames(arena) {}
    void reclaim() override {
      for (const FrameNumber frame : std::exchange(held, {}))
        frames.drop_reference(frame);
    }
    FrameArena &frames;
    std::vector<FrameNumber> held;
  } cache(*frames);
  frames->add_reclaimer(cache);
  for (u64 i = 0; i < 16; ++i)
    cache.held.push_back(frames->allocate().value());
  std::vector<FrameNumber> own;
  for (u64 i = 0; i < 16; ++i)
    own.push_back(frames->allocate().value());
  EXPECT_TRUE(cache.held.empty());
  EXPECT_EQ(frames->allocate().error(), Errno{ENOMEM});
  frames->remove_reclaimer(cache);
  for (const FrameNumber frame : own)
    frames->drop_reference(frame);
}

} // namespace
} // namespace tine::memory
