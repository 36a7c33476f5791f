// kill and its relatives.
#include "fs/pseudo_fs.hpp"
#include "process/lifecycle.hpp"
#include "process/signals.hpp"
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"
#include "syscall/pidfd.hpp"

#include <bit>
#include <fcntl.h>
#include <vector>

namespace tine::syscall {

using process::Process;
using process::Thread;

namespace {

bool is_signal(int signal) {
  return signal >= 0 && signal <= process::highest_signal;
}

/// To each process that `choose` selects: ESRCH if there is none, EPERM if all refuse.
template <typename Choose>
SyscallResult signal_all(Call &call, const siginfo_t &info, Choose choose) {
  const int signal = info.si_signo;
  std::vector<Ref<Process>> targets;
  for (const auto &[pid, process] : call.kernel.processes())
    if (choose(*process))
      targets.push_back(process);
  if (targets.empty())
    return Errno{ESRCH};
  if (!is_signal(signal))
    return Errno{EINVAL};
  bool sent = false;
  for (const Ref<Process> &target : targets) {
    if (!process::may_signal(call.thread, *target, signal))
      continue;
    sent = true;
    if (signal != 0)
      process::send_signal(*target, info);
  }
  return sent ? SyscallResult{0} : SyscallResult{Errno{EPERM}};
}

/// kill(2), -1: those of the caller's pid namespace (and below it) but process 1.
bool is_killed_with_all(const Call &call, Pid pid) {
  const i32 number = shown(call, pid);
  return number > 1;
}

SyscallResult signal_process(Call &call, Process &target, int signal, const siginfo_t &info) {
  if (!is_signal(signal))
    return Errno{EINVAL};
  if (!process::may_signal(call.thread, target, signal))
    return Errno{EPERM};
  if (signal == 0)
    return 0;
  return process::queue_signal(target, info);
}

/// `group` 0: any thread group, as tkill has it.
SyscallResult signal_thread(Call &call, int group, int tid, const siginfo_t &info) {
  const int signal = info.si_signo;
  Thread *target = call.kernel.find_thread(Pid{tid});
  if (target == nullptr || (group != 0 && target->process->pid.value != group)) {
    // A leader that ended before its threads, or a zombie, still has its id.
    const Process *zombie = call.kernel.find_process(Pid{tid});
    if (zombie == nullptr || (group != 0 && group != tid))
      return Errno{ESRCH};
    return is_signal(signal) ? SyscallResult{0} : SyscallResult{Errno{EINVAL}};
  }
  if (!is_signal(signal))
    return Errno{EINVAL};
  if (!process::may_signal(call.thread, *target->process, signal))
    return Errno{EPERM};
  if (signal == 0)
    return 0;
  return process::queue_signal(*target, info);
}

/// rt_sigqueueinfo(2): "can't pretend to be the kernel or kill", unless to oneself.
Result<siginfo_t> read_siginfo(Call &call, GuestAddress address, int signal, Pid target) {
  auto info = TINE_TRY(call.memory.read_object<siginfo_t>(address));
  if ((info.si_code >= 0 || info.si_code == SI_TKILL) && target != call.process.pid)
    return Errno{EPERM};
  info.si_signo = signal;
  if (info.si_code == SI_USER ||
      info.si_code == SI_TKILL) // shown to the receiver, who is the caller
    info.si_pid = given(call, info.si_pid).value;
  return info;
}

} // namespace

/// The signal's number is looked at last: "ESRCH" comes before its "EINVAL".
SyscallResult sys_kill(Call &call, int pid, int signal) {
  if (pid > 0) {
    Process *target = call.kernel.find_process(Pid{pid});
    if (target == nullptr) {
      Thread *thread =
          call.kernel.find_thread(Pid{pid}); // kill(2) takes any thread's id for its process
      if (thread == nullptr)
        return Errno{ESRCH};
      target = thread->process;
    }
    return signal_process(call, *target, signal,
                          process::user_signal(signal, SI_USER, call.thread));
  }
  if (pid == -1) {
    // "every process for which the caller has permission, except for process 1" and itself. That
    // there are only others is no error.
    const SyscallResult result = signal_all(
        call, process::user_signal(signal, SI_USER, call.thread), [&](const Process &process) {
          return &process != &call.process && is_killed_with_all(call, process.pid);
        });
    return result.value() == -EPERM ? SyscallResult{0} : result;
  }
  if (pid == INT_MIN)
    return Errno{ESRCH};
  const Pid group = pid == 0 ? call.process.group : Pid{-pid};
  return signal_all(call, process::user_signal(signal, SI_USER, call.thread),
                    [group](const Process &process) { return process.group == group; });
}

SyscallResult sys_tkill(Call &call, int tid, int signal) {
  if (tid <= 0)
    return Errno{EINVAL};
  return signal_thread(call, 0, tid, process::user_signal(signal, SI_TKILL, call.thread));
}

SyscallResult sys_tgkill(Call &call, int group, int tid, int signal) {
  if (tid <= 0 || group <= 0)
    return Errno{EINVAL};
  return signal_thread(call, group, tid, process::user_signal(signal, SI_TKILL, call.thread));
}

SyscallResult sys_rt_sigqueueinfo(Call &call, int pid, int signal, GuestAddress address) {
  const siginfo_t info = TINE_TRY(read_siginfo(call, address, signal, Pid{pid}));
  Process *target = call.kernel.find_process(Pid{pid});
  if (target == nullptr)
    return Errno{ESRCH};
  return signal_process(call, *target, signal, info);
}

SyscallResult sys_rt_tgsigqueueinfo(Call &call, int group, int tid, int signal,
                                    GuestAddress address) {
  const siginfo_t info = TINE_TRY(read_siginfo(call, address, signal, Pid{group}));
  if (tid <= 0 || group <= 0)
    return Errno{EINVAL};
  return signal_thread(call, group, tid, info);
}

namespace {
/// Whom a descriptor stands for.
struct Target {
  Ref<Process> process;
  Pid thread; ///< none: the process as a whole
};

/// "The pidfd argument … a file descriptor obtained by opening a /proc/pid directory" is good, too;
/// and so are, since Linux 6.14, PIDFD_SELF_THREAD and PIDFD_SELF_THREAD_GROUP.
Result<Target> target_of(Call &call, int fd) {
  if (fd == pidfd_self_thread)
    return Target{Ref<Process>(&call.process), call.thread.tid};
  if (fd == pidfd_self_process)
    return Target{Ref<Process>(&call.process), {}};
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  if (const auto pidfd = ref_cast<process::PidFile>(file))
    return Target{pidfd->process(), pidfd->is_of_thread() ? pidfd->id() : Pid{}};
  const auto *directory = dynamic_cast<const fs::PseudoDirectory *>(file->inode().get());
  if (directory == nullptr || !directory->subject())
    return Errno{EBADF};
  return Target{Ref<Process>(static_cast<Process *>(directory->subject().get())), {}};
}

} // namespace

SyscallResult sys_pidfd_send_signal(Call &call, int fd, int signal, GuestAddress address,
                                    u64 flags) {
  // Linux 6.9: PIDFD_SIGNAL_THREAD, _THREAD_GROUP, _PROCESS_GROUP; one at most.
  constexpr u64 to_thread = 1, to_process = 2, to_group = 4;
  if ((flags & ~(to_thread | to_process | to_group)) != 0 || std::popcount(flags) > 1 ||
      !is_signal(signal))
    return Errno{EINVAL};
  const auto [target, thread] = TINE_TRY(target_of(call, fd));
  if (call.kernel.find_process(target->pid) != target.get())
    return Errno{ESRCH};
  const bool is_for_thread = flags == to_thread || (flags == 0 && !thread.is_none());
  siginfo_t info = process::user_signal(signal, is_for_thread ? SI_TKILL : SI_USER, call.thread);
  if (!address.is_null()) {
    const auto given = TINE_TRY(call.memory.read_object<siginfo_t>(address));
    if (given.si_signo != signal)
      return Errno{EINVAL};
    info = TINE_TRY(read_siginfo(call, address, signal, target->pid));
  }
  if (is_for_thread)
    return signal_thread(call, target->pid.value, (thread.is_none() ? target->pid : thread).value,
                         info);
  if (flags == to_group)
    return signal_all(call, info, [group = target->pid](const Process &process) {
      return process.group == group;
    });
  return signal_process(call, *target, signal, info);
}

} // namespace tine::syscall
