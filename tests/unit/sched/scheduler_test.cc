#include "base/kernel_lock.hpp"
#include "sched/host_events.hpp"
#include "sched/scheduler.hpp"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <sched.h>
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
  scheduler.put_back(a, RunState::runnable, slice);
  EXPECT_EQ(scheduler.pick(0), &b);
  EXPECT_EQ(scheduler.pick(1), &a);
  EXPECT_EQ(scheduler.pick(1), nullptr);
}

/// One that computes and one that has blocked after `used`, both having run before.
struct Scene {
  Scheduler scheduler;
  FakeThread computing{scheduler}, sleeper{scheduler};
  int kicks = 0;

  explicit Scene(Nanoseconds used) {
    scheduler.on_kick([this](i32) { ++kicks; });
    scheduler.make_runnable(sleeper);
    scheduler.make_runnable(computing);
    EXPECT_EQ(scheduler.pick(0), &sleeper);
    scheduler.put_back(sleeper, RunState::blocked, used);
    EXPECT_EQ(scheduler.pick(0), &computing);
  }
};

TEST(Scheduler, a_woken_thread_preempts_one_that_has_used_much_more_of_its_slice) {
  Scene scene(slice / 8);
  scene.scheduler.make_runnable(scene.sleeper);
  EXPECT_EQ(scene.kicks, 0) << "it has only started";
  EXPECT_FALSE(scene.scheduler.is_preempted(scene.computing, wakeup_granularity));
  EXPECT_TRUE(scene.scheduler.is_preempted(scene.computing, slice / 8 + wakeup_granularity));
  scene.scheduler.put_back(scene.computing, RunState::runnable, slice / 8 + wakeup_granularity);
  EXPECT_EQ(scene.scheduler.pick(0), &scene.sleeper);
  scene.scheduler.put_back(scene.sleeper, RunState::blocked, 1000);
  EXPECT_EQ(scene.scheduler.pick(0), &scene.computing);
  scene.scheduler.make_runnable(scene.sleeper);
  EXPECT_EQ(scene.kicks, 0) << "1000 ns less than the granularity";
  scene.scheduler.put_back(scene.computing, RunState::runnable, 1000);
  EXPECT_EQ(scene.scheduler.pick(0), &scene.sleeper) << "it goes first all the same";
  scene.scheduler.put_back(scene.sleeper, RunState::blocked, 0);
  EXPECT_EQ(scene.scheduler.pick(0), &scene.computing);
  scene.scheduler.make_runnable(scene.sleeper);
  EXPECT_EQ(scene.kicks, 1);
}

TEST(Scheduler, an_idle_vcpu_is_not_preempted) {
  Scheduler scheduler(2);
  int kicks = 0;
  scheduler.on_kick([&](i32) { ++kicks; });
  FakeThread computing(scheduler), sleeper(scheduler);
  scheduler.make_runnable(sleeper);
  EXPECT_EQ(scheduler.pick(0), &sleeper);
  scheduler.put_back(sleeper, RunState::blocked, 0);
  scheduler.make_runnable(computing);
  EXPECT_EQ(scheduler.pick(0), &computing);
  scheduler.put_back(computing, RunState::runnable, slice / 2);
  EXPECT_EQ(scheduler.pick(0), &computing);
  scheduler.make_runnable(sleeper);
  EXPECT_EQ(kicks, 0);
  EXPECT_EQ(scheduler.pick(1), &sleeper);
}

TEST(Scheduler, a_woken_thread_has_no_more_than_its_slice) {
  Scene scene(slice - 1000);
  scene.scheduler.make_runnable(scene.sleeper);
  EXPECT_FALSE(scene.scheduler.is_preempted(scene.computing, slice - 1));
  EXPECT_TRUE(scene.scheduler.is_preempted(scene.computing, slice));
  scene.scheduler.put_back(scene.computing, RunState::runnable, slice - 1);
  EXPECT_EQ(scene.scheduler.pick(0), &scene.sleeper);
  scene.scheduler.put_back(scene.sleeper, RunState::blocked, 1000);
  scene.scheduler.make_runnable(scene.sleeper); // to the end
  EXPECT_EQ(scene.scheduler.pick(0), &scene.computing);
}

TEST(Scheduler, one_that_slept_while_others_ran_a_slice_has_a_new_one) {
  Scene scene(slice);
  scene.scheduler.put_back(scene.computing, RunState::runnable, slice);
  scene.scheduler.make_runnable(scene.sleeper);
  EXPECT_EQ(scene.scheduler.pick(0), &scene.sleeper);
}

TEST(Scheduler, threads_that_wake_and_sleep_do_not_starve_others) {
  Scheduler scheduler;
  FakeThread computing(scheduler);
  std::array<std::unique_ptr<FakeThread>, 20> sleepers;
  for (auto &sleeper : sleepers) {
    sleeper = std::make_unique<FakeThread>(scheduler);
    scheduler.make_runnable(*sleeper);
  }
  scheduler.make_runnable(computing);
  Nanoseconds computed = 0, others = 0;
  for (int turn = 0; turn < 10000; ++turn) {
    Schedulable *thread = scheduler.pick(0);
    ASSERT_NE(thread, nullptr);
    if (thread == &computing) {
      computed += wakeup_granularity;
      scheduler.put_back(computing, RunState::runnable, wakeup_granularity);
      continue;
    }
    others += slice / 10;
    scheduler.put_back(*thread, RunState::blocked, slice / 10);
    // All others sleep for more than a slice of the rest's.
    for (auto &sleeper : sleepers)
      if (sleeper.get() != thread)
        scheduler.make_runnable(*sleeper);
  }
  EXPECT_GE(computed, others / 25) << "its share is a twentieth of theirs";
}

/// How much of `ticks` each of two threads that compute gets on one vCPU.
std::array<int, 2> shares(const Scheduling &one, const Scheduling &other, int ticks) {
  Scheduler scheduler;
  FakeThread threads[] = {FakeThread(scheduler), FakeThread(scheduler)};
  threads[0].scheduling = one;
  threads[1].scheduling = other;
  for (FakeThread &thread : threads)
    scheduler.make_runnable(thread);
  std::array<int, 2> ran{};
  for (int tick = 0; tick < ticks;) {
    Schedulable *const running = scheduler.pick(0);
    Nanoseconds time = 0;
    do {
      ++tick;
      ++ran[running == &threads[1] ? 1 : 0];
      time += tick_period;
    } while (!scheduler.is_preempted(*running, time) && tick < ticks);
    scheduler.put_back(*running, RunState::runnable, time);
  }
  return ran;
}

TEST(Scheduler, nice_values_divide_the_time) {
  const struct {
    Scheduling one, other;
    double ratio;
  } cases[] = {{{}, {}, 1},
               {{.nice = 5}, {.nice = 5}, 1},
               {{.nice = 0}, {.nice = 1}, 1.25},
               {{.nice = 0}, {.nice = 5}, 3.05},
               {{.nice = -5}, {.nice = 0}, 3.05},
               {{.nice = 0}, {.nice = 19}, 69.4},
               {{.nice = -20}, {.nice = 0}, 86.7},
               {{.nice = 0}, {.policy = SCHED_IDLE}, 341}};
  for (const auto &a : cases) {
    const auto ran = shares(a.one, a.other, 100'000);
    EXPECT_NEAR(static_cast<double>(ran[0]) / ran[1], a.ratio, a.ratio / 10)
        << int{a.one.nice} << " beside " << int{a.other.nice};
  }
}

TEST(Scheduler, who_was_alone_owes_nothing) {
  Scheduler scheduler;
  FakeThread first(scheduler), second(scheduler);
  scheduler.make_runnable(first);
  EXPECT_EQ(scheduler.pick(0), &first);
  scheduler.put_back(first, RunState::runnable, 1000 * slice);
  scheduler.make_runnable(second);
  EXPECT_EQ(scheduler.pick(0), &first);
  scheduler.put_back(first, RunState::runnable, slice);
  EXPECT_EQ(scheduler.pick(0), &second);
}

TEST(Scheduler, who_yields_queues_at_the_end) {
  Scheduler scheduler;
  FakeThread a(scheduler), b(scheduler);
  scheduler.make_runnable(a);
  scheduler.make_runnable(b);
  EXPECT_EQ(scheduler.pick(0), &a);
  scheduler.yield(a);
  scheduler.put_back(a, RunState::blocked, 0);
  EXPECT_EQ(scheduler.pick(0), &b);
  scheduler.put_back(b, RunState::blocked, 0);
  EXPECT_EQ(scheduler.pick(0), &a);
}

Scheduling first_in_first_out(i16 priority) {
  return {.policy = SCHED_FIFO, .real_time_priority = priority};
}

TEST(Scheduler, runs_higher_priorities_first) {
  Scheduler scheduler;
  FakeThread other(scheduler), low(scheduler), high(scheduler), equal(scheduler);
  scheduler.change(low, first_in_first_out(1));
  scheduler.change(high, first_in_first_out(50));
  scheduler.change(equal, first_in_first_out(50));
  for (FakeThread *thread : {&other, &low, &high, &equal})
    scheduler.make_runnable(*thread);
  EXPECT_EQ(scheduler.pick(0), &high);
  EXPECT_FALSE(scheduler.is_preempted(high, 100 * slice)); // no time slices
  EXPECT_TRUE(scheduler.has_rival(high));
  scheduler.put_back(high, RunState::runnable, 0); // to the head of its list
  EXPECT_EQ(scheduler.pick(0), &high);
  scheduler.yield(high);
  scheduler.put_back(high, RunState::blocked, 0);
  EXPECT_EQ(scheduler.pick(0), &equal);
  EXPECT_EQ(scheduler.pick(1), &high);
  EXPECT_EQ(scheduler.pick(2), &low);
  EXPECT_FALSE(scheduler.has_rival(low));
  EXPECT_EQ(scheduler.pick(3), &other);
}

TEST(Scheduler, preempts_what_ranks_lowest) {
  Scheduler scheduler(2);
  FakeThread low(scheduler), other(scheduler), high(scheduler);
  i32 kicked = -1;
  scheduler.on_kick([&](i32 vcpu) { kicked = vcpu; });
  scheduler.change(low, first_in_first_out(1));
  scheduler.change(high, first_in_first_out(2));
  scheduler.make_runnable(low);
  scheduler.make_runnable(other);
  EXPECT_EQ(scheduler.pick(0), &low);
  EXPECT_EQ(scheduler.pick(1), &other);
  EXPECT_EQ(kicked, -1);
  scheduler.make_runnable(high);
  EXPECT_EQ(kicked, 1);
  EXPECT_TRUE(scheduler.is_outranked(other));
  EXPECT_TRUE(scheduler.is_outranked(low));
  scheduler.put_back(other, RunState::runnable, 0);
  EXPECT_EQ(scheduler.pick(1), &high);
  EXPECT_FALSE(scheduler.is_preempted(low, 0));
  scheduler.change(other, first_in_first_out(3)); // while it waits
  EXPECT_EQ(kicked, 0);
  EXPECT_TRUE(scheduler.is_preempted(low, 0));
}

TEST(Scheduler, an_inherited_priority_counts_as_an_own_one) {
  Scheduler scheduler;
  FakeThread owner(scheduler), rival(scheduler), middle(scheduler);
  i32 kicked = -1;
  scheduler.on_kick([&](i32 vcpu) { kicked = vcpu; });
  scheduler.change(middle, first_in_first_out(20));
  for (FakeThread *thread : {&rival, &owner, &middle})
    scheduler.make_runnable(*thread);
  scheduler.inherit(owner, 30);
  EXPECT_EQ(owner.priority(), 30);
  EXPECT_EQ(owner.scheduling.real_time_priority, 0);
  EXPECT_EQ(scheduler.pick(0), &owner);
  EXPECT_FALSE(scheduler.is_outranked(owner));
  Scheduling nice;
  nice.nice = 5;
  scheduler.change(owner, nice); // what it inherits stays
  EXPECT_EQ(owner.priority(), 30);
  scheduler.inherit(owner, 10);
  EXPECT_EQ(kicked, 0);
  EXPECT_TRUE(scheduler.is_outranked(owner));
  scheduler.put_back(owner, RunState::runnable, 0);
  EXPECT_EQ(scheduler.pick(0), &middle);
  scheduler.put_back(middle, RunState::blocked, 0);
  EXPECT_EQ(scheduler.pick(0), &owner);
  scheduler.inherit(owner, 0);
  scheduler.put_back(owner, RunState::blocked, 0);
  EXPECT_EQ(scheduler.pick(0), &rival);
}

TEST(Scheduler, runs_a_thread_only_where_it_may) {
  Scheduler scheduler(2);
  FakeThread pinned(scheduler), free(scheduler);
  int told = 0;
  scheduler.on_runnable([&](const Schedulable &) { ++told; });
  scheduler.change(pinned, {.affinity = 2});
  scheduler.make_runnable(pinned);
  scheduler.make_runnable(free);
  EXPECT_EQ(scheduler.pick(0), &free);
  EXPECT_FALSE(scheduler.has_runnable_for(0));
  EXPECT_EQ(scheduler.pick(1), &pinned);
  EXPECT_FALSE(scheduler.is_preempted(pinned, 0));
  scheduler.change(pinned, {.affinity = 1});
  EXPECT_TRUE(scheduler.is_preempted(pinned, 0));
  EXPECT_EQ(told, 2);
  scheduler.put_back(pinned, RunState::runnable, 0);
  EXPECT_EQ(told, 3); // another vCPU may sleep
  EXPECT_EQ(scheduler.pick(1), nullptr);
}

TEST(Scheduler, lets_the_others_have_their_turn) {
  Scheduler scheduler;
  FakeThread busy(scheduler), other(scheduler);
  constexpr Nanoseconds millisecond = 1'000'000;
  scheduler.change(busy, first_in_first_out(99));
  scheduler.make_runnable(busy);
  EXPECT_EQ(scheduler.pick(0), &busy);
  scheduler.make_runnable(other);
  scheduler.tick(millisecond);
  scheduler.tick(900 * millisecond);
  EXPECT_FALSE(scheduler.is_preempted(busy, 0));
  scheduler.tick(960 * millisecond);
  EXPECT_TRUE(scheduler.is_preempted(busy, 0));
  scheduler.put_back(busy, RunState::runnable, 0);
  EXPECT_EQ(scheduler.pick(0), &other);
  scheduler.tick(980 * millisecond);
  EXPECT_FALSE(scheduler.is_preempted(other, 0));
  scheduler.tick(1011 * millisecond);
  EXPECT_TRUE(scheduler.is_preempted(other, 0));
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
