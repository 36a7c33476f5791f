// Who may trace whom, attaching, and what lets a stopped tracee go on: ptrace(2).
#include "process/ptrace.hpp"

#include "process/kernel.hpp"
#include "process/namespaces.hpp"

#include <algorithm>
#include <linux/capability.h>
#include <linux/ptrace.h>
#include <linux/sched.h>

namespace tine::process {
namespace {

void link(Thread &tracer, Thread &tracee, bool seized, u32 options) {
  tracee.trace = std::make_unique<TraceState>();
  tracee.trace->tracer = tracer.tid;
  tracee.trace->seized = seized;
  tracee.trace->options = options;
  tracer.process->tracees.push_back({tracee.tid, tracer.tid, tracee.process->pid});
}

void unlink(Thread &tracee) {
  if (const Thread *tracer = tracer_of(tracee))
    std::erase_if(tracer->process->tracees,
                  [&](const Tracee &entry) { return entry.tid == tracee.tid; });
  tracee.trace->tracer = {};
}

/// "Attaching to a process that is already stopped": the thread leaves that stop for one that its
/// tracer sees.
void trap_if_stopped(Thread &tracee) {
  if (!tracee.process->stopped)
    return;
  tracee.trace->trap_pending = true;
  if (tracee.run_state() == sched::RunState::stopped)
    tracee.kernel.host.scheduler.make_runnable(tracee);
}

Status check_attach(const Thread &tracer, const Thread &tracee) {
  if (tracee.process == tracer.process || tracee.must_exit || is_traced(tracee) ||
      tracee.process->pid == Kernel::reaper_pid)
    return Errno{EPERM};
  return check_ptrace_access(tracer, tracee);
}

void clear_step(Thread &tracee) {
  TraceState &trace = *tracee.trace;
  trace.step = false;
  if (trace.forced_trap_flag)
    tracee.cpu.rflags &= ~cpu::trap_flag;
  trace.forced_trap_flag = false;
}

/// Linux's enable_single_step: a TF that the program itself has set stays the program's.
void set_step(Thread &tracee) {
  TraceState &trace = *tracee.trace;
  trace.step = true;
  if ((tracee.cpu.rflags & cpu::trap_flag) != 0)
    return;
  trace.forced_trap_flag = true;
  tracee.cpu.rflags |= cpu::trap_flag;
}

void leave_stop(Thread &tracee, int signal) {
  TraceState &trace = *tracee.trace;
  trace.stopped = trace.listening = false;
  trace.wait_code = 0;
  trace.resume_signal = signal;
  tracee.kernel.host.scheduler.make_runnable(tracee);
}

/// ptrace_trap_notify: one that listens reports at once.
void trap_notify(Thread &tracee) {
  tracee.trace->notify_pending = true;
  if (tracee.trace->listening)
    leave_stop(tracee, 0);
  else
    tracee.notify();
}

} // namespace

bool is_traced(const Thread &thread) {
  return thread.trace && !thread.trace->tracer.is_none();
}

Thread *tracer_of(const Thread &thread) {
  return is_traced(thread) ? thread.kernel.find_thread(thread.trace->tracer) : nullptr;
}

bool traces_leader(const Process &process, const Process &child) {
  if (child.is_zombie())
    return child.leader_tracer == process.pid;
  const Thread *tracer = tracer_of(*child.leader());
  return tracer != nullptr && tracer->process == &process;
}

Status check_ptrace_access(const Thread &caller, const Thread &target) {
  if (caller.process == target.process ||
      caller.credentials.capable_in(user_namespace_of(target), CAP_SYS_PTRACE))
    return Done{};
  const fs::Credentials &own = caller.credentials;
  const fs::Credentials &other = target.credentials;
  const bool same_user = own.uid == other.uid && own.uid == other.euid && own.uid == other.suid &&
                         own.gid == other.gid && own.gid == other.egid && own.gid == other.sgid;
  // "Deny access if the target process \"dumpable\" attribute has a value other than 1"; the
  // security module denies if the target has capabilities that the caller lacks.
  if (!same_user || target.process->dumpable != 1 || (other.permitted & ~own.permitted) != 0)
    return Errno{EPERM};
  return Done{};
}

Status trace_me(Thread &thread) {
  if (is_traced(thread))
    return Errno{EPERM};
  const Process *parent = thread.process->parent;
  if (parent == nullptr || parent->is_zombie())
    return Errno{EPERM};
  Thread *tracer = thread.kernel.find_thread(thread.process->creator);
  if (tracer == nullptr || tracer->process != parent)
    tracer = parent->leader();
  TINE_TRY(check_ptrace_access(*tracer, thread));
  link(*tracer, thread, false, 0);
  return Done{};
}

Status attach(Thread &tracer, Thread &tracee) {
  TINE_TRY(check_attach(tracer, tracee));
  link(tracer, tracee, false, 0);
  send_signal(tracee, kernel_signal(SIGSTOP));
  trap_if_stopped(tracee);
  return Done{};
}

Status seize(Thread &tracer, Thread &tracee, u32 options) {
  TINE_TRY(check_attach(tracer, tracee));
  link(tracer, tracee, true, options);
  trap_if_stopped(tracee);
  return Done{};
}

Result<Thread *> stopped_tracee(const Thread &tracer, Pid tid) {
  Thread *tracee = tracer.kernel.find_thread(tid);
  if (tracee == nullptr || !is_traced(*tracee) || tracee->trace->tracer != tracer.tid ||
      !tracee->trace->stopped || tracee->trace->listening)
    return Errno{ESRCH};
  return tracee;
}

void resume(Thread &tracee, ResumeKind kind, int signal) {
  TraceState &trace = *tracee.trace;
  trace.emulate_calls =
      kind == ResumeKind::emulate_calls || kind == ResumeKind::emulate_calls_and_step;
  trace.report_calls = kind == ResumeKind::to_next_call || trace.emulate_calls;
  clear_step(tracee);
  if (kind == ResumeKind::step || kind == ResumeKind::emulate_calls_and_step)
    set_step(tracee);
  leave_stop(tracee, signal);
}

void detach(Thread &tracee, int signal) {
  TraceState &trace = *tracee.trace;
  unlink(tracee);
  clear_step(tracee);
  trace.report_calls = trace.emulate_calls = false;
  trace.group_stop_pending = trace.trap_pending = trace.notify_pending = false;
  trace.options = 0;
  trace.pending_event = 0;
  trace.debug_registers = {};
  if (trace.stopped)
    leave_stop(tracee, signal);
  else
    tracee.notify();
}

void interrupt(Thread &tracee) {
  tracee.trace->trap_pending = true;
  if (tracee.trace->listening)
    leave_stop(tracee, 0);
  else
    tracee.notify();
}

Status listen(Thread &tracee) {
  TraceState &trace = *tracee.trace;
  if (!trace.seized || !trace.info || trace.info->si_code >> 8 != PTRACE_EVENT_STOP)
    return Errno{EIO};
  trace.listening = true;
  if (trace.notify_pending)
    leave_stop(tracee, 0);
  return Done{};
}

void request_group_stop(Thread &thread) {
  thread.trace->group_stop_pending = true;
  if (thread.trace->seized)
    trap_notify(thread);
  else
    thread.notify();
}

void notify_group_continue(Thread &thread) {
  thread.trace->group_stop_pending = false;
  if (thread.trace->seized)
    trap_notify(thread);
}

void kill_stopped_threads(Process &process) {
  for (const Ref<Thread> &thread : process.threads)
    if (thread->trace && thread->trace->stopped)
      leave_stop(*thread, 0);
}

void trace_clone(Thread &parent, Thread &child, u64 flags, int exit_signal) {
  TraceState &trace = *parent.trace;
  if (trace.forced_trap_flag)
    child.cpu.rflags &= ~cpu::trap_flag;
  Thread *tracer = tracer_of(parent);
  if (tracer == nullptr)
    return;
  int event = exit_signal == SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
  if ((flags & CLONE_VFORK) != 0)
    event = PTRACE_EVENT_VFORK;
  if ((flags & CLONE_UNTRACED) != 0 || !trace.has_option(1U << event))
    event = 0;
  if (event != 0) {
    trace.pending_event = event;
    trace.pending_message = static_cast<u64>(shown_pid(*tracer, child.tid).value);
  }
  if (event == 0 && (flags & CLONE_PTRACE) == 0)
    return;
  link(*tracer, child, trace.seized, trace.options);
  child.syscall_number = parent.syscall_number;
  if (trace.seized) {
    child.trace->trap_pending = true;
    return;
  }
  siginfo_t stop{};
  stop.si_signo = SIGSTOP;
  child.pending.add(stop);
}

void trace_vfork_done(Thread &parent, Pid child) {
  TraceState &trace = *parent.trace;
  if (!is_traced(parent) || !trace.has_option(PTRACE_O_TRACEVFORKDONE))
    return;
  trace.pending_event = PTRACE_EVENT_VFORK_DONE;
  const Thread *tracer = tracer_of(parent);
  trace.pending_message = static_cast<u64>(tracer ? shown_pid(*tracer, child).value : child.value);
}

void trace_exec(Thread &thread, Pid old_tid) {
  TraceState &trace = *thread.trace;
  trace.forced_trap_flag = false;
  trace.debug_registers = {};
  trace.restart_number = -1;
  if (!is_traced(thread))
    return;
  if (trace.has_option(PTRACE_O_TRACEEXEC)) {
    trace.pending_event = PTRACE_EVENT_EXEC;
    const Thread *tracer = tracer_of(thread);
    trace.pending_message =
        static_cast<u64>(tracer ? shown_pid(*tracer, old_tid).value : old_tid.value);
  } else if (!trace.seized) {
    // "If the PTRACE_O_TRACEEXEC option is not in effect, all successful calls to execve(2) by the
    // traced process will cause it to be sent a SIGTRAP signal".
    siginfo_t info = user_signal(SIGTRAP, SI_USER, thread);
    send_signal(thread, info);
  }
}

void trace_new_tid(Thread &thread, Pid old_tid) {
  for (Tracee &tracee : thread.process->tracees) {
    if (tracee.tracer != old_tid)
      continue;
    tracee.tracer = thread.tid;
    if (Thread *traced = thread.kernel.find_thread(tracee.tid); traced && traced->trace)
      traced->trace->tracer = thread.tid;
  }
  const Thread *tracer = tracer_of(thread);
  if (tracer == nullptr)
    return;
  auto &tracees = tracer->process->tracees;
  // The leader whose id it takes is gone without a word: "execve(2) under ptrace".
  std::erase_if(tracees, [&](const Tracee &entry) { return entry.tid == thread.tid; });
  for (Tracee &entry : tracees)
    if (entry.tid == old_tid)
      entry.tid = thread.tid;
}

} // namespace tine::process
