// The table of futex waiters: one word, several words, requeue.
#include "process/futex.hpp"
#include "unit/process/kernel_fixture.hpp"

namespace tine::process {
namespace {

class FutexTest : public KernelFixture {
protected:
  Ref<Thread> make_thread(i32 tid) {
    Ref<Thread> thread = make_ref<Thread>(kernel, Pid{tid});
    thread->process = process.get();
    return thread;
  }
  Ref<Process> process = make_ref<Process>(kernel, Pid{2});
  FutexTable &table = *kernel.futexes;
  const FutexKey first{&table, 0}, second{&table, 4}, third{&table, 8};
};

TEST_F(FutexTest, TheFirstThatCameIsTheFirstThatIsWoken) {
  const Ref<Thread> one = make_thread(3), two = make_thread(4);
  table.enqueue(*one, first, ~0U, nullptr);
  table.enqueue(*two, first, ~0U, nullptr);
  EXPECT_EQ(table.wake(first, 1, ~0U), 1U);
  EXPECT_TRUE(one->syscall_state.woken);
  EXPECT_FALSE(two->syscall_state.woken);
  EXPECT_EQ(table.wake(first, 5, ~0U), 1U);
  EXPECT_EQ(table.waiters(first), nullptr);
}

TEST_F(FutexTest, ABitsetChooses) {
  const Ref<Thread> one = make_thread(3), two = make_thread(4);
  table.enqueue(*one, first, 1, nullptr);
  table.enqueue(*two, first, 2, nullptr);
  EXPECT_EQ(table.wake(first, 5, 2), 1U);
  EXPECT_TRUE(two->syscall_state.woken);
  table.remove(*one);
}

TEST_F(FutexTest, AWaiterForSeveralWordsLeavesAllQueuesAtOnce) {
  const Ref<Thread> one = make_thread(3);
  table.enqueue_words(*one, {{first, nullptr}, {second, nullptr}, {third, nullptr}});
  EXPECT_EQ(table.wake(second, 1, ~0U), 1U);
  EXPECT_EQ(one->syscall_state.scratch[0], 1U);
  EXPECT_FALSE(one->futex_waiter.queued);
  for (const FutexKey &key : {first, second, third})
    EXPECT_EQ(table.waiters(key), nullptr);
}

TEST_F(FutexTest, TheSameWordTwiceIsWokenOnce) {
  const Ref<Thread> one = make_thread(3);
  table.enqueue_words(*one, {{first, nullptr}, {first, nullptr}});
  EXPECT_EQ(table.wake(first, 5, ~0U), 1U);
  EXPECT_EQ(table.waiters(first), nullptr);
}

TEST_F(FutexTest, RequeueKeepsTheIndexOfTheWord) {
  const Ref<Thread> one = make_thread(3), two = make_thread(4);
  table.enqueue_words(*one, {{first, nullptr}, {second, nullptr}});
  table.enqueue(*two, second, ~0U, nullptr);
  EXPECT_EQ(table.requeue(second, third, 5, nullptr), 2U);
  EXPECT_EQ(table.waiters(second), nullptr);
  EXPECT_EQ(table.wake(third, 5, ~0U), 2U);
  EXPECT_EQ(one->syscall_state.scratch[0], 1U);
  EXPECT_EQ(table.waiters(first), nullptr);
}

TEST_F(FutexTest, AThreadThatIsRemovedIsNowhere) {
  const Ref<Thread> one = make_thread(3);
  table.enqueue_words(*one, {{first, nullptr}, {second, nullptr}});
  table.remove(*one);
  EXPECT_EQ(table.wake(first, 5, ~0U) + table.wake(second, 5, ~0U), 0U);
}

} // namespace
} // namespace tine::process
