// Interval timers, POSIX timers, and the time that was used.
#include "process/lifecycle.hpp"
#include "process/timers.hpp"
#include "syscall/cpu_clocks.hpp"
#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include <csignal>

namespace tine::syscall {

using process::PosixTimer;
using process::TimerSetting;

namespace {

itimerval itimerval_of(TimerSetting setting) {
  // A timer that is about to expire still has a microsecond: zero means disarmed.
  const Nanoseconds shown =
      setting.remaining == 0 ? 0 : std::max(Nanoseconds{1000}, setting.remaining);
  return {timeval_of(setting.interval), timeval_of(shown)};
}

struct GuestTimerSpec {
  timespec interval, value;
};

/// struct sigevent as the kernel reads it.
struct GuestSigevent {
  u64 value;
  i32 signal, notify, thread;
  i32 padding[11];
};
static_assert(sizeof(GuestSigevent) == 64);

process::ResourceUsage usage_of(const process::Process &process) {
  process::ResourceUsage usage = process.usage;
  usage.user_time = process::user_time(process);
  if (!process.is_zombie()) {
    const memory::FaultCounters &faults = process.leader()->memory->counters();
    usage.minor_faults += faults.minor_faults();
    usage.major_faults += faults.major;
  }
  return usage;
}

} // namespace

SyscallResult sys_alarm(Call &call, u32 seconds) {
  if (seconds == 0 && !call.process.timers)
    return 0;
  const TimerSetting old =
      process::timers_of(call.process)
          .set_interval_timer(ITIMER_REAL, {Nanoseconds{seconds} * 1'000'000'000, 0});
  // alarm(2) rounds to whole seconds, a remainder of less than one up.
  const Nanoseconds rounded = (old.remaining + 500'000'000) / 1'000'000'000;
  return u64(old.remaining != 0 && rounded == 0 ? 1 : rounded);
}

SyscallResult sys_setitimer(Call &call, int which, GuestAddress value, GuestAddress old_value) {
  if (which < ITIMER_REAL || which > ITIMER_PROF)
    return Errno{EINVAL};
  TimerSetting setting;
  if (!value.is_null()) {
    const auto given = TINE_TRY(call.memory.read_object<itimerval>(value));
    setting = {TINE_TRY(nanoseconds_of(given.it_value)),
               TINE_TRY(nanoseconds_of(given.it_interval))};
  }
  const TimerSetting old = process::timers_of(call.process).set_interval_timer(which, setting);
  if (!old_value.is_null())
    TINE_TRY(call.memory.write_object(old_value, itimerval_of(old)));
  return 0;
}

SyscallResult sys_getitimer(Call &call, int which, GuestAddress value) {
  if (which < ITIMER_REAL || which > ITIMER_PROF)
    return Errno{EINVAL};
  const TimerSetting setting =
      call.process.timers ? call.process.timers->interval_timer(which) : TimerSetting{};
  return call.memory.write_object(value, itimerval_of(setting));
}

SyscallResult sys_timer_create(Call &call, int clock, GuestAddress event_address,
                               GuestAddress id_address) {
  switch (clock) {
  case CLOCK_REALTIME:
  case CLOCK_MONOTONIC:
  case CLOCK_BOOTTIME:
  case CLOCK_TAI:
  case CLOCK_PROCESS_CPUTIME_ID:
  case CLOCK_THREAD_CPUTIME_ID:
    break;
  case CLOCK_MONOTONIC_RAW:
  case CLOCK_REALTIME_COARSE:
  case CLOCK_MONOTONIC_COARSE:
  case CLOCK_REALTIME_ALARM:
  case CLOCK_BOOTTIME_ALARM:
    return Errno{EOPNOTSUPP};
  default:
    clock = TINE_TRY(own_cpu_clock(call, clock));
  }
  GuestSigevent event{};
  event.notify = SIGEV_SIGNAL;
  event.signal = SIGALRM;
  if (!event_address.is_null())
    event = TINE_TRY(call.memory.read_object<GuestSigevent>(event_address));
  constexpr int thread_id = SIGEV_THREAD_ID;
  if (event.notify != SIGEV_SIGNAL && event.notify != SIGEV_NONE && event.notify != SIGEV_THREAD &&
      event.notify != thread_id)
    return Errno{EINVAL};
  if (event.notify != SIGEV_NONE && (event.signal < 1 || event.signal > process::highest_signal))
    return Errno{EINVAL};
  if (event.notify == thread_id) {
    const process::Thread *target = call.kernel.find_thread(given(call, event.thread));
    if (target == nullptr || target->process != &call.process)
      return Errno{EINVAL};
  }
  // "EAGAIN: Temporary error during kernel allocation of timer structures": the signal of each
  // timer is queued in advance, within RLIMIT_SIGPENDING.
  if (call.process.pending.size() >= call.process.limit(RLIMIT_SIGPENDING))
    return Errno{EAGAIN};
  process::ProcessTimers &timers = process::timers_of(call.process);
  const int id =
      TINE_TRY(timers.create(clock, event.notify, event.signal, given(call, event.thread),
                             event.value, event_address.is_null()));
  if (const Status written = call.memory.write_object(id_address, id); !written.ok()) {
    timers.remove(id);
    return written;
  }
  return 0;
}

SyscallResult sys_timer_settime(Call &call, int id, u64 flags, GuestAddress value,
                                GuestAddress old_value) {
  PosixTimer *timer = call.process.timers ? call.process.timers->find(id) : nullptr;
  if (value.is_null())
    return Errno{EINVAL};
  const auto given = TINE_TRY(call.memory.read_object<GuestTimerSpec>(value));
  const TimerSetting setting{TINE_TRY(nanoseconds_of(given.value)),
                             TINE_TRY(nanoseconds_of(given.interval))};
  if (timer == nullptr)
    return Errno{EINVAL};
  const TimerSetting old = call.process.timers->set(*timer, setting, (flags & TIMER_ABSTIME) != 0);
  if (!old_value.is_null())
    TINE_TRY(call.memory.write_object(
        old_value, GuestTimerSpec{timespec_of(old.interval), timespec_of(old.remaining)}));
  return 0;
}

SyscallResult sys_timer_gettime(Call &call, int id, GuestAddress value) {
  const PosixTimer *timer = call.process.timers ? call.process.timers->find(id) : nullptr;
  if (timer == nullptr)
    return Errno{EINVAL};
  const TimerSetting setting = call.process.timers->setting(*timer);
  return call.memory.write_object(
      value, GuestTimerSpec{timespec_of(setting.interval), timespec_of(setting.remaining)});
}

SyscallResult sys_timer_getoverrun(Call &call, int id) {
  const PosixTimer *timer = call.process.timers ? call.process.timers->find(id) : nullptr;
  return timer == nullptr ? SyscallResult{Errno{EINVAL}} : SyscallResult{timer->last_overrun};
}

SyscallResult sys_timer_delete(Call &call, int id) {
  if (!call.process.timers || !call.process.timers->remove(id))
    return Errno{EINVAL};
  return 0;
}

SyscallResult sys_times(Call &call, GuestAddress address) {
  constexpr Nanoseconds tick = 10'000'000; // sysconf(_SC_CLK_TCK) is 100
  if (!address.is_null()) {
    const process::ResourceUsage usage = usage_of(call.process);
    const process::ResourceUsage &children = call.process.children_usage;
    const i64 times[4] = {usage.user_time / tick, usage.system_time / tick,
                          children.user_time / tick, children.system_time / tick};
    TINE_TRY(call.memory.write_object(address, times));
  }
  return (time::TimerQueue::now() + call.kernel.monotonic_offset) / tick;
}

SyscallResult sys_getrusage(Call &call, int who, GuestAddress address) {
  process::ResourceUsage usage;
  if (who != RUSAGE_CHILDREN)
    process::note_resident(call.process, call.memory);
  switch (who) {
  case RUSAGE_SELF:
    usage = usage_of(call.process);
    break;
  case RUSAGE_CHILDREN:
    usage = call.process.children_usage;
    break;
  case RUSAGE_THREAD:
    usage = usage_of(call.process);
    usage.user_time = call.thread.user_time;
    usage.system_time = call.thread.system_time;
    usage.voluntary_switches = call.thread.voluntary_switches;
    usage.involuntary_switches = call.thread.involuntary_switches;
    break;
  default:
    return Errno{EINVAL};
  }
  return call.memory.write_object(address, rusage_of(usage));
}

} // namespace tine::syscall
