// The parts alone: the arena, the kernel's access, IoBuffer.
#include "memory_fixture.hpp"

#include "memory/io_buffer.hpp"

#include <cstring>
#include <sys/mman.h>

namespace tine::memory {
namespace {

using Arena = MemoryTest;

TEST_F(Arena, NeighboursFollowEachOtherAndFreedFramesReadZero) {
  const FrameNumber first = frames->allocate_zeroed().value();
  const FrameNumber second = frames->allocate_zeroed().value();
  EXPECT_EQ(second.value, first.value + 1);
  std::memset(frames->pointer(second), 0xff, page_size);
  frames->drop_reference(second);
  const FrameNumber again = frames->allocate_zeroed().value();
  EXPECT_EQ(again, second);
  EXPECT_EQ(std::to_integer<int>(frames->pointer(again)[4095]), 0);
  const FrameNumber run = frames->allocate_run_zeroed(200).value(); // crosses a step of 64 frames
  for (u32 i = 0; i < 200; ++i) {
    EXPECT_EQ(frames->reference_count({run.value + i}), 1u);
    frames->drop_reference({run.value + i});
  }
  frames->drop_reference(first);
  frames->drop_reference(again);
}

TEST_F(Arena, AFrameThatIsWantedIsTakenIfItIsFree) {
  const FrameNumber first = frames->allocate_zeroed().value();
  // Ahead among those that were never used: what is passed over comes last, and reads zero.
  const FrameNumber ahead = frames->allocate_near({first.value + 4}, true).value();
  EXPECT_EQ(ahead.value, first.value + 4);
  const FrameNumber between = frames->allocate_near({first.value + 2}, true).value();
  EXPECT_EQ(between.value, first.value + 2);
  std::memset(frames->pointer(between), 0xff, page_size);
  frames->drop_reference(between);
  const FrameNumber again = frames->allocate_near(between, true).value();
  EXPECT_EQ(again, between);
  EXPECT_EQ(std::to_integer<int>(frames->pointer(again)[0]), 0);
  // Taken, far ahead, not there at all: any other.
  std::vector<FrameNumber> all{first, ahead, again};
  for (const u32 wanted : {first.value, first.value + 40, ~u32{0}, 0U}) {
    all.push_back(frames->allocate_near({wanted}, false).value());
    EXPECT_NE(all.back().value, wanted);
  }
  for (const FrameNumber frame : all) {
    EXPECT_EQ(frames->reference_count(frame), 1u) << "handed out twice";
    frames->drop_reference(frame);
  }
  EXPECT_EQ(frames->frames_in_use(), 0u);
}

TEST_F(Arena, TrimGivesFreeChunksBackAndTheyReadZeroAfterwards) {
  const FrameNumber run = frames->allocate_run_zeroed(1024).value();
  for (u32 i = 0; i < 1024; ++i)
    std::memset(frames->pointer({run.value + i}), 0xee, page_size);
  const u64 full = frames->host_bytes();
  for (u32 i = 0; i < 1024; ++i)
    frames->drop_reference({run.value + i});
  EXPECT_EQ(frames->host_bytes(), full);
  frames->trim();
  EXPECT_LE(frames->host_bytes(), full - 15 * 64 * page_size);
  frames->trim();
  std::vector<FrameNumber> all;
  for (u32 i = 0; i < 1500; ++i) {
    all.push_back(frames->allocate_zeroed().value());
    EXPECT_EQ(std::to_integer<int>(frames->pointer(all.back())[7]), 0);
    *frames->pointer(all.back()) = std::byte{1};
  }
  for (const FrameNumber frame : all) {
    EXPECT_EQ(frames->reference_count(frame), 1u) << "handed out twice";
    frames->drop_reference(frame);
  }
}

TEST_F(Arena, WhatStaysUnusedGoesBackToTheHostAndAReserveStays) {
  const u64 before = frames->host_bytes();
  const u32 count = (u64{64} << 20) / page_size;
  const FrameNumber run = frames->allocate_run_zeroed(count).value();
  frames->trim_unused();
  const u64 full = frames->host_bytes();
  EXPECT_GE(full, before + (u64{64} << 20));
  for (u32 i = 0; i < count; ++i)
    frames->drop_reference({run.value + i});
  EXPECT_TRUE(frames->may_trim());
  frames->trim_unused();
  EXPECT_EQ(frames->host_bytes(), full) << "it was in use since the last call";
  for (int i = 0; i < 100 && frames->may_trim(); ++i)
    frames->trim_unused();
  EXPECT_FALSE(frames->may_trim());
  EXPECT_LE(frames->host_bytes(), before + (u64{33} << 20));
  EXPECT_GE(frames->host_bytes(), u64{32} << 20) << "for the next program";
  EXPECT_EQ(frames->wholly_free_bytes(), u64{32} << 20);
}

TEST_F(Arena, ReferencesOfARunAreCountedAsOneByOne) {
  const FrameNumber run = frames->allocate_run_zeroed(70).value();
  frames->add_reference({run.value + 3});
  frames->add_references(run, 70);
  for (u32 i = 0; i < 70; ++i)
    EXPECT_EQ(frames->reference_count({run.value + i}), i == 3 ? 3u : 2u);
  frames->drop_references(run, 70);
  frames->drop_references(run, 70);
  EXPECT_EQ(frames->frames_in_use(), 1u);
  frames->drop_reference({run.value + 3});
  const FrameNumber again = frames->allocate().value();
  EXPECT_EQ(again.value, run.value + 3) << "what was freed last comes first";
  frames->drop_reference(again);
}

TEST_F(Arena, TheZeroFrameIsNeverWritableNorFreed) {
  const u32 count = frames->reference_count(FrameArena::zero_frame);
  frames->add_reference(FrameArena::zero_frame);
  frames->drop_reference(FrameArena::zero_frame);
  frames->drop_reference(FrameArena::zero_frame);
  EXPECT_EQ(frames->reference_count(FrameArena::zero_frame), count);
  EXPECT_FALSE(frames->is_writable_by_sole_owner(FrameArena::zero_frame));
}

using KernelAccess = MemoryTest;

TEST_F(KernelAccess, CopiesUpToTheBadPage) {
  AddressSpace &space = new_space();
  map(space, 0, 2);
  std::vector<std::byte> bytes(3 * page_size, std::byte{7});
  EXPECT_EQ(space.write(page_at(0), bytes).error(), Errno{EFAULT});
  EXPECT_EQ(load(space, 1), 7) << "what comes before may be written";
  bytes.resize(page_size + 100);
  EXPECT_TRUE(space.write(page_at(0, 50), bytes).ok());
  std::vector<std::byte> back(page_size + 100);
  EXPECT_TRUE(space.read(page_at(0, 50), back).ok());
  EXPECT_EQ(back, bytes);
  for (const u64 wild :
       {u64{0}, ~u64{0}, ~u64{0} - 3, user_address_limit, u64{1} << 47, u64{1} << 63})
    EXPECT_EQ(space.read_object<u64>(GuestAddress{wild}).error(), Errno{EFAULT}) << wild;
  EXPECT_EQ(space.window(page_at(1), ~u64{0}, Access::read).error(), Errno{EFAULT});
}

TEST_F(KernelAccess, ReadsStringsToTheEndOfMemory) {
  AddressSpace &space = new_space();
  map(space, 0, 1);
  const std::string text = "hello";
  ASSERT_TRUE(
      space.write(page_at(0, page_size - 6), std::as_bytes(std::span(text.c_str(), 6))).ok());
  EXPECT_EQ(space.read_string(page_at(0, page_size - 6), 100).value(), "hello");
  EXPECT_EQ(space.read_string(page_at(0, page_size - 6), 5).error(), Errno{ENAMETOOLONG});
  EXPECT_EQ(space.read_string(page_at(0, page_size - 6), 6).value(), "hello");
  ASSERT_TRUE(space.write_object(page_at(0, page_size - 1), 'x').ok());
  EXPECT_EQ(space.read_string(page_at(0, page_size - 6), 100).error(), Errno{EFAULT});
}

TEST_F(KernelAccess, ForceIgnoresProtectionButNotSharing) {
  AddressSpace &space = new_space();
  map(space, 0, 1, no_rights);
  const std::byte value{9};
  ASSERT_TRUE(space.force_write(page_at(0), {&value, 1}).ok());
  std::byte back{};
  EXPECT_FALSE(space.read(page_at(0), {&back, 1}).ok());
  ASSERT_TRUE(space.force_read(page_at(0), {&back, 1}).ok());
  EXPECT_EQ(back, value);
  const auto object = new_object(1);
  map(space, object_request(5, 1, read_only, object, true));
  EXPECT_EQ(space.force_write(page_at(5), {&value, 1}).error(), Errno{EFAULT});
}

using Io = MemoryTest;

TEST_F(Io, GoesThroughItsRangesAndStopsAtAFault) {
  AddressSpace &space = new_space();
  map(space, 0, 2);
  map(space, 5, 1, read_only);
  IoBuffer buffer(space,
                  {{page_at(0, 4090), 10}, {page_at(1), 0}, {page_at(1, 100), 5}, {page_at(5), 3}});
  EXPECT_EQ(buffer.remaining(), 18u);
  const std::string text = "0123456789abcdefgh";
  EXPECT_EQ(buffer.copy_out(std::as_bytes(std::span(text))).value(), 15u);
  EXPECT_EQ(buffer.transferred(), 15u);
  EXPECT_EQ(buffer.copy_out(std::as_bytes(std::span(text))).error(), Errno{EFAULT});
  EXPECT_EQ(space.read_object<char>(page_at(1)).value(), '6');
  EXPECT_EQ(space.read_object<char>(page_at(1, 104)).value(), 'e');

  IoBuffer source(space, page_at(0, 4090), 10);
  source.truncate(8);
  std::vector<std::byte> bytes(100);
  EXPECT_EQ(source.copy_in(bytes).value(), 8u);
  EXPECT_EQ(std::memcmp(bytes.data(), "01234567", 8), 0);
  EXPECT_EQ(source.copy_in(bytes).value(), 0u);
}

TEST_F(Io, WorksOnTheKernelsOwnMemory) {
  std::vector<std::byte> memory(10, std::byte{1});
  IoBuffer buffer{std::span<std::byte>(memory)};
  EXPECT_EQ(buffer.fill_zero(4).value(), 4u);
  EXPECT_EQ(buffer.window(Access::write, 3).value().size(), 3u);
  buffer.advance(6);
  EXPECT_EQ(buffer.remaining(), 0u);
  EXPECT_EQ(std::to_integer<int>(memory[3]), 0);
  EXPECT_EQ(std::to_integer<int>(memory[4]), 1);
}

} // namespace
} // namespace tine::memory
