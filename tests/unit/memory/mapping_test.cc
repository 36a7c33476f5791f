// Places, stacks, the heap, faults on files, code marks: what the random tests don't reach.
#include "memory_fixture.hpp"

#include "memory/mapping_registry.hpp"

#include <sys/mman.h>

namespace tine::memory {
namespace {

using Places = MemoryTest;

MapRequest anywhere(u64 pages) {
  MapRequest wanted;
  wanted.length = pages * page_size;
  wanted.protection = read_write;
  return wanted;
}

TEST_F(Places, AreFoundTopDownFromBelowTheStack) {
  AddressSpace &space = new_space();
  EXPECT_EQ(space.map(anywhere(1)).value(), GuestAddress{0x7ffff7ffe000});
  EXPECT_EQ(space.map(anywhere(2)).value(), GuestAddress{0x7ffff7ffc000});
  ASSERT_TRUE(space.unmap(GuestAddress{0x7ffff7ffe000}, page_size).ok());
  EXPECT_EQ(space.map(anywhere(2)).value(), GuestAddress{0x7ffff7ffa000})
      << "the hole is too small";
  EXPECT_EQ(space.map(anywhere(1)).value(), GuestAddress{0x7ffff7ffe000});
  EXPECT_EQ(layout(space).find(' '), std::string::npos) << "all of it is one mapping";
}

TEST_F(Places, TakeTheHintIfItIsFree) {
  AddressSpace &space = new_space();
  MapRequest wanted = anywhere(2);
  wanted.address = page_at(5, 100);
  EXPECT_EQ(space.map(wanted).value(), page_at(6)) << "rounded up, as Linux does";
  EXPECT_EQ(space.map(wanted).value(), GuestAddress{0x7ffff7ffd000});
  wanted.address = GuestAddress{~u64{0}};
  EXPECT_EQ(space.map(wanted).value(), GuestAddress{0x7ffff7ffb000});
}

TEST_F(Places, Below4GAreInTheSecondGigabyte) {
  AddressSpace &space = new_space();
  MapRequest wanted = anywhere(2);
  wanted.below_4g = true;
  EXPECT_EQ(space.map(wanted).value(), GuestAddress{0x40000000});
  EXPECT_EQ(space.map(wanted).value(), GuestAddress{0x40002000});
  wanted.length = u64{2} << 30;
  wanted.no_reserve = true;
  EXPECT_EQ(space.map(wanted).error(), Errno{ENOMEM});
}

TEST_F(Places, EndWithTheAddressSpaceAndItsLimit) {
  AddressSpace &space = new_space();
  MapRequest wanted = anywhere(1);
  wanted.no_reserve = true;
  wanted.length = user_address_limit;
  EXPECT_EQ(space.map(wanted).error(), Errno{ENOMEM});
  wanted.length = u64{126} << 40;
  EXPECT_TRUE(space.map(wanted).ok()) << "Linux has room for that, too";
  space.limits().address_space = wanted.length + page_size;
  EXPECT_TRUE(space.map(anywhere(1)).ok());
  EXPECT_EQ(space.map(anywhere(1)).error(), Errno{ENOMEM});
  EXPECT_EQ(new_space().map(request(0, 0)).error(), Errno{EINVAL});
  MapRequest low = request(0, 1);
  low.address = GuestAddress{0x1000};
  EXPECT_EQ(space.map(low).error(), Errno{EPERM});
}

TEST_F(Places, ErrorsOfSharedMappings) {
  AddressSpace &space = new_space();
  const auto object = new_object(4);
  MapRequest wanted = object_request(0, 1, read_write, object, true);
  wanted.may_write = false;
  EXPECT_EQ(space.map(wanted).error(), Errno{EACCES});
  wanted.protection = read_only;
  map(space, wanted);
  EXPECT_EQ(space.protect(page_at(0), page_size, read_write).error(), Errno{EACCES});
  wanted.object_offset = ~page_mask;
  EXPECT_EQ(space.map(wanted).error(), Errno{EOVERFLOW});
}

class Stacks : public ForkTest {};
TINE_BOTH_MECHANISMS(Stacks);

TEST_P(Stacks, GrowOnAFaultAndBelongToOneSideAfterAFork) {
  AddressSpace &parent = new_space();
  MapRequest wanted = request(3000, 4);
  wanted.grows_down = true;
  wanted.name = "[stack]";
  map(parent, wanted);
  store(parent, 3000, 5);
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(child, 2990, 1), FaultOutcome::zero_filled);
  EXPECT_EQ(layout(child), "2990+14rw-p");
  EXPECT_EQ(layout(parent), "3000+4rw-p");
  EXPECT_EQ(load(child, 3000), 5);
  ASSERT_TRUE(parent.write_object(page_at(2999, page_size - 4), u64{1}).ok())
      << "the kernel's own write grows it, too";
  EXPECT_EQ(layout(parent), "2999+5rw-p");
}

TEST_P(Stacks, StopAtTheirLimitAndAtTheGuardGap) {
  AddressSpace &space = new_space();
  space.limits().stack = 100 * page_size;
  MapRequest wanted = request(3000, 4);
  wanted.grows_down = true;
  map(space, wanted);
  EXPECT_EQ(touch(space, 2903, Access::write), FaultOutcome::maperr);
  EXPECT_EQ(touch(space, 2904, Access::write), FaultOutcome::zero_filled);
  space.limits().stack = u64{8} << 20;
  map(space, 2500, 100);
  EXPECT_EQ(touch(space, 2855, Access::write), FaultOutcome::maperr)
      << "255 pages to the neighbour";
  EXPECT_EQ(touch(space, 2856, Access::write), FaultOutcome::zero_filled);
  MapRequest near = anywhere(1);
  near.address = page_at(2840);
  EXPECT_NE(space.map(near).value(), page_at(2840)) << "the gap isn't free for hints";
}

using Heap = MemoryTest;

TEST_F(Heap, GrowsAndShrinksAndStopsAtWhatIsMapped) {
  AddressSpace &space = new_space();
  space.set_heap_start(page_at(0, 0x123));
  EXPECT_EQ(space.set_break(GuestAddress{}), page_at(0, 0x123));
  EXPECT_EQ(space.set_break(page_at(2, 1)), page_at(2, 1));
  EXPECT_EQ(layout(space), "1+2rw-p");
  EXPECT_STREQ(space.mapping_at(page_at(1))->name, "[heap]");
  store(space, 2, 9);
  EXPECT_EQ(space.set_break(page_at(2)), page_at(2));
  EXPECT_EQ(frames->frames_in_use(), 0u);
  EXPECT_EQ(space.set_break(page_at(3)), page_at(3));
  EXPECT_EQ(load(space, 2), 0) << "what was given up comes back as zero";
  map(space, 10, 1);
  EXPECT_EQ(space.set_break(page_at(10)), page_at(3)) << "one page stays free";
  EXPECT_EQ(space.set_break(page_at(9)), page_at(9));
  EXPECT_EQ(space.set_break(page_at(0)), page_at(9)) << "below the start: no change";
  space.limits().data = 2 * page_size;
  EXPECT_EQ(space.set_break(page_at(9, 1)), page_at(9));
}

class Files : public ForkTest {};
TINE_BOTH_MECHANISMS(Files);

TEST_P(Files, PrivatePagesAreTheObjectsUntilWritten) {
  AddressSpace &parent = new_space();
  const auto object = new_object(4);
  map(parent, object_request(0, 4, read_write, object, false));
  EXPECT_EQ(load(parent, 1), PatternObject::byte_at(page_size));
  EXPECT_EQ(parent.frame_of(page_number(1)), object->present_page(1));
  EXPECT_EQ(count_of(parent, 1), 2u);
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(child, 1, 200), FaultOutcome::copied);
  EXPECT_EQ(store(child, 2, 201), FaultOutcome::copied) << "not read before";
  EXPECT_EQ(load(parent, 1), PatternObject::byte_at(page_size));
  EXPECT_EQ(load(parent, 2), PatternObject::byte_at(2 * page_size));
  EXPECT_TRUE(object->dirty.empty());
  EXPECT_EQ(object->fills, 2);
}

TEST_P(Files, SharedPagesAreWritableOnlyAfterTheObjectWasTold) {
  AddressSpace &parent = new_space();
  const auto object = new_object(4);
  map(parent, object_request(0, 4, read_write, object, true));
  load(parent, 1);
  EXPECT_FALSE(parent.lookup(page_at(1))->writable);
  EXPECT_TRUE(object->dirty.empty());
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(child, 1, 77), FaultOutcome::reused);
  EXPECT_EQ(object->dirty, std::vector<u64>{1});
  EXPECT_EQ(load(parent, 1), 77);
  ASSERT_TRUE(parent.sync(page_at(1), page_size, MS_SYNC).ok());
  EXPECT_EQ(object->written_back.size(), 1u);
  EXPECT_EQ(object->written_back[0], (std::pair<u64, u64>{1, 1}));
}

TEST_P(Files, BeyondTheEndIsABusErrorAndTruncationReachesEveryone) {
  AddressSpace &parent = new_space();
  const auto object = new_object(4);
  map(parent, object_request(0, 6, read_write, object, false));
  map(parent, object_request(10, 6, read_write, object, true));
  EXPECT_EQ(touch(parent, 4, Access::read), FaultOutcome::bus);
  EXPECT_EQ(touch(parent, 14, Access::write), FaultOutcome::bus);
  EXPECT_EQ(parent.read_object<u8>(page_at(4)).error(), Errno{EFAULT});
  for (u64 page = 0; page < 4; ++page) {
    load(parent, page);
    store(parent, 10 + page, 9);
  }
  store(parent, 3, 33);
  AddressSpace &child = fork(parent);
  RecordingObserver observer;
  child.set_observer(&observer);
  MappingRegistry::unmap_object_pages(*object, 2);
  EXPECT_EQ(load(parent, 3), 33) << "the private copy stays";
  EXPECT_EQ(load(child, 3), 33);
  MappingRegistry::unmap_truncated_pages(*object, 2);
  ASSERT_TRUE(object->drop_pages_from(2).ok());
  object->set_size(2 * page_size);
  EXPECT_TRUE(observer.was_told(page_number(2), Change::removed));
  for (AddressSpace *const space : {&parent, &child}) {
    EXPECT_EQ(touch(*space, 2, Access::read), FaultOutcome::bus);
    EXPECT_EQ(touch(*space, 12, Access::read), FaultOutcome::bus);
    EXPECT_EQ(touch(*space, 3, Access::read), FaultOutcome::bus) << "the private copy is gone";
    EXPECT_EQ(load(*space, 1), 9) << "unwritten private pages show the file";
  }
  child.set_observer(nullptr);
  object->set_size(4 * page_size);
  EXPECT_EQ(load(child, 2), PatternObject::byte_at(2 * page_size)) << "read anew";
}

TEST_P(Files, AFileThatCannotBeReadIsABusError) {
  AddressSpace &space = new_space();
  const auto object = new_object(1);
  object->broken = true;
  map(space, object_request(0, 1, read_write, object, false));
  EXPECT_EQ(touch(space, 0, Access::read), FaultOutcome::bus);
  EXPECT_EQ(touch(space, 0, Access::write), FaultOutcome::bus);
  object->broken = false;
  EXPECT_EQ(touch(space, 0, Access::write), FaultOutcome::copied);
}

class RecordingCode final : public CodeObserver {
public:
  void code_frame_changed(FrameNumber frame) override { changed.push_back(frame); }
  std::vector<FrameNumber> changed;
};

class Code : public ForkTest {};
TINE_BOTH_MECHANISMS(Code);

TEST_P(Code, IsDroppedBeforeItsFrameCanBeWritten) {
  AddressSpace &space = new_space();
  RecordingCode code;
  frames->set_code_observer(&code);
  map(space, 0, 1, all_rights);
  store(space, 0, 0xc3);
  const FrameNumber frame = *space.frame_of(page_number(0));
  frames->mark_code(frame);
  EXPECT_FALSE(space.lookup(page_at(0))->writable);
  EXPECT_EQ(count_of(space, 0), 1u);
  EXPECT_EQ(touch(space, 0, Access::read), FaultOutcome::spurious);
  EXPECT_TRUE(code.changed.empty());
  EXPECT_EQ(store(space, 0, 0x90), FaultOutcome::spurious);
  EXPECT_EQ(code.changed, std::vector<FrameNumber>{frame});
  EXPECT_FALSE(frames->has_code(frame));

  frames->mark_code(frame);
  AddressSpace &child = fork(space);
  EXPECT_EQ(store(child, 0, 0x91), FaultOutcome::copied);
  EXPECT_TRUE(frames->has_code(frame)) << "the parent's code is still what it was";
  EXPECT_FALSE(frames->has_code(*child.frame_of(page_number(0))));
  ASSERT_TRUE(space.unmap(page_at(0), page_size).ok());
  EXPECT_EQ(code.changed.size(), 2u) << "freed";
  EXPECT_FALSE(frames->has_code(frame));
  frames->set_code_observer(nullptr);
}

TEST_P(Code, LayoutChangesAreTold) {
  AddressSpace &parent = new_space();
  RecordingObserver observer;
  parent.set_observer(&observer);
  map(parent, 0, 4, read_execute);
  EXPECT_TRUE(observer.was_told_of_code(page_number(3)));
  observer.forget();
  map(parent, 10, 4);
  EXPECT_TRUE(observer.code.empty());
  ASSERT_TRUE(parent.protect(page_at(11), page_size, read_execute).ok());
  EXPECT_TRUE(observer.was_told_of_code(page_number(11)));
  EXPECT_FALSE(observer.was_told_of_code(page_number(12)));
  observer.forget();
  ASSERT_TRUE(parent.unmap(page_at(1), page_size).ok());
  EXPECT_TRUE(observer.was_told_of_code(page_number(1)));
  EXPECT_TRUE(observer.was_told(page_number(1), Change::removed));
  observer.forget();
  ASSERT_TRUE(
      parent.remap(page_at(2), page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, page_at(20))
          .ok());
  EXPECT_TRUE(observer.was_told_of_code(page_number(2)));
  EXPECT_TRUE(observer.was_told_of_code(page_number(20)));
  observer.forget();
  touch(parent, 20, Access::execute);
  fork(parent);
  const std::byte breakpoint{0xcc};
  ASSERT_TRUE(parent.force_write(page_at(20), {&breakpoint, 1}).ok());
  EXPECT_TRUE(observer.was_told_of_code(page_number(20)));
  EXPECT_FALSE(parent.protect(page_at(30), page_size, read_execute).ok());
  parent.set_observer(nullptr);
}

TEST_P(Code, LosingRightsTakesTranslationsAway) {
  AddressSpace &space = new_space();
  RecordingObserver observer;
  space.set_observer(&observer);
  map(space, 0, 2);
  store(space, 0, 1);
  ASSERT_TRUE(space.protect(page_at(0), page_size, read_only).ok());
  EXPECT_TRUE(observer.was_told(page_number(0), Change::write_protected));
  ASSERT_TRUE(space.protect(page_at(0), page_size, no_rights).ok());
  EXPECT_TRUE(observer.was_told(page_number(0), Change::removed));
  EXPECT_EQ(touch(space, 0, Access::read), FaultOutcome::accerr);
  observer.forget();
  ASSERT_TRUE(space.protect(page_at(0), page_size, read_write).ok());
  EXPECT_TRUE(observer.changes.empty()) << "gaining rights takes nothing away";
  EXPECT_EQ(load(space, 0), 1);
  space.set_observer(nullptr);
}

} // namespace
} // namespace tine::memory
