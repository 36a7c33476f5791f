// fork(2), vfork(2), clone(2), clone3(2): all meet in clone_process.
#include "process/lifecycle.hpp"

#include "process/futex.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/namespaces.hpp"
#include "process/pid_file.hpp"
#include "process/ptrace.hpp"
#include "process/signals.hpp"
#include "process/timers.hpp"

#include <algorithm>
#include <linux/capability.h>
#include <linux/sched.h>

namespace tine::process {
namespace {

bool has(const CloneArguments &arguments, u64 flag) {
  return (arguments.flags & flag) != 0;
}

/// Both flags at once.
bool have_both(const CloneArguments &arguments, u64 flag, u64 other) {
  return has(arguments, flag) && has(arguments, other);
}

/// The EINVAL of clone(2), in the order of its ERRORS section.
Status check_flags(const Thread &parent, const CloneArguments &arguments) {
  if (has(arguments, CLONE_SIGHAND) && !has(arguments, CLONE_VM))
    return Errno{EINVAL};
  if (has(arguments, CLONE_THREAD) && !has(arguments, CLONE_SIGHAND))
    return Errno{EINVAL};
  if (have_both(arguments, CLONE_SIGHAND, CLONE_CLEAR_SIGHAND))
    return Errno{EINVAL};
  if (has(arguments, CLONE_FS) && has(arguments, CLONE_NEWNS | CLONE_NEWUSER))
    return Errno{EINVAL};
  if (have_both(arguments, CLONE_NEWIPC, CLONE_SYSVSEM))
    return Errno{EINVAL};
  if (has(arguments, CLONE_NEWPID | CLONE_NEWUSER) && has(arguments, CLONE_THREAD))
    return Errno{EINVAL};
  // "CLONE_PARENT … EINVAL if the calling process is an init".
  if (has(arguments, CLONE_PARENT) &&
      (parent.process->is_unkillable || parent.process->parent == nullptr))
    return Errno{EINVAL};
  // A thread is in its process's pid namespace.
  if (has(arguments, CLONE_THREAD) && parent.namespaces &&
      parent.namespaces->pid != parent.namespaces->pid_for_children)
    return Errno{EINVAL};
  if (have_both(arguments, CLONE_PIDFD, CLONE_THREAD) ||
      have_both(arguments, CLONE_PIDFD, CLONE_DETACHED))
    return Errno{EINVAL};
  if (arguments.exit_signal < 0 || arguments.exit_signal > 64)
    return Errno{EINVAL};
  if (has(arguments, CLONE_SETTLS) && arguments.tls >= user_address_limit)
    return Errno{EPERM}; // as arch_prctl(2)
  return check_new_namespaces(parent, arguments.flags);
}

/// "The number of … threads for the real user ID of the calling process", zombies too.
u64 threads_of_user(const Kernel &kernel, u32 uid) {
  u64 count = 0;
  for (const auto &[pid, process] : kernel.processes()) {
    count += process->is_zombie() && process->real_uid == uid ? 1 : 0;
    for (const Ref<Thread> &thread : process->threads)
      count += thread->credentials.uid == uid ? 1 : 0;
  }
  return count;
}

Status check_limits(const Thread &parent, const CloneArguments &arguments) {
  const Kernel &kernel = parent.kernel;
  if (kernel.thread_count() >= kernel.options.process_limit)
    return Errno{EAGAIN};
  // RLIMIT_NPROC: "not enforced for processes that have either CAP_SYS_ADMIN or CAP_SYS_RESOURCE",
  // or uid 0.
  const u64 limit = parent.process->limit(RLIMIT_NPROC);
  if (kernel.thread_count() + kernel.processes().size() > limit && parent.credentials.uid != 0 &&
      !parent.credentials.capable(CAP_SYS_RESOURCE) && !parent.credentials.capable(CAP_SYS_ADMIN) &&
      threads_of_user(kernel, parent.credentials.uid) >= limit)
    return Errno{EAGAIN};
  if (has(arguments, CLONE_THREAD) && parent.process->exiting)
    return Errno{EAGAIN};
  return Done{};
}

/// How deep the new thread's pid namespace is below the box's own.
std::size_t depth_of_child(const Thread &parent, const CloneArguments &arguments) {
  const PidNamespace *space =
      parent.namespaces ? parent.namespaces->pid_for_children.get() : nullptr;
  return (space ? space->level : 0) + (has(arguments, CLONE_NEWPID) ? 1 : 0);
}

/// The pid: the one that clone3's set_tid asks for, or the next. set_tid begins with the number in
/// the innermost namespace; the box's own comes last, if it goes so far.
Result<Pid> choose_pid(const Thread &parent, const CloneArguments &arguments) {
  Kernel &kernel = parent.kernel;
  const std::size_t depth = depth_of_child(parent, arguments);
  if (arguments.set_tid.size() > depth + 1)
    return Errno{EINVAL};
  if (!arguments.set_tid.empty() &&
      !parent.credentials.capable_here(CAP_SYS_ADMIN)) // or CAP_CHECKPOINT_RESTORE
    return Errno{EPERM};
  if (arguments.set_tid.size() <= depth)
    return kernel.allocate_pid();
  const Pid wanted = arguments.set_tid.back();
  if (wanted.value <= 1 || wanted.value >= kernel.pid_max)
    return Errno{EINVAL};
  if (kernel.is_pid_held(wanted))
    return Errno{EEXIST};
  return wanted;
}

/// sched(7), SCHED_RESET_ON_FORK: the child has no real-time policy, no negative nice value, and
/// not the flag.
sched::Scheduling inherited(const sched::Scheduling &parent) {
  sched::Scheduling child = parent;
  if (parent.reset_on_fork) {
    child.reset_on_fork = false;
    if (parent.real_time_priority > 0)
      child.policy = SCHED_OTHER;
    if (parent.real_time_priority > 0 || parent.nice < 0)
      child.nice = 0;
    child.real_time_priority = 0;
  }
  return child;
}

/// What the new thread has of its own, and what it shares, flag by flag.
Status fill_thread(Thread &child, Thread &parent, const CloneArguments &arguments) {
  child.memory = has(arguments, CLONE_VM)
                     ? parent.memory
                     : TINE_TRY(parent.memory->fork(parent.kernel.options.fork_mechanism));
  child.files = has(arguments, CLONE_FILES) ? parent.files : parent.files->clone();
  child.fs = has(arguments, CLONE_FS) ? parent.fs : parent.fs->clone();
  child.handlers = has(arguments, CLONE_SIGHAND) ? parent.handlers : parent.handlers->clone();
  if (has(arguments, CLONE_CLEAR_SIGHAND))
    child.handlers->reset_caught();
  child.cpu = parent.cpu;
  child.cpu.gpr[cpu::rax] = 0;
  if (!arguments.stack.is_null())
    child.cpu.gpr[cpu::rsp] = arguments.stack.value;
  if (has(arguments, CLONE_SETTLS))
    child.cpu.fs_base = arguments.tls;
  // clone(2): "If CLONE_SYSVSEM is not set, then the child has a separate semadj list that is
  // initially empty".
  if (has(arguments, CLONE_SYSVSEM)) {
    if (!parent.semaphore_undo)
      parent.semaphore_undo = ipc_of(parent).semaphores.make_undo();
    child.semaphore_undo = parent.semaphore_undo;
  }
  child.credentials = parent.credentials;
  child.name = parent.name;
  child.namespaces = parent.namespaces;
  child.signal_mask = parent.syscall_state.saved_mask.value_or(parent.signal_mask);
  // clone(2): the alternate stack is cleared with CLONE_VM without CLONE_VFORK.
  if (!has(arguments, CLONE_VM) || has(arguments, CLONE_VFORK))
    child.alternate_stack = parent.alternate_stack;
  if (has(arguments, CLONE_CHILD_CLEARTID))
    child.clear_child_tid = arguments.child_tid;
  // rseq(2): "inherited by fork, cleared with CLONE_VM".
  if (!has(arguments, CLONE_VM)) {
    child.rseq = parent.rseq;
    child.rseq_signature = parent.rseq_signature;
    child.rseq_size = parent.rseq_size;
    child.rseq_cpu = parent.rseq_cpu;
  }
  make_new_namespaces(child, arguments.flags);
  enter_pid_namespace(child);
  child.scheduling = inherited(parent.scheduling);
  child.timer_slack = child.default_timer_slack = parent.timer_slack;
  child.no_new_privileges = parent.no_new_privileges;
  child.seccomp_mode = parent.seccomp_mode;
  child.seccomp_filter = parent.seccomp_filter;
  child.is_io_flusher = parent.is_io_flusher;
  child.memory_failure_policy = parent.memory_failure_policy;
  child.secure_bits = parent.secure_bits;
  return Done{};
}

/// What fork(2) copies of a process; all that it doesn't name starts empty.
Ref<Process> make_process(const Thread &caller, Pid pid, const CloneArguments &arguments) {
  Process &parent = *caller.process;
  auto child = make_ref<Process>(parent.kernel, pid);
  child->parent = has(arguments, CLONE_PARENT) ? parent.parent : &parent;
  child->exit_signal = has(arguments, CLONE_PARENT) ? parent.exit_signal : arguments.exit_signal;
  child->limits = parent.limits;
  child->executable = parent.executable;
  child->executable_file = parent.executable_file;
  child->terminal = parent.terminal;
  child->dumpable = parent.dumpable;
  child->huge_pages_disabled = parent.huge_pages_disabled;
  child->personality = parent.personality;
  child->oom_score_adjustment = parent.oom_score_adjustment;
  child->io_priority = parent.io_priority;
  return child;
}

/// CLONE_PARENT_SETTID, CLONE_CHILD_SETTID: Linux ignores a bad address here, clone(2) reports
/// none. The child's is stored "before the clone call returns control to user space in the child
/// process" (clone(2)): by the child, since it copies a page.
void store_tids(const Thread &parent, Thread &child, const CloneArguments &arguments) {
  if (has(arguments, CLONE_PARENT_SETTID))
    (void)parent.memory->write_object(arguments.parent_tid, shown_pid(parent, child.tid).value);
  if (has(arguments, CLONE_CHILD_SETTID))
    child.set_child_tid = arguments.child_tid;
}

/// CLONE_PIDFD: a descriptor for the child, in the parent's table. Closed again if the clone fails
/// later.
Result<int> make_pidfd(Thread &parent, const Ref<Process> &child, const CloneArguments &arguments) {
  const int fd = TINE_TRY(parent.files->install(make_ref<PidFile>(child), true, 0,
                                                parent.process->limit(RLIMIT_NOFILE)));
  if (!parent.memory->write_object(arguments.pidfd, fd).ok()) {
    (void)parent.files->close(fd);
    return Errno{EFAULT};
  }
  return fd;
}

/// A pid that nobody came to hold has no numbers in pid namespaces.
class NumberGuard {
public:
  NumberGuard(Kernel &kernel, Pid pid) : kernel_(kernel), pid_(pid) {}
  ~NumberGuard() {
    if (!kernel_.is_pid_held(pid_))
      kernel_.pid_numbers.forget(pid_);
  }
  NumberGuard(const NumberGuard &) = delete;
  NumberGuard &operator=(const NumberGuard &) = delete;

private:
  Kernel &kernel_;
  Pid pid_;
};

void publish(const Ref<Thread> &thread, const Ref<Process> &process) {
  Kernel &kernel = thread->kernel;
  if (process) {
    if (process->parent != nullptr)
      process->parent->children.push_back(process.get());
    kernel.add_process(process);
  }
  thread->process->threads.push_back(thread);
  kernel.add_thread(*thread);
  kernel.host.scheduler.make_runnable(*thread);
}

} // namespace

void store_child_tid(Thread &child) {
  const GuestAddress address = std::exchange(child.set_child_tid, GuestAddress{});
  if (!address.is_null())
    (void)child.memory->write_object(address, shown_pid(child, child.tid).value);
}

Result<Ref<Thread>> clone_process(Thread &parent, const CloneArguments &arguments) {
  Kernel &kernel = parent.kernel;
  const Nanoseconds started = time::TimerQueue::now();
  TINE_TRY(check_flags(parent, arguments));
  TINE_TRY(check_limits(parent, arguments));
  const Pid pid = TINE_TRY(choose_pid(parent, arguments));

  // Everything that can fail comes first; what it made goes with its Refs.
  auto thread = make_ref<Thread>(kernel, pid);
  TINE_TRY(fill_thread(*thread, parent, arguments));
  const NumberGuard numbers(kernel, pid);
  if (PidNamespace *space = pid_namespace_of(*thread)) {
    const std::size_t wanted = std::min<std::size_t>(arguments.set_tid.size(), space->level);
    TINE_TRY(kernel.pid_numbers.assign(pid, Ref<PidNamespace>(space),
                                       std::span(arguments.set_tid).first(wanted)));
  }
  Ref<Process> process;
  if (has(arguments, CLONE_THREAD)) {
    thread->process = parent.process;
  } else {
    process = make_process(parent, pid, arguments);
    process->start_time = started;
    process->creator = has(arguments, CLONE_PARENT) ? parent.process->creator : parent.tid;
    thread->process = process.get();
    if (has(arguments, CLONE_PIDFD))
      TINE_TRY(make_pidfd(parent, process, arguments));
    kernel.set_group(*process, parent.process->group);
    kernel.set_session(*process, parent.process->session);
    if (const PidNamespace *space = pid_namespace_of(*thread); space && space->init == pid)
      process->is_unkillable = true;
  }
  if (SharedMemory &shared_memory = ipc_of(parent).shared_memory;
      !has(arguments, CLONE_VM) && shared_memory.segments().size() != 0)
    shared_memory.note(*thread->memory, SharedMemory::Event::attached, pid);
  if (!has(arguments, CLONE_VM))
    kernel.host.machine.attach(*thread->memory, parent.memory.get());
  store_tids(parent, *thread, arguments);
  if (has(arguments, CLONE_VFORK))
    thread->vfork_parent = Ref<Thread>(&parent);
  if (parent.trace)
    trace_clone(parent, *thread, arguments.flags, arguments.exit_signal);
  publish(thread, process);

  if (has(arguments, CLONE_THREAD)) {
    ++kernel.counters.threads;
  } else if (has(arguments, CLONE_VFORK)) {
    ++kernel.counters.vforks;
  } else {
    kernel.counters.add_fork(time::TimerQueue::now() - started);
  }
  return thread;
}

} // namespace tine::process
