// What a vCPU thread does: pick, run, act on why the guest came back.
#include "box/runtime.hpp"

#include "base/log.hpp"
#include "process/accounting.hpp"
#include "process/lifecycle.hpp"
#include "process/process.hpp"
#include "process/ptrace.hpp"
#include "process/rseq.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <csignal>
#include <emmintrin.h>

namespace tine::box {

using process::Thread;
using sched::RunState;
using syscall::Next;

namespace {

/// How often an idle vCPU looks for work before it sleeps (some 20 µs): waking a host thread costs
/// more. Ten times as often while work comes soon, as KVM's halt polling: who serves forks or
/// requests one after the other would pay for two wake-ups each.
constexpr int idle_spins = 400, longer_idle_spins = 10 * idle_spins;
/// After so many looks (some 3 µs) whoever waits for the host's core has it first: a box that
/// computes, or who pauses it.
constexpr int spins_before_yield = 64;
constexpr Nanoseconds short_idle_time = 400'000;
/// How long pause() spins before it lets others run: a vCPU leaves a block in less.
constexpr int pause_spins = 1000;

RunState run_state_after(Next next) {
  switch (next) {
  case Next::guest:
    return RunState::runnable;
  case Next::blocked:
    return RunState::blocked;
  case Next::stopped:
    return RunState::stopped;
  case Next::exited:
    return RunState::dead;
  }
  return RunState::dead;
}

/// One instruction under the thread's debug registers.
template <typename Enter> cpu::Exit watched_step(Thread &thread, const Enter &enter) {
  process::WatchedStep step(thread);
  if (const std::optional<cpu::Exit> hit = step.start())
    return *hit;
  return step.finish(enter());
}

} // namespace

/// The first vCPU is there at once. The others are made when the first has more than it can do:
/// that takes longer than many a program runs.
bool Runtime::wait_for_first_work(u32 index) {
  KernelGuard guard(lock_);
  if (index == 0)
    return true;
  ++idle_vcpus_;
  ++sleeping_vcpus_;
  while (!stopping_.load(std::memory_order_relaxed)) {
    work_.wait(guard);
    if (scheduler_.has_runnable_for(static_cast<i32>(index)))
      break;
  }
  --sleeping_vcpus_;
  --idle_vcpus_;
  return !stopping_.load(std::memory_order_relaxed);
}

void Runtime::vcpu_main(u32 index) {
  if (!wait_for_first_work(index))
    return;
  // It takes the kernel lock itself.
  std::unique_ptr<cpu::Vcpu> made = cpu::Vcpu::create(*machine_, index);
  KernelGuard guard(lock_);
  Vcpu &vcpu = vcpus_[index];
  vcpu.cpu = std::move(made);
  while (!stopping_.load(std::memory_order_relaxed)) {
    auto *picked = static_cast<Thread *>(scheduler_.pick(static_cast<i32>(index)));
    has_work_.store(scheduler_.has_runnable(), std::memory_order_relaxed);
    if (picked == nullptr) {
      sleep_idle(guard, index);
      continue;
    }
    // Both may be dropped by their owners while the thread exits.
    const Ref<Thread> thread(picked);
    const Ref<process::Process> process(thread->process);
    if (thread->kernel.frozen) {
      thread->kernel.parked.push_back(thread->tid);
      scheduler_.put_back(*thread, RunState::blocked, 0);
      continue;
    }
    if (paused_.load(std::memory_order_relaxed) == &thread->kernel) {
      scheduler_.put_back(*thread, RunState::runnable, 0);
      wait_while_paused(guard, thread->kernel);
      continue;
    }
    vcpu.box.store(&thread->kernel, std::memory_order_relaxed);
    ++thread->kernel.counters.context_switches;
    vcpu.slice_start = time::TimerQueue::now();
    thread->on_cpu_since = vcpu.slice_start;
    vcpu.running = thread.get();
    const Next next = run_thread(guard, vcpu, *thread);
    account(vcpu, *thread, *process);
    const Nanoseconds ran = thread->on_cpu_since - vcpu.slice_start;
    thread->on_cpu_since = 0;
    vcpu.slice_start = 0;
    vcpu.running = nullptr;
    process::account_switch(*thread, *process, next != Next::guest);
    scheduler_.put_back(*thread, run_state_after(next), ran);
    if (process->stop_pending)
      process::finish_stop(*process);
    vcpu.box.store(nullptr, std::memory_order_release);
    // Who waits for the box waits for its main process alone: a wake-up costs more than a fork.
    const bool is_main = process->pid == thread->kernel.main_pid;
    if (((next == Next::exited || next == Next::stopped) && is_main) || thread->kernel.frozen)
      progress_.notify_all();
  }
}

Next Runtime::run_thread(KernelGuard &guard, Vcpu &vcpu, Thread &thread) {
  process::store_child_tid(thread);
  process::resume_rseq(thread);
  Next next = syscall::resume_thread(thread);
  while (next == Next::guest && !stopping_.load(std::memory_order_relaxed) &&
         paused_.load(std::memory_order_relaxed) != &thread.kernel) {
    memory::AddressSpace &space = *thread.memory;
    const auto enter = [&] {
      guard.unlock();
      vcpu.in_guest.store(true, std::memory_order_relaxed);
      const cpu::Exit exit = vcpu.cpu->run(thread.cpu, space);
      vcpu.in_guest.store(false, std::memory_order_relaxed);
      guard.lock();
      return exit;
    };
    const cpu::Exit exit = process::has_breakpoints(thread) ? watched_step(thread, enter) : enter();
    // Also when the slice isn't over: the timers of CPU time are looked at here.
    if (exit.reason == cpu::ExitReason::preempted)
      account(vcpu, thread, *thread.process);
    next = act_on(exit, thread);
    if (host_.frames.over_limit()) [[unlikely]]
      relieve_memory(thread.kernel);
    if (next != Next::guest)
      break;
    if (scheduler_.is_outranked(thread))
      break;
    if (exit.reason == cpu::ExitReason::system_call || !scheduler_.has_runnable())
      continue;
    if (exit.out_of_memory)
      scheduler_.yield(thread);
    if (exit.out_of_memory ||
        scheduler_.is_preempted(thread, time::TimerQueue::now() - vcpu.slice_start))
      break;
  }
  return next;
}

Next Runtime::act_on(const cpu::Exit &exit, Thread &thread) {
  switch (exit.reason) {
  case cpu::ExitReason::system_call:
    return syscall::start_system_call(thread);
  case cpu::ExitReason::signal:
    if (exit.out_of_memory)
      relieve_memory(thread.kernel);
    else
      process::raise_fault(thread, exit);
    return syscall::deliver_pending_signals(thread);
  case cpu::ExitReason::preempted:
    return syscall::deliver_pending_signals(thread);
  }
  return Next::guest;
}

/// All time on the vCPU counts; how much of it was the kernel's comes from the tick's samples.
void Runtime::account(Vcpu &vcpu, Thread &thread, process::Process &process) {
  const Nanoseconds now = time::TimerQueue::now();
  const Nanoseconds total = now - thread.on_cpu_since;
  thread.on_cpu_since = now;
  const Nanoseconds system = vcpu.ticks == 0 ? 0 : total * vcpu.kernel_ticks / vcpu.ticks;
  process::account_time(thread, process, total - system, system);
  vcpu.ticks = vcpu.kernel_ticks = 0;
}

/// The pause is over as soon as the other side has the lock: a matter of microseconds.
void Runtime::wait_while_paused(KernelGuard &guard, const process::Kernel &kernel) {
  guard.unlock();
  for (int i = 1; paused_.load(std::memory_order_relaxed) == &kernel; ++i)
    if (i % spins_before_yield == 0)
      std::this_thread::yield();
    else
      _mm_pause();
  guard.lock();
}

bool Runtime::runs(const process::Kernel &kernel) const {
  return std::any_of(vcpus_.begin(), vcpus_.end(), [&](const Vcpu &vcpu) {
    return vcpu.box.load(std::memory_order_acquire) == &kernel;
  });
}

KernelGuard Runtime::pause(const process::Kernel &kernel) {
  const std::lock_guard one_at_a_time(pausing_);
  KernelGuard guard(lock_);
  if (!runs(kernel))
    return guard;
  paused_.store(&kernel);
  for (const Vcpu &vcpu : vcpus_)
    if (vcpu.box.load(std::memory_order_relaxed) == &kernel)
      vcpu.cpu->request_exit();
  while (runs(kernel)) {
    guard.unlock();
    for (int i = 0; runs(kernel); ++i)
      if (i < pause_spins)
        _mm_pause();
      else
        std::this_thread::yield();
    guard.lock();
  }
  // With the lock held nothing starts.
  paused_.store(nullptr);
  return guard;
}

void Runtime::sleep_idle(KernelGuard &guard, u32 index) {
  last_idle_start_ = time::TimerQueue::now();
  const bool spins_longer = work_comes_soon_ && !is_spinning_longer_;
  if (spins_longer)
    is_spinning_longer_ = true;
  ++idle_vcpus_;
  guard.unlock();
  for (int i = spins_longer ? longer_idle_spins : idle_spins;
       i > 0 && !has_work_.load(std::memory_order_relaxed); --i)
    if (i % spins_before_yield == 0)
      std::this_thread::yield();
    else
      _mm_pause();
  guard.lock();
  if (spins_longer)
    is_spinning_longer_ = false;
  if (!scheduler_.has_runnable_for(static_cast<i32>(index)) &&
      !stopping_.load(std::memory_order_relaxed)) {
    ++sleeping_vcpus_;
    work_.wait(guard);
    --sleeping_vcpus_;
  }
  --idle_vcpus_;
  work_comes_soon_ = time::TimerQueue::now() - last_idle_start_ < short_idle_time;
}

/// The box's OOM killer: the process that owns most goes, unless one is on its way out already.
/// "The value of oom_score_adj is added to the badness score", in thousandths of all memory; -1000
/// "disables OOM-killing entirely for that task" (proc(5)).
void Runtime::relieve_memory(process::Kernel &kernel) {
  const auto thousandth = static_cast<i64>(host_.frames.limit_bytes() / 1000);
  process::Process *largest = nullptr;
  u64 largest_size = 0;
  i64 highest_score = 0;
  const auto has_memory = [](const process::Process &process) {
    return !process.is_zombie() && process.leader()->memory;
  };
  for (const auto &[pid, process] : kernel.processes())
    if (has_memory(*process) && (process->exiting || process->pending.set().contains(SIGKILL)))
      return;
  for (const auto &[pid, process] : kernel.processes()) {
    if (!has_memory(*process) || process->oom_score_adjustment == -1000)
      continue;
    const memory::MemoryUsage usage = process->leader()->memory->usage();
    const u64 size = usage.private_clean + usage.private_dirty;
    const i64 score = static_cast<i64>(size) + process->oom_score_adjustment * thousandth;
    if (largest == nullptr || score >= highest_score) {
      largest = process.get();
      largest_size = size;
      highest_score = score;
    }
  }
  if (largest == nullptr)
    return;
  log::error("out of memory: killed process {} ({}), which owns {} MiB", largest->pid.value,
             largest->leader()->name, largest_size >> 20);
  process::send_signal(*largest, process::kernel_signal(SIGKILL));
}

} // namespace tine::box
