// Ids of processes, groups and sessions; what the thread library registers.
#include "process/lifecycle.hpp"
#include "process/ptrace.hpp"
#include "syscall/handlers.hpp"

#include <algorithm>
#include <linux/futex.h>

namespace tine::syscall {

using process::Process;

namespace {

/// 0 is the caller itself.
Process *find_process(const Call &call, int pid) {
  if (pid == 0)
    return &call.process;
  if (Process *process = call.kernel.find_process(Pid{pid}))
    return process;
  const process::Thread *thread = call.kernel.find_thread(Pid{pid});
  return thread == nullptr ? nullptr : thread->process;
}

bool is_group_of_session(const process::Kernel &kernel, Pid group, Pid session) {
  const auto &processes = kernel.processes();
  return std::any_of(processes.begin(), processes.end(), [&](const auto &entry) {
    return entry.second->group == group && entry.second->session == session;
  });
}

} // namespace

SyscallResult sys_getpid(Call &call) {
  return call.process.pid;
}
SyscallResult sys_gettid(Call &call) {
  return call.thread.tid;
}

SyscallResult sys_getppid(Call &call) {
  const Process *parent = call.process.parent;
  if (parent != nullptr)
    return parent->pid;
  return 0;
}

SyscallResult sys_getpgrp(Call &call) {
  return call.process.group;
}

SyscallResult sys_getpgid(Call &call, int pid) {
  const Process *target = find_process(call, pid);
  return target == nullptr ? SyscallResult{Errno{ESRCH}} : SyscallResult{target->group};
}

SyscallResult sys_getsid(Call &call, int pid) {
  const Process *target = find_process(call, pid);
  return target == nullptr ? SyscallResult{Errno{ESRCH}} : SyscallResult{target->session};
}

/// setpgid(2), its errors in the kernel's order.
SyscallResult sys_setpgid(Call &call, int pid, int group) {
  if (group < 0 || (group == 0 && pid < 0)) // a group of 0 is the one that `pid` names
    return Errno{EINVAL};
  Process *target = pid == 0 ? &call.process : call.kernel.find_process(Pid{pid});
  if (target == nullptr || (target != &call.process && target->parent != &call.process))
    return Errno{ESRCH};
  if (target != &call.process) {
    if (target->session != call.process.session)
      return Errno{EPERM};
    if (target->has_execed)
      return Errno{EACCES};
  }
  if (target->session == target->pid) // a session leader
    return Errno{EPERM};
  const Pid wanted = group == 0 ? target->pid : Pid{group};
  if (wanted != target->pid && !is_group_of_session(call.kernel, wanted, call.process.session))
    return Errno{EPERM};
  call.kernel.set_group(*target, wanted);
  return 0;
}

SyscallResult sys_setsid(Call &call) {
  const auto &processes = call.kernel.processes();
  // setsid(2): EPERM "if the process group ID of any process equals the PID of the calling
  // process".
  if (std::any_of(processes.begin(), processes.end(),
                  [&](const auto &entry) { return entry.second->group == call.process.pid; }))
    return Errno{EPERM};
  call.kernel.set_session(call.process, call.process.pid);
  call.kernel.set_group(call.process, call.process.pid);
  call.process.terminal = nullptr;
  return call.process.pid;
}

SyscallResult sys_set_tid_address(Call &call, GuestAddress address) {
  call.thread.clear_child_tid = address;
  return call.thread.tid;
}

SyscallResult sys_set_robust_list(Call &call, GuestAddress head, u64 size) {
  if (size != sizeof(robust_list_head))
    return Errno{EINVAL};
  call.thread.robust_list = head;
  return 0;
}

SyscallResult sys_get_robust_list(Call &call, int tid, GuestAddress head, GuestAddress size) {
  const process::Thread *target = tid == 0 ? &call.thread : call.kernel.find_thread(Pid{tid});
  if (target == nullptr)
    return Errno{ESRCH};
  TINE_TRY(process::check_ptrace_access(call.thread, *target));
  TINE_TRY(call.memory.write_object(head, target->robust_list.value));
  TINE_TRY(call.memory.write_object(size, u64{sizeof(robust_list_head)}));
  return 0;
}

SyscallResult sys_kcmp(Call &call, int first_pid, int second_pid, int kind, u64 first, u64 second) {
  enum { file, memory, files, fs, signal_handlers, io, semaphores };
  constexpr int io_context_is_none = 0; // nobody has an I/O context: all have the same
  const process::Thread *one = call.kernel.find_thread(Pid{first_pid});
  const process::Thread *two = call.kernel.find_thread(Pid{second_pid});
  if (one == nullptr || two == nullptr)
    return Errno{ESRCH};
  TINE_TRY(process::check_ptrace_access(call.thread, *one));
  TINE_TRY(process::check_ptrace_access(call.thread, *two));
  // kcmp(2): 0 equal, 1 less, 2 greater, by the kernel's own order.
  const auto compare = [](const void *a, const void *b) { return a == b ? 0 : a < b ? 1 : 2; };
  switch (kind) {
  case file: {
    const Ref<fs::File> a = TINE_TRY(one->files->get(static_cast<int>(first)));
    const Ref<fs::File> b = TINE_TRY(two->files->get(static_cast<int>(second)));
    return compare(a.get(), b.get());
  }
  case memory:
    return compare(one->memory.get(), two->memory.get());
  case files:
    return compare(one->files.get(), two->files.get());
  case fs:
    return compare(one->fs.get(), two->fs.get());
  case signal_handlers:
    return compare(one->handlers.get(), two->handlers.get());
  case io:
    return io_context_is_none;
  case semaphores:
    return compare(one->semaphore_undo.get(), two->semaphore_undo.get());
  default:
    return Errno{EINVAL};
  }
}

} // namespace tine::syscall
