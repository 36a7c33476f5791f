// sched_*, nice values, I/O priorities.
#include "process/lifecycle.hpp"
#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include <algorithm>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>

namespace tine::syscall {

using process::Process;
using process::Thread;

namespace {

constexpr int lowest_nice = -20, highest_nice = 19;
constexpr int highest_real_time_priority = 99;
constexpr int sched_ext = 7;                  ///< SCHED_EXT
constexpr int reset_on_fork_bit = 0x40000000; ///< SCHED_RESET_ON_FORK, or'ed into a policy

Thread *find_thread(const Call &call, int tid) {
  if (tid == 0)
    return &call.thread;
  if (Thread *thread = call.kernel.find_thread(Pid{tid}))
    return thread;
  return nullptr;
}

/// "EINVAL: pid is negative", "ESRCH".
Result<Thread *> scheduled_thread(const Call &call, int tid) {
  if (tid < 0)
    return Errno{EINVAL};
  Thread *thread = find_thread(call, tid);
  return thread != nullptr ? Result<Thread *>(thread) : Errno{ESRCH};
}

/// sched(7), setpriority(2): the caller's effective user is the target's real or effective one, or
/// has CAP_SYS_NICE.
bool may_schedule(const Call &call, const Thread &target) {
  const fs::Credentials &own = call.thread.credentials;
  return own.euid == target.credentials.uid || own.euid == target.credentials.euid ||
         own.capable_in(process::user_namespace_of(target), CAP_SYS_NICE);
}

bool is_real_time(int policy) {
  return policy == SCHED_FIFO || policy == SCHED_RR;
}
bool is_policy(int policy) {
  return is_real_time(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH ||
         policy == SCHED_IDLE;
}

/// 20 - RLIMIT_NICE.
int lowest_allowed_nice(const Process &process) {
  return 20 - static_cast<int>(std::min<u64>(process.limit(RLIMIT_NICE), 40));
}

/// Who may not schedule as it likes (sched(7), "Privileges and resource limits") may lower a
/// real-time priority, raise it up to RLIMIT_RTPRIO, and not take SCHED_RESET_ON_FORK back.
Status check_privilege(const Call &call, const Thread &target, const sched::Scheduling &wanted) {
  if (call.thread.credentials.capable(CAP_SYS_NICE))
    return Done{};
  const sched::Scheduling &now = target.scheduling;
  const auto limit = static_cast<i64>(std::min<u64>(target.process->limit(RLIMIT_RTPRIO), 99));
  const int priority = wanted.real_time_priority;
  if (is_real_time(wanted.policy) && ((wanted.policy != now.policy && limit == 0) ||
                                      (priority > now.real_time_priority && priority > limit)))
    return Errno{EPERM};
  // "Since Linux 2.6.39: … out of SCHED_IDLE … so long as its nice value falls in the range
  // permitted by its RLIMIT_NICE".
  if (now.policy == SCHED_IDLE && wanted.policy != SCHED_IDLE &&
      now.nice < lowest_allowed_nice(*target.process))
    return Errno{EPERM};
  if ((now.reset_on_fork && !wanted.reset_on_fork) || !may_schedule(call, target))
    return Errno{EPERM};
  return Done{};
}

/// A nice value may be lowered to 20 - RLIMIT_NICE, or by CAP_SYS_NICE.
Status check_nice(const Call &call, const Thread &thread, int nice, int refusal) {
  if (nice < thread.scheduling.nice && nice < lowest_allowed_nice(*thread.process) &&
      !call.thread.credentials.capable(CAP_SYS_NICE))
    return Errno{refusal};
  return Done{};
}

/// EINVAL unless the priority suits the policy; EPERM. No `nice`: it stays.
Status set_policy(const Call &call, Thread &target, int policy, int priority, bool reset_on_fork,
                  std::optional<int> nice = std::nullopt) {
  if (!is_policy(policy) ||
      (is_real_time(policy) ? priority < 1 || priority > highest_real_time_priority
                            : priority != 0))
    return Errno{EINVAL};
  sched::Scheduling wanted = target.scheduling;
  wanted.policy = policy;
  wanted.real_time_priority = static_cast<i16>(priority);
  wanted.reset_on_fork = reset_on_fork;
  wanted.nice = static_cast<i8>(nice.value_or(wanted.nice));
  TINE_TRY(check_privilege(call, target, wanted));
  call.kernel.host.scheduler.change(target, wanted);
  call.kernel.futexes->priority_changed(target);
  return Done{};
}

u64 cpu_mask(const Call &call) {
  const u32 count = std::min<u32>(call.kernel.options.cpus, 64);
  return count == 64 ? ~u64{0} : (u64{1} << count) - 1;
}

/// The processes that ioprio_get and ioprio_set name, with getpriority's numbers.
Result<std::vector<Process *>> processes_of(const Call &call, int which, int id) {
  std::vector<Process *> found;
  const auto add_if = [&](auto selected) {
    for (const auto &[pid, process] : call.kernel.processes())
      if (!process->is_zombie() && selected(*process))
        found.push_back(process.get());
  };
  switch (which) {
  case PRIO_PROCESS:
    if (const Thread *thread = find_thread(call, given(call, id).value))
      found.push_back(thread->process);
    break;
  case PRIO_PGRP: {
    const Pid group = id == 0 ? call.process.group : given(call, id);
    add_if([group](const Process &process) { return process.group == group; });
    break;
  }
  case PRIO_USER: {
    const u32 user =
        id == 0 ? call.thread.credentials.uid
                : fs::user_to_box(process::user_namespace_of(call.thread), static_cast<u32>(id));
    add_if([user](const Process &process) { return process.leader()->credentials.uid == user; });
    break;
  }
  default:
    return Errno{EINVAL};
  }
  if (found.empty())
    return Errno{ESRCH};
  return found;
}

} // namespace

SyscallResult sys_sched_yield(Call &call) {
  if (call.state().retrying || !call.kernel.host.scheduler.has_rival(call.thread))
    return 0;
  call.kernel.host.scheduler.yield(call.thread);
  return blocked(Interrupt::uninterruptible);
}

SyscallResult sys_sched_setaffinity(Call &call, int tid, u64 size, GuestAddress address) {
  Thread *target = find_thread(call, tid);
  if (target == nullptr)
    return Errno{ESRCH};
  if (!may_schedule(call, *target))
    return Errno{EPERM};
  u64 mask = 0;
  TINE_TRY(call.memory.read(
      address, std::as_writable_bytes(std::span(&mask, 1)).first(std::min<u64>(size, 8))));
  if ((mask & cpu_mask(call)) == 0)
    return Errno{EINVAL};
  sched::Scheduling wanted = target->scheduling;
  wanted.affinity = (mask & cpu_mask(call)) == cpu_mask(call) ? ~u64{0} : mask;
  call.kernel.host.scheduler.change(*target, wanted);
  return 0;
}

SyscallResult sys_sched_getaffinity(Call &call, int tid, u64 size, GuestAddress address) {
  if (size < sizeof(u64) || size % sizeof(u64) != 0)
    return Errno{EINVAL};
  const Thread *target = find_thread(call, tid);
  if (target == nullptr)
    return Errno{ESRCH};
  TINE_TRY(call.memory.write_object(address, target->scheduling.affinity & cpu_mask(call)));
  return sizeof(u64);
}

SyscallResult sys_sched_setparam(Call &call, int tid, GuestAddress address) {
  if (address.is_null() || tid < 0)
    return Errno{EINVAL};
  const int priority = TINE_TRY(call.memory.read_object<int>(address));
  Thread *target = TINE_TRY(scheduled_thread(call, tid));
  const sched::Scheduling &now = target->scheduling;
  return set_policy(call, *target, now.policy, priority, now.reset_on_fork);
}

SyscallResult sys_sched_getparam(Call &call, int tid, GuestAddress address) {
  if (address.is_null())
    return Errno{EINVAL};
  const Thread *target = TINE_TRY(scheduled_thread(call, tid));
  return call.memory.write_object(address, int{target->scheduling.real_time_priority});
}

SyscallResult sys_sched_setscheduler(Call &call, int tid, int policy, GuestAddress address) {
  if (policy < 0 || address.is_null() || tid < 0)
    return Errno{EINVAL};
  const int priority = TINE_TRY(call.memory.read_object<int>(address));
  Thread *target = TINE_TRY(scheduled_thread(call, tid));
  return set_policy(call, *target, policy & ~reset_on_fork_bit, priority,
                    (policy & reset_on_fork_bit) != 0);
}

SyscallResult sys_sched_getscheduler(Call &call, int tid) {
  const sched::Scheduling &now = TINE_TRY(scheduled_thread(call, tid))->scheduling;
  return now.policy | (now.reset_on_fork ? reset_on_fork_bit : 0);
}

/// SCHED_DEADLINE and SCHED_EXT have an answer though no thread can have them.
SyscallResult sys_sched_get_priority_max(Call &, int policy) {
  if (!is_policy(policy) && policy != SCHED_DEADLINE && policy != sched_ext)
    return Errno{EINVAL};
  return is_real_time(policy) ? highest_real_time_priority : 0;
}

SyscallResult sys_sched_get_priority_min(Call &, int policy) {
  if (!is_policy(policy) && policy != SCHED_DEADLINE && policy != sched_ext)
    return Errno{EINVAL};
  return is_real_time(policy) ? 1 : 0;
}

SyscallResult sys_sched_rr_get_interval(Call &call, int tid, GuestAddress address) {
  const int policy = TINE_TRY(scheduled_thread(call, tid))->scheduling.policy;
  const Nanoseconds interval = policy == SCHED_FIFO ? 0
                               : policy == SCHED_RR ? sched::round_robin_slice
                                                    : sched::slice;
  return call.memory.write_object(address, timespec_of(interval));
}

namespace {

/// struct sched_attr, first version.
struct GuestSchedulingAttributes {
  u32 size, policy;
  u64 flags;
  i32 nice;
  u32 priority;
  u64 runtime, deadline, period;
};
static_assert(sizeof(GuestSchedulingAttributes) == 48);

/// "E2BIG: The buffer specified by size … is too small, or there are bytes beyond what the kernel
/// knows that aren't zero": then the size that it knows is stored. EINVAL for a negative policy.
Result<GuestSchedulingAttributes> read_attributes(Call &call, GuestAddress address) {
  auto given = TINE_TRY(call.memory.read_object<GuestSchedulingAttributes>(address));
  const u32 size = given.size == 0 ? u32{sizeof given} : given.size;
  bool is_known = size >= sizeof given && size <= page_size;
  if (is_known && size > sizeof given) {
    std::vector<std::byte> rest(size - sizeof given);
    TINE_TRY(call.memory.read(address + sizeof given, rest));
    is_known = std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{}; });
  }
  if (!is_known) {
    TINE_TRY(call.memory.write_object(address, u32{sizeof given}));
    return Errno{E2BIG};
  }
  if (static_cast<i32>(given.policy) < 0)
    return Errno{EINVAL};
  return given;
}

} // namespace

SyscallResult sys_sched_setattr(Call &call, int tid, GuestAddress address, u64 flags) {
  if (flags != 0 || address.is_null() || tid < 0)
    return Errno{EINVAL};
  auto given = TINE_TRY(read_attributes(call, address));
  Thread *target = TINE_TRY(scheduled_thread(call, tid));
  constexpr u64 there = SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS;
  if ((given.flags & ~there) != 0)
    return Errno{EINVAL};
  if ((given.flags & SCHED_FLAG_KEEP_PARAMS) != 0) { // those of the policy that it has
    if (is_real_time(target->scheduling.policy))
      given.priority = static_cast<u32>(target->scheduling.real_time_priority);
    else
      given.nice = target->scheduling.nice;
  }
  const int nice = std::clamp(given.nice, lowest_nice, highest_nice);
  const int policy = (given.flags & SCHED_FLAG_KEEP_POLICY) != 0 ? target->scheduling.policy
                                                                 : static_cast<int>(given.policy);
  if (!is_real_time(policy))
    TINE_TRY(check_nice(call, *target, nice, EPERM));
  return set_policy(call, *target, policy, static_cast<int>(given.priority),
                    (given.flags & SCHED_FLAG_RESET_ON_FORK) != 0,
                    is_real_time(policy) ? std::nullopt : std::optional(nice));
}

SyscallResult sys_sched_getattr(Call &call, int tid, GuestAddress address, u64 size, u64 flags) {
  if (flags != 0 || address.is_null() || size < sizeof(GuestSchedulingAttributes) ||
      size > page_size)
    return Errno{EINVAL};
  const Thread *target = TINE_TRY(scheduled_thread(call, tid));
  GuestSchedulingAttributes attributes{};
  attributes.size = sizeof attributes;
  attributes.policy = static_cast<u32>(target->scheduling.policy);
  attributes.flags = target->scheduling.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
  attributes.nice = target->scheduling.nice;
  attributes.priority = static_cast<u32>(target->scheduling.real_time_priority);
  return call.memory.write_object(address, attributes);
}

namespace {

/// The threads that getpriority and setpriority name: a single one with PRIO_PROCESS, since in "the
/// current Linux/NPTL implementation of POSIX threads, the nice value is a per-thread attribute"
/// (setpriority(2), BUGS).
Result<std::vector<Thread *>> threads_of(const Call &call, int which, int id) {
  if (which == PRIO_PROCESS) {
    Thread *thread = find_thread(call, given(call, id).value);
    return thread != nullptr ? Result<std::vector<Thread *>>({thread}) : Errno{ESRCH};
  }
  std::vector<Thread *> found;
  for (const Process *process : TINE_TRY(processes_of(call, which, id)))
    for (const Ref<Thread> &thread : process->threads)
      found.push_back(thread.get());
  return found;
}

} // namespace

/// getpriority(2): the kernel returns 20 - nice, so that no value looks like an error.
SyscallResult sys_getpriority(Call &call, int which, int id) {
  int best = highest_nice;
  for (const Thread *thread : TINE_TRY(threads_of(call, which, id)))
    best = std::min(best, int{thread->scheduling.nice});
  return 20 - best;
}

SyscallResult sys_setpriority(Call &call, int which, int id, int value) {
  const int nice = std::clamp(value, lowest_nice, highest_nice);
  for (Thread *thread : TINE_TRY(threads_of(call, which, id))) {
    if (!may_schedule(call, *thread))
      return Errno{EPERM};
    TINE_TRY(check_nice(call, *thread, nice, EACCES));
    sched::Scheduling wanted = thread->scheduling;
    wanted.nice = static_cast<i8>(nice);
    call.kernel.host.scheduler.change(*thread, wanted);
  }
  return 0;
}

namespace {

/// ioprio_set(2): IOPRIO_WHO_PROCESS, _PGRP and _USER are one more than getpriority's PRIO_*.
Result<std::vector<Process *>> io_processes_of(const Call &call, int which, int id) {
  return processes_of(call, which - 1, id);
}

/// A class, a hint and a level: "IOPRIO_CLASS_RT … CAP_SYS_NICE or CAP_SYS_ADMIN".
Status check_io_priority(const Call &call, int value) {
  enum { none, real_time, best_effort, idle };
  constexpr int class_bits = 7, level_bits = 7;
  const fs::Credentials &own = call.thread.credentials;
  switch (value >> 13 & class_bits) {
  case none:
    return (value & level_bits) != 0 ? Errno{EINVAL} : Status(Done{});
  case real_time:
    if (!own.capable(CAP_SYS_NICE) && !own.capable(CAP_SYS_ADMIN))
      return Errno{EPERM};
    return Done{};
  case best_effort:
  case idle:
    return Done{};
  default:
    return Errno{EINVAL};
  }
}

} // namespace

/// "If more than one process is matched, the highest priority is returned": the lowest number of
/// the highest class.
SyscallResult sys_ioprio_get(Call &call, int which, int id) {
  const std::vector<Process *> processes = TINE_TRY(io_processes_of(call, which, id));
  int best = processes.front()->io_priority;
  for (const Process *process : processes)
    if (process->io_priority != 0 && (best == 0 || process->io_priority < best))
      best = process->io_priority;
  return best;
}

SyscallResult sys_ioprio_set(Call &call, int which, int id, int value) {
  TINE_TRY(check_io_priority(call, value));
  const std::vector<Process *> processes = TINE_TRY(io_processes_of(call, which, id));
  for (Process *process : processes) {
    if (!may_schedule(call, *process->leader()))
      return Errno{EPERM};
    process->io_priority = value;
  }
  return 0;
}

} // namespace tine::syscall
