// wait4 and waitid.
#include "process/lifecycle.hpp"
#include "process/pid_file.hpp"
#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include <sys/wait.h>

namespace tine::syscall {

using process::WaitedChild;
using process::WaitKind;
using process::WaitRequest;

namespace {

/// The change of a child, or nothing yet; sleeps on the parent's queue if it may.
SyscallResult wait_or_block(Call &call, const WaitRequest &request, WaitedChild &child) {
  // Registered before the look, so that nothing is missed; the call's end takes it off again.
  const auto result = process::wait_for_child(call.process, request);
  if (!result.ok())
    return result.error();
  child = *result;
  if (!child.pid.is_none() || (request.options & WNOHANG) != 0)
    return 0;
  call.thread.wait_on(call.process.child_changed);
  return blocked();
}

} // namespace

SyscallResult sys_wait4(Call &call, int pid, GuestAddress status, u64 options, GuestAddress usage) {
  if ((options & ~u64{WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL}) != 0)
    return Errno{EINVAL};
  WaitRequest request;
  request.waiter = call.thread.tid;
  request.options = static_cast<int>(options) | WEXITED;
  if (pid == INT_MIN)
    return Errno{ESRCH};
  if (pid > 0)
    request.kind = WaitKind::pid, request.id = Pid{pid};
  else if (pid == 0)
    request.kind = WaitKind::group, request.id = call.process.group;
  else if (pid < -1)
    request.kind = WaitKind::group, request.id = Pid{-pid};
  WaitedChild child;
  const SyscallResult waited = wait_or_block(call, request, child);
  if (waited.kind() != SyscallResult::Kind::value || waited.value() < 0 || child.pid.is_none())
    return waited;
  if (!status.is_null())
    TINE_TRY(call.memory.write_object(status, child.wait_status));
  if (!usage.is_null())
    TINE_TRY(call.memory.write_object(usage, rusage_of(child.usage)));
  return child.pid.value;
}

SyscallResult sys_waitid(Call &call, int kind, int id, GuestAddress info, u64 options,
                         GuestAddress usage) {
  constexpr u64 events = WEXITED | WSTOPPED | WCONTINUED;
  if ((options & ~u64{WNOHANG | WNOWAIT | events | __WNOTHREAD | __WCLONE | __WALL}) != 0 ||
      (options & events) == 0)
    return Errno{EINVAL};
  WaitRequest request;
  request.waiter = call.thread.tid;
  request.options = static_cast<int>(options);
  switch (kind) {
  case P_ALL:
    break;
  case P_PID:
    if (id <= 0)
      return Errno{EINVAL};
    request.kind = WaitKind::pid, request.id = given(call, id);
    break;
  case P_PGID:
    if (id < 0)
      return Errno{EINVAL};
    request.kind = WaitKind::group, request.id = id == 0 ? call.process.group : given(call, id);
    break;
  case P_PIDFD: {
    if (id < 0)
      return Errno{EINVAL};
    const auto file = ref_cast<process::PidFile>(TINE_TRY(call.thread.files->get(id)));
    if (!file)
      return Errno{EBADF};
    if (file->is_reaped())
      return Errno{ECHILD};
    request.kind = WaitKind::pid, request.id = file->process()->pid;
    if (file->is_nonblocking())
      request.options |= WNOHANG;
    break;
  }
  default:
    return Errno{EINVAL};
  }
  WaitedChild child;
  const SyscallResult waited = wait_or_block(call, request, child);
  if (waited.kind() != SyscallResult::Kind::value || waited.value() < 0)
    return waited;
  if (child.pid.is_none() && kind == P_PIDFD && (options & WNOHANG) == 0)
    return Errno{EAGAIN};
  if (!usage.is_null() && !child.pid.is_none())
    TINE_TRY(call.memory.write_object(usage, rusage_of(child.usage)));
  if (info.is_null())
    return 0;
  // Linux fills these fields alone: si_signo, si_errno, si_code, si_pid, si_uid, si_status.
  struct ChildInfo {
    i32 signal, error, code, padding, pid;
    u32 uid;
    i32 status;
  };
  const ChildInfo filled{child.pid.is_none() ? 0 : SIGCHLD,
                         0,
                         child.code,
                         0,
                         child.pid.value,
                         shown_user(call, child.uid),
                         child.signal_status};
  TINE_TRY(call.memory.write_object(info, filled));
  return 0;
}

} // namespace tine::syscall
