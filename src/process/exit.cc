// The end of threads and processes: _exit(2), exit_group(2), and what is left for the parent.
#include "process/lifecycle.hpp"

#include "process/aio.hpp"
#include "process/futex.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/namespaces.hpp"
#include "process/ptrace.hpp"
#include "process/robust_list.hpp"
#include "process/signals.hpp"
#include "process/timers.hpp"
#include "process/tracer.hpp"

#include <algorithm>

namespace tine::process {
namespace {

/// set_tid_address(2): "writes 0 … and performs futex(clear_child_tid, FUTEX_WAKE, 1)" if the
/// memory is shared with other threads.
void clear_child_tid(Thread &thread) {
  if (thread.clear_child_tid.is_null())
    return;
  const GuestAddress address = thread.clear_child_tid;
  thread.clear_child_tid = {};
  if (thread.memory->user_count() < 2 || !thread.memory->write_object(address, u32{0}).ok())
    return;
  Ref<memory::PageObject> object;
  if (const auto key = FutexTable::key_of(*thread.memory, address, false, object); key.ok())
    thread.kernel.futexes->wake(*key, 1, ~u32{0});
}

void leave_descriptors(Thread &thread) {
  if (thread.files && thread.files->reference_count() == 1)
    thread.files->close_all();
  thread.files = nullptr;
}

/// Who takes the children of `process`, find_new_reaper: the nearest living ancestor of its pid
/// namespace that asked for it with PR_SET_CHILD_SUBREAPER, else the namespace's process 1. Null:
/// that has ended, nobody waits for them.
Process *find_new_reaper(const Process &process) {
  Kernel &kernel = process.kernel;
  const PidNamespace *space = kernel.pid_numbers.space_of(process.pid);
  for (Process *ancestor = process.parent;
       ancestor != nullptr && kernel.pid_numbers.space_of(ancestor->pid) == space;
       ancestor = ancestor->parent)
    if (ancestor->is_subreaper && !ancestor->is_zombie())
      return ancestor;
  Process *first = kernel.find_process(space ? space->init : Kernel::reaper_pid);
  return first != nullptr && !first->is_zombie() ? first : nullptr;
}

/// POSIX _exit(): "if the exit causes a process group to become orphaned, and a member is stopped,
/// SIGHUP followed by SIGCONT is sent to each".
void release_orphaned_group(Kernel &kernel, Pid group) {
  if (!is_orphaned_group(kernel, group))
    return;
  const auto is_stopped_member = [group](const auto &entry) {
    return entry.second->group == group && entry.second->stopped;
  };
  const auto &processes = kernel.processes();
  if (std::none_of(processes.begin(), processes.end(), is_stopped_member))
    return;
  send_signal_to_group(kernel, group, kernel_signal(SIGHUP));
  send_signal_to_group(kernel, group, kernel_signal(SIGCONT));
}

void give_away_children(Process &process) {
  Process *heir = find_new_reaper(process);
  std::vector<Ref<Process>> children;
  for (Process *child : std::exchange(process.children, {}))
    children.emplace_back(child);
  for (const Ref<Process> &child : children) {
    if (child->parent != &process)
      continue; // reaped: another one's end let it be
    child->parent = heir;
    if (child->is_zombie() && child->leader_tracer.is_none() && !child->end_delayed) {
      if (heir == nullptr) {
        reap(*child);
        continue;
      }
      heir->children.push_back(child.get());
      child->exit_signal = SIGCHLD;
      notify_parent_of_exit(*child);
      continue;
    }
    if (heir != nullptr)
      heir->children.push_back(child.get());
    child->exit_signal = SIGCHLD;
    if (child->parent_death_signal != 0)
      send_signal(*child, kernel_signal(child->parent_death_signal));
    if (child->group != process.group && child->session == process.session)
      release_orphaned_group(process.kernel, child->group);
  }
}

/// The last thread is gone.
void become_zombie(Process &process) {
  Kernel &kernel = process.kernel;
  const Ref<Process> keep(&process);
  process.exiting = true;
  process.stopped = process.stop_pending = false;
  process.timers = nullptr;
  process.asynchronous_io = nullptr;
  process.executable_file = nullptr;
  ++kernel.counters.exits;
  process.terminal = nullptr;
  give_away_children(process);
  if (process.parent != nullptr && process.parent->group != process.group &&
      process.parent->session == process.session)
    release_orphaned_group(kernel, process.group);
  process.exited.wake_all();
  process.end_delayed = process.is_unkillable && end_pid_namespace(process);
  if (!process.end_delayed)
    notify_parent_of_exit(process);
}

} // namespace

void release_vfork_parent(Thread &thread) {
  const Ref<Thread> parent = std::move(thread.vfork_parent);
  thread.vfork_parent = nullptr;
  if (!parent)
    return;
  parent->syscall_state.woken = true;
  parent->wake();
}

void note_resident(Process &process, const memory::AddressSpace &space) {
  process.usage.max_resident =
      std::max({process.usage.max_resident, space.peak_resident(), space.usage().resident});
}

namespace {
/// What became resident since the fork, and what the walk before the fork of a box found.
u64 used_by_fork(const memory::AddressSpace &space) {
  constexpr u64 little = u64{1} << 20; // not worth a look at the mappings
  const u64 bytes = space.resident_by_faults();
  if (bytes <= little)
    return bytes;
  u64 mapped = 0;
  space.for_each_mapping(
      [&](const memory::Mapping &mapping) { mapped += mapping.range.count << page_shift; });
  return std::min(bytes, mapped);
}
} // namespace

void leave_address_space(Thread &thread) {
  if (!thread.memory)
    return;
  if (thread.memory->user_count() == 1) {
    const memory::FaultCounters &faults = thread.memory->counters();
    thread.process->usage.minor_faults += faults.minor_faults();
    thread.process->usage.major_faults += faults.major;
    thread.kernel.counters.faults += faults;
    // A walk over its pages is cheap beside the faults that made them.
    ResourceUsage &usage = thread.process->usage;
    if (thread.memory->is_forked())
      usage.max_resident = std::max(usage.max_resident, used_by_fork(*thread.memory));
    else
      note_resident(*thread.process, *thread.memory);
    SharedMemory &shared_memory = ipc_of(thread).shared_memory;
    if (shared_memory.segments().size() != 0)
      shared_memory.note(*thread.memory, SharedMemory::Event::detached, thread.process->pid);
    thread.kernel.host.machine.detach(*thread.memory);
    // Who still looks at it sees nothing any more. Short of memory the pages go with the last look.
    if (thread.memory->reference_count() != 1)
      static_cast<void>(thread.memory->unmap(GuestAddress{0}, user_address_limit));
  }
  thread.memory = nullptr;
}

void leave_semaphores(Thread &thread) {
  // "When a process terminates, its set of associated semadj structures is used to undo".
  if (thread.semaphore_undo && thread.semaphore_undo->reference_count() == 1)
    ipc_of(thread).semaphores.apply_undo(*thread.semaphore_undo, thread.process->pid);
  thread.semaphore_undo = nullptr;
}

void exit_thread(Thread &thread, int status) {
  Process &process = *thread.process;
  Kernel &kernel = thread.kernel;
  const auto self = std::find_if(process.threads.begin(), process.threads.end(),
                                 [&](const Ref<Thread> &other) { return other.get() == &thread; });
  if (self == process.threads.end())
    return;
  const Ref<Thread> keep(&thread);
  thread.must_exit = true;
  if (kernel.tracer)
    kernel.tracer->exited(thread, process.exiting ? process.exit_status : status);
  if (!process.exiting && thread.tid == process.pid)
    process.exit_status = status;
  kernel.futexes->remove(thread);
  thread.leave_all();
  thread.timeout.disarm();
  release_robust_list(thread);
  kernel.futexes->hand_over_locks_of(thread);
  clear_child_tid(thread);
  release_vfork_parent(thread);
  leave_address_space(thread);
  leave_semaphores(thread);
  // Before its descriptors go, and with them perhaps the terminal's other end.
  if (process.threads.size() == 1 && process.session.value == process.pid.value)
    hang_up_session(process);
  leave_descriptors(thread);
  thread.fs = nullptr;
  if (thread.trace || !process.tracees.empty())
    trace_exit(thread, process.exiting ? process.exit_status : status);
  kernel.remove_thread(thread);
  if (thread.run_state() != sched::RunState::running)
    kernel.host.scheduler.remove(thread, sched::RunState::dead);
  process.real_uid = thread.credentials.uid;
  process.threads.erase(self);
  process.thread_exited.wake_all();
  if (process.threads.empty())
    become_zombie(process);
}

void exit_process(Process &process, int status) {
  if (process.exiting)
    return;
  process.exiting = true;
  process.exit_status = status;
  process.stopped = process.stop_pending = false;
  for (const Ref<Thread> &thread : process.threads) {
    thread->must_exit = true;
    if (thread->run_state() == sched::RunState::running)
      process.kernel.host.scheduler.kick(*thread);
    else
      process.kernel.host.scheduler.make_runnable(*thread);
  }
}

void exit_current_process(Thread &thread, int status) {
  Process &process = *thread.process;
  if (process.threads.size() == 1 && !process.exiting) {
    process.exiting = true;
    process.exit_status = status;
  } else {
    exit_process(process, status);
  }
  exit_thread(thread, status);
}

bool exit_other_threads(Thread &thread) {
  Process &process = *thread.process;
  const std::vector<Ref<Thread>> threads = process.threads;
  for (const Ref<Thread> &other : threads) {
    if (other.get() == &thread)
      continue;
    other->must_exit = true;
    if (other->run_state() == sched::RunState::running)
      process.kernel.host.scheduler.kick(*other);
    else if (other->trace) // its tracer may want to know first
      process.kernel.host.scheduler.make_runnable(*other);
    else
      exit_thread(*other, 0);
  }
  return process.threads.size() == 1;
}

} // namespace tine::process
