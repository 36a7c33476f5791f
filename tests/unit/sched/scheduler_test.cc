#include "base/kernel_lock.hpp"
#include "sched/host_events.hpp"
#include "sched/scheduler.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>

namespace tine::sched {
namespace {

struct FakeThread final : Schedulable {
  explicit FakeThread(Scheduler &scheduler) : scheduler_(scheduler) {}
  void woken(WaitQueue &) override {
    ++wakes;
    scheduler_.make_runnable(*this);
  }
  int wakes = 0;

private:
  Scheduler &scheduler_;
};

TEST(Scheduler, runs_threads_in_turn) {
  Scheduler scheduler;
  FakeThread a(scheduler), b(scheduler);
  scheduler.make_runnable(a);
  scheduler.make_runnable(b);
  scheduler.make_runnable(a); // already there
  EXPECT_EQ(scheduler.runnable_count(), 2U);
  EXPECT_EQ(scheduler.pick(0), &a);
  EXPECT_EQ(a.vcpu(), 0);
  scheduler.put_back(a, RunState::runnable);
  EXPECT_EQ(scheduler.pick(0), &b);
  EXPECT_EQ(scheduler.pick(1), &a);
  EXPECT_EQ(scheduler.pick(1), nullptr);
}

TEST(Scheduler, never_runs_the_dead) {
  Scheduler scheduler;
  FakeThread thread(scheduler);
  scheduler.make_runnable(thread);
  scheduler.remove(thread, RunState::dead);
  scheduler.make_runnable(thread);
  EXPECT_EQ(scheduler.pick(0), nullptr);
}

TEST(WaitQueue, wakes_in_order_and_only_as_many_as_asked) {
  Scheduler scheduler;
  FakeThread a(scheduler), b(scheduler);
  WaitQueue queue;
  a.wait_on(queue);
  b.wait_on(queue);
  EXPECT_EQ(queue.wake(1), 1U);
  EXPECT_EQ(a.wakes, 1);
  EXPECT_EQ(b.wakes, 0);
  queue.wake_all();
  EXPECT_EQ(a.wakes, 2); // waking doesn't unregister
  EXPECT_EQ(b.wakes, 1);
}

TEST(WaitQueue, forgets_targets_and_is_forgotten) {
  Scheduler scheduler;
  WaitQueue longer;
  {
    FakeThread thread(scheduler);
    WaitQueue shorter;
    thread.wait_on(longer);
    thread.wait_on(longer);
    thread.wait_on(shorter);
  }
  EXPECT_TRUE(longer.empty());
  FakeThread thread(scheduler);
  {
    WaitQueue shorter;
    thread.wait_on(shorter);
  }
  thread.leave_all();
  EXPECT_EQ(thread.wakes, 0);
}

/// As when a process closes its standard input: under ThreadSanitizer this is about what the two
/// share.
TEST(HostEvents, a_watch_may_be_forgotten_while_a_thread_waits) {
  HostEvents events;
  KernelLock lock;
  Scheduler scheduler;
  FakeThread target(scheduler);
  WaitQueue queue;
  target.wait_on(queue);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd reading(ends[0]), writing(ends[1]);
  ASSERT_EQ(::write(writing.get(), "x", 1), 1); // ready at once
  std::atomic<bool> woken{false};
  std::thread waiter([&] {
    while (!woken) {
      events.wait(-1);
      const KernelGuard guard(lock);
      events.dispatch();
    }
  });
  for (int i = 0; i < 1000; ++i) {
    KernelGuard guard(lock);
    events.watch(reading.get(), EPOLLIN, queue);
    guard.unlock();
    guard.lock();
    events.unwatch(reading.get(), queue);
    EXPECT_FALSE(events.watching());
    target.wakes = 0;
  }
  const auto has_been_woken = [&] {
    const KernelGuard guard(lock);
    return target.wakes > 0;
  };
  {
    const KernelGuard guard(lock);
    events.watch(reading.get(), EPOLLIN, queue);
  }
  while (!has_been_woken()) // for ever, if it is lost
    ::usleep(1000);
  woken = true;
  events.interrupt();
  waiter.join();
  EXPECT_FALSE(events.watching());
}

} // namespace
} // namespace tine::sched
