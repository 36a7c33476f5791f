// Each fact of copy-on-write, from the parent's side and from the child's, with exact counts.
#include "memory_fixture.hpp"

namespace tine::memory {
namespace {

class CopyOnWrite : public ForkTest {};
TINE_BOTH_MECHANISMS(CopyOnWrite);

TEST_P(CopyOnWrite, ChildReadsWhatTheParentWroteBeforeTheFork) {
  AddressSpace &parent = new_space();
  map(parent, 0, 4);
  store(parent, 1, 11);
  AddressSpace &child = fork(parent);
  EXPECT_EQ(load(child, 1), 11);
  EXPECT_EQ(child.frame_of(page_number(1)), parent.frame_of(page_number(1)));
  EXPECT_EQ(child.frame_of(page_number(2)), std::nullopt);
}

TEST_P(CopyOnWrite, ChildsWriteIsACopyThatTheParentDoesNotSee) {
  AddressSpace &parent = new_space();
  map(parent, 0, 4);
  store(parent, 1, 11);
  const auto frame = parent.frame_of(page_number(1));
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(child, 1, 22), FaultOutcome::copied);
  EXPECT_EQ(load(parent, 1), 11);
  EXPECT_EQ(load(child, 1), 22);
  EXPECT_EQ(parent.frame_of(page_number(1)), frame);
  EXPECT_EQ(count_of(parent, 1), 1u);
  EXPECT_EQ(count_of(child, 1), 1u);
  EXPECT_EQ(frames->frames_in_use(), 2u);
  EXPECT_EQ(child.counters().copied, 1u);
  expect_valid();
}

TEST_P(CopyOnWrite, ParentsWriteIsACopyThatTheChildDoesNotSee) {
  AddressSpace &parent = new_space();
  map(parent, 0, 4);
  store(parent, 1, 11);
  const auto frame = parent.frame_of(page_number(1));
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(parent, 1, 22), FaultOutcome::copied);
  EXPECT_EQ(load(child, 1), 11);
  EXPECT_EQ(load(parent, 1), 22);
  EXPECT_EQ(child.frame_of(page_number(1)), frame);
  EXPECT_EQ(frames->frames_in_use(), 2u);
  expect_valid();
}

TEST_P(CopyOnWrite, WhoWritesSecondKeepsTheOldFrame) {
  AddressSpace &parent = new_space();
  map(parent, 0, 1);
  store(parent, 0, 1);
  const auto frame = parent.frame_of(page_number(0));
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(child, 0, 2), FaultOutcome::copied);
  EXPECT_EQ(store(parent, 0, 3), FaultOutcome::reused);
  EXPECT_EQ(parent.frame_of(page_number(0)), frame);
  EXPECT_EQ(load(child, 0), 2);
  EXPECT_EQ(parent.counters().copied, 0u);
  EXPECT_EQ(parent.counters().reused, 1u);
}

TEST_P(CopyOnWrite, SoleSurvivorReusesWithoutACopy) {
  AddressSpace &parent = new_space();
  map(parent, 0, 2);
  store(parent, 0, 1);
  AddressSpace &child = fork(parent);
  EXPECT_EQ(load(child, 0), 1);
  end(child);
  EXPECT_EQ(store(parent, 0, 2), FaultOutcome::reused);
  EXPECT_EQ(store(parent, 0, 3), FaultOutcome::spurious);
  EXPECT_EQ(frames->frames_in_use(), 1u);

  AddressSpace &orphan = fork(parent);
  end(parent);
  EXPECT_EQ(store(orphan, 0, 4), FaultOutcome::reused);
  EXPECT_EQ(orphan.counters().copied, 0u);
  EXPECT_EQ(frames->frames_in_use(), 1u);
}

TEST_P(CopyOnWrite, AGrandchildSharesWithAll) {
  AddressSpace &parent = new_space();
  map(parent, 0, 3);
  for (u64 page = 0; page < 3; ++page)
    store(parent, page, static_cast<u8>(page));
  AddressSpace &child = fork(parent);
  store(child, 0, 100);
  AddressSpace &grandchild = fork(child);
  EXPECT_EQ(load(grandchild, 0), 100);
  EXPECT_EQ(load(grandchild, 1), 1);
  EXPECT_EQ(store(grandchild, 1, 50), FaultOutcome::copied);
  EXPECT_EQ(store(parent, 1, 60), FaultOutcome::copied);
  EXPECT_EQ(load(child, 1), 1);
  EXPECT_EQ(store(child, 1, 70), FaultOutcome::reused);
  EXPECT_EQ(store(child, 0, 80), FaultOutcome::copied);
  EXPECT_EQ(load(grandchild, 0), 100);
  EXPECT_EQ(frames->frames_in_use(), 3u + 1 + 2 + 1);
  expect_valid();
}

TEST_P(CopyOnWrite, AForkTakesWriteTranslationsAway) {
  AddressSpace &parent = new_space();
  RecordingObserver observer;
  parent.set_observer(&observer);
  map(parent, 0, 2);
  store(parent, 0, 1);
  observer.forget();
  AddressSpace &child = fork(parent);
  EXPECT_TRUE(observer.was_told(page_number(0), Change::write_protected));
  ASSERT_TRUE(parent.lookup(page_at(0)).has_value());
  EXPECT_FALSE(parent.lookup(page_at(0))->writable);
  EXPECT_FALSE(child.lookup(page_at(0))->writable);
  observer.forget();
  fork(parent);
  EXPECT_TRUE(observer.changes.empty()) << "nothing could be written since the last fork";
  parent.set_observer(nullptr);
}

TEST_P(CopyOnWrite, TheOldFrameIsStillReferencedWhenTheObserverIsTold) {
  AddressSpace &parent = new_space();
  map(parent, 0, 1);
  store(parent, 0, 1);
  AddressSpace &child = fork(parent);
  RecordingObserver observer;
  child.set_observer(&observer);
  const auto old = child.frame_of(page_number(0));
  u32 count_when_told = 0;
  observer.on_change = [&](PageRange, Change change) {
    if (change == Change::removed)
      count_when_told = frames->reference_count(*old);
  };
  store(child, 0, 2);
  EXPECT_EQ(count_when_told, 2u);
  child.set_observer(nullptr);
}

TEST_P(CopyOnWrite, AnotherReferenceThanAMappingCountsToo) { // CVE-2020-29374
  AddressSpace &parent = new_space();
  map(parent, 0, 1);
  store(parent, 0, 1);
  AddressSpace &child = fork(parent);
  const FrameNumber in_pipe = *child.frame_of(page_number(0));
  frames->add_reference(in_pipe);
  pins.push_back(in_pipe);
  ASSERT_TRUE(child.unmap(page_at(0), page_size).ok());
  expect_valid();
  EXPECT_EQ(store(parent, 0, 99), FaultOutcome::copied);
  EXPECT_EQ(std::to_integer<int>(frames->pointer(in_pipe)[0]), 1);
  pins.clear();
  frames->drop_reference(in_pipe);
}

TEST_P(CopyOnWrite, MprotectDoesNotMakeASharedFrameWritable) {
  AddressSpace &parent = new_space();
  map(parent, 0, 1);
  store(parent, 0, 1);
  ASSERT_TRUE(parent.protect(page_at(0), page_size, read_only).ok());
  AddressSpace &child = fork(parent);
  ASSERT_TRUE(child.protect(page_at(0), page_size, read_write).ok());
  EXPECT_FALSE(child.lookup(page_at(0))->writable);
  EXPECT_EQ(store(child, 0, 2), FaultOutcome::copied);
  EXPECT_EQ(load(parent, 0), 1);
  EXPECT_EQ(touch(parent, 0, Access::write), FaultOutcome::accerr);
}

TEST_P(CopyOnWrite, TheKernelsWriteBreaksSharing) { // CVE-2016-5195
  AddressSpace &parent = new_space();
  map(parent, 0, 2);
  store(parent, 0, 1);
  store(parent, 1, 1);
  AddressSpace &child = fork(parent);
  const u64 value = 0x0202020202020202;
  ASSERT_TRUE(child.write_object(page_at(0, page_size - 4), value).ok());
  EXPECT_EQ(child.counters().copied, 2u);
  EXPECT_EQ(load(parent, 1), 1);
  EXPECT_EQ(load(child, 1), 2);
  ASSERT_TRUE(child.protect(page_at(0), page_size, read_only).ok());
  fork(child);
  EXPECT_FALSE(child.write_object(page_at(0), value).ok());
  const auto bytes = std::as_bytes(std::span(&value, 1));
  ASSERT_TRUE(child.force_write(page_at(0), bytes).ok());
  EXPECT_EQ(load(child, 0), 2);
  EXPECT_EQ(load(parent, 0), 1);
}

TEST_P(CopyOnWrite, SharedAnonymousMemoryStaysShared) {
  AddressSpace &parent = new_space();
  MapRequest wanted = request(0, 2);
  wanted.shared = true;
  map(parent, wanted);
  store(parent, 0, 1);
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(child, 0, 2), FaultOutcome::spurious);
  EXPECT_EQ(load(parent, 0), 2);
  store(child, 1, 3); // first touched after the fork
  EXPECT_EQ(load(parent, 1), 3);
  EXPECT_EQ(frames->frames_in_use(), 2u);
  EXPECT_EQ(child.frame_of(page_number(1)), parent.frame_of(page_number(1)));
  expect_valid();
}

TEST_P(CopyOnWrite, ThePrivatePagesAroundASharedMappingAreNotShared) {
  AddressSpace &parent = new_space();
  map(parent, 0, 1);
  MapRequest wanted = request(1, 1);
  wanted.shared = true;
  map(parent, wanted);
  store(parent, 0, 1);
  store(parent, 1, 1);
  AddressSpace &child = fork(parent);
  EXPECT_EQ(store(child, 1, 2), FaultOutcome::spurious);
  EXPECT_EQ(store(child, 0, 2), FaultOutcome::copied);
  EXPECT_EQ(load(parent, 0), 1);
  EXPECT_EQ(load(parent, 1), 2);
}

TEST(CopyOnWriteCost, ForkWithASharedRootChangesOneCount) {
  auto frames = FrameArena::create({.limit_bytes = u64{64} << 20}).value();
  auto parent = AddressSpace::create(*frames).value();
  MapRequest wanted;
  wanted.length = u64{16} << 20;
  wanted.protection = read_write;
  wanted.populate = true;
  ASSERT_TRUE(parent->map(wanted).ok());
  const u64 nodes = frames->nodes().nodes_in_use();
  const u64 used = frames->frames_in_use();
  auto child = parent->fork(ForkMechanism::shared).value();
  EXPECT_EQ(frames->nodes().nodes_in_use(), nodes);
  EXPECT_EQ(frames->frames_in_use(), used);
  EXPECT_EQ(child->usage().page_table_own, 0u);
  const GuestAddress first =
      address_of(child->mapping_at(GuestAddress{0x7ffff7ffe000})->range.first);
  ASSERT_TRUE(child->write_object(first, u8{1}).ok());
  EXPECT_EQ(frames->nodes().nodes_in_use(), nodes + PageTable::levels);
  EXPECT_EQ(child->usage().page_table_own, PageTable::levels * sizeof(NodePool::Node));
  EXPECT_EQ(child->usage().private_dirty, page_size);
}

} // namespace
} // namespace tine::memory
