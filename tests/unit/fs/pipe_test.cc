// Pipes, locks, epoll, the line discipline: what needs no process.
#include "fs/epoll.hpp"
#include "fs/event_files.hpp"
#include "fs/fd_table.hpp"
#include "fs/locks.hpp"
#include "fs/pipe.hpp"
#include "fs/terminal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

namespace tine::fs {
namespace {

Result<u64> put(File &file, std::string_view text) {
  memory::IoBuffer buffer(std::as_bytes(std::span(text)));
  return file.write(buffer);
}

Result<std::string> get(File &file, std::size_t limit) {
  std::string text(limit, '\0');
  memory::IoBuffer buffer(std::as_writable_bytes(std::span(text)));
  text.resize(TINE_TRY(file.read(buffer)));
  return text;
}

TEST(Pipe, KeepsBytesInOrderAcrossItsEnd) {
  PipeEnds ends = make_pipe(0);
  std::string sent, received;
  for (int round = 0; round < 200; ++round) {
    const std::string piece(static_cast<std::size_t>(1 + round * 37 % 3000),
                            static_cast<char>('a' + round % 26));
    ASSERT_EQ(*put(*ends.writer, piece), piece.size());
    sent += piece;
    received += *get(*ends.reader, piece.size());
  }
  EXPECT_EQ(sent, received);
}

TEST(Pipe, SmallWritesAreWholeOrNotAtAll) {
  PipeEnds ends = make_pipe(0);
  ASSERT_EQ(*put(*ends.writer, std::string(65536 - 100, 'x')), 65436U);
  EXPECT_EQ(put(*ends.writer, std::string(4096, 'y')).error(), Errno{EAGAIN});
  EXPECT_EQ(*put(*ends.writer, std::string(100, 'z')), 100U);
  EXPECT_EQ(put(*ends.writer, "z").error(), Errno{EAGAIN});
  EXPECT_EQ(ends.writer->poll() & POLLOUT, 0U);
}

TEST(Pipe, EndsAreTold) {
  PipeEnds ends = make_pipe(0);
  EXPECT_EQ(get(*ends.reader, 1).error(), Errno{EAGAIN});
  ASSERT_TRUE(put(*ends.writer, "ab").ok());
  ends.writer = nullptr;
  EXPECT_EQ(ends.reader->poll() & (POLLIN | POLLHUP), static_cast<u32>(POLLIN | POLLHUP));
  EXPECT_EQ(*get(*ends.reader, 10), "ab");
  EXPECT_EQ(*get(*ends.reader, 10), "");
  PipeEnds other = make_pipe(0);
  other.reader = nullptr;
  EXPECT_EQ(put(*other.writer, "x").error(), Errno{EPIPE});
  EXPECT_NE(other.writer->poll() & POLLERR, 0U);
}

TEST(Pipe, CapacityIsAPowerOfTwoAndNeverLosesBytes) {
  const Ref<Pipe> pipe = make_ref<Pipe>();
  const PipeFile reader(pipe, O_RDONLY, {});
  const std::string text(6000, 'q');
  memory::IoBuffer buffer(std::as_bytes(std::span(text)));
  ASSERT_EQ(*pipe->write(buffer), 6000U);
  EXPECT_EQ(pipe->set_capacity(4096).error(), Errno{EBUSY});
  EXPECT_EQ(*pipe->set_capacity(5000 + 4096), 16384U);
  EXPECT_EQ(pipe->used(), 6000U);
  EXPECT_EQ(pipe->set_capacity(u64{2} << 20).error(), Errno{EPERM});
}

TEST(Locks, ConflictSplitAndMerge) {
  LockList locks;
  const int a = 0, b = 0;
  ASSERT_TRUE(locks.lock({&a, Pid{1}, true, {0, 99}}).ok());
  EXPECT_EQ(locks.lock({&b, Pid{2}, false, {50, 60}}).error(), Errno{EAGAIN});
  locks.unlock(&a, {40, 70});
  EXPECT_EQ(locks.held().size(), 2U);
  ASSERT_TRUE(locks.lock({&b, Pid{2}, false, {50, 60}}).ok());
  EXPECT_EQ(locks.conflict({&a, Pid{1}, true, {0, ~u64{0}}})->pid, Pid{2});
  locks.unlock(&b, {});
  ASSERT_TRUE(locks.lock({&a, Pid{1}, true, {40, 70}}).ok());
  EXPECT_EQ(locks.held().size(), 1U) << "neighbours merge";
}

TEST(Locks, ACircleOfWaitersIsRefused) {
  LockList locks;
  const int a = 0, b = 0;
  ASSERT_TRUE(locks.lock({&a, Pid{1}, true, {0, 0}}).ok());
  ASSERT_TRUE(locks.lock({&b, Pid{2}, true, {1, 1}}).ok());
  const LockRequest a_wants{&a, Pid{1}, true, {1, 1}};
  ASSERT_TRUE(locks.may_wait(a_wants).ok());
  LockList::note_waiting(&a, &b);
  EXPECT_EQ(locks.may_wait({&b, Pid{2}, true, {0, 0}}).error(), Errno{EDEADLK});
  LockList::note_waiting(&a, nullptr);
  EXPECT_TRUE(locks.may_wait({&b, Pid{2}, true, {0, 0}}).ok());
}

TEST(FdTable, LowestNumberAndSharedUntilChanged) {
  const Ref<FdTable> table = make_ref<FdTable>();
  PipeEnds ends = make_pipe(0);
  EXPECT_EQ(*table->install(ends.reader, false, 0, 10), 0);
  EXPECT_EQ(*table->install(ends.writer, true, 0, 10), 1);
  const Ref<FdTable> child = table->clone();
  ASSERT_TRUE(child->close(0).ok());
  EXPECT_TRUE(table->get(0).ok());
  EXPECT_EQ(child->get(0).error(), Errno{EBADF});
  child->close_on_exec();
  EXPECT_EQ(child->open_descriptors().size(), 0U);
  EXPECT_EQ(table->install(ends.reader, false, 10, 10).error(), Errno{EMFILE});
  EXPECT_EQ(table->close(-1).error(), Errno{EBADF});
}

TEST(Epoll, LevelEdgeAndOneShot) {
  EpollFile epoll;
  PipeEnds level = make_pipe(0), edge = make_pipe(0), once = make_pipe(0);
  const auto event = [](u32 events, u64 data) {
    epoll_event result{};
    result.events = events;
    result.data.u64 = data;
    return result;
  };
  ASSERT_TRUE(epoll.add(*level.reader, 3, event(EPOLLIN, 1)).ok());
  ASSERT_TRUE(epoll.add(*edge.reader, 4, event(EPOLLIN | EPOLLET, 2)).ok());
  ASSERT_TRUE(epoll.add(*once.reader, 5, event(EPOLLIN | EPOLLONESHOT, 3)).ok());
  EXPECT_EQ(epoll.add(*once.reader, 5, event(EPOLLIN, 3)).error(), Errno{EEXIST});
  EXPECT_TRUE(epoll.take_ready(10).empty());
  for (PipeEnds *ends : {&level, &edge, &once})
    ASSERT_TRUE(put(*ends->writer, "x").ok());
  EXPECT_EQ(epoll.take_ready(10).size(), 3U);
  EXPECT_EQ(epoll.take_ready(10).size(), 1U) << "only the level-triggered one is told again";
  ASSERT_TRUE(put(*edge.writer, "x").ok());
  ASSERT_TRUE(put(*once.writer, "x").ok());
  EXPECT_EQ(epoll.take_ready(10).size(), 2U);
  ASSERT_TRUE(epoll.modify(*once.reader, 5, event(EPOLLIN | EPOLLONESHOT, 3)).ok());
  level.reader = nullptr; // closing removes it
  EXPECT_EQ(epoll.take_ready(10).size(), 1U);
}

TEST(EventFile, CountsAndSemaphores) {
  EventFile counter(3, 0, false), semaphore(2, 0, true);
  u64 value = 0;
  memory::IoBuffer buffer(std::as_writable_bytes(std::span(&value, 1)));
  EXPECT_EQ(*counter.read(buffer), 8U);
  EXPECT_EQ(value, 3U);
  memory::IoBuffer again(std::as_writable_bytes(std::span(&value, 1)));
  EXPECT_EQ(counter.read(again).error(), Errno{EAGAIN});
  EXPECT_EQ(*semaphore.read(again), 8U);
  EXPECT_EQ(value, 1U);
  EXPECT_EQ(semaphore.count(), 1U);
  const u64 too_large = ~u64{0};
  memory::IoBuffer from(std::as_bytes(std::span(&too_large, 1)));
  EXPECT_EQ(counter.write(from).error(), Errno{EINVAL});
}

class PtyTest : public testing::Test {
protected:
  void type(std::string_view text) {
    memory::IoBuffer buffer(std::as_bytes(std::span(text)));
    ASSERT_EQ(*pty_->master_write(buffer), text.size());
  }
  Result<std::string> slave_read() {
    std::string text(100, '\0');
    memory::IoBuffer buffer(std::as_writable_bytes(std::span(text)));
    text.resize(TINE_TRY(pty_->slave_read(buffer)));
    return text;
  }
  std::string echoed() {
    std::string text(100, '\0');
    memory::IoBuffer buffer(std::as_writable_bytes(std::span(text)));
    const Result<u64> count = pty_->master_read(buffer);
    text.resize(count ? *count : 0);
    return text;
  }
  void SetUp() override { pty_->master_count = pty_->slave_count = 1; }
  Ref<Pty> pty_ = make_ref<Pty>(0U);
};

TEST_F(PtyTest, LinesAreEditedAndEchoed) {
  type("hellx\177o");
  EXPECT_EQ(slave_read().error(), Errno{EAGAIN});
  type("\r");
  EXPECT_EQ(*slave_read(), "hello\n");
  EXPECT_EQ(echoed(), "hellx\b \bo\r\n");
}

TEST_F(PtyTest, ControlDIsTheEndOfTheFile) {
  type("ab\004");
  EXPECT_EQ(*slave_read(), "ab");
  type("\004");
  EXPECT_EQ(*slave_read(), "");
}

TEST_F(PtyTest, ControlCSignalsTheForeground) {
  static int sent = 0;
  pty_->owner.foreground = Pid{7};
  pty_->signal_group = [](void *, Pid group, int signal) { sent = group.value * 100 + signal; };
  type("abc\003");
  EXPECT_EQ(sent, 702);
  type("d\n");
  EXPECT_EQ(*slave_read(), "d\n");
}

} // namespace
} // namespace tine::fs
