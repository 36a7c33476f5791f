// pidfd_open(2), pidfd_getfd(2), and what else a descriptor of a process or thread can do.
#include "syscall/pidfd.hpp"
#include "process/kernel.hpp"
#include "process/namespaces.hpp"
#include "process/ptrace.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/ioctl.h>

namespace tine::syscall {

using process::PidFile;
using process::Process;
using process::Thread;

namespace {

/// struct pidfd_info of linux/pidfd.h, first version.
struct PidfdInfo {
  u64 mask, cgroup;
  u32 pid, thread_group, parent;
  u32 uid, gid, euid, egid, suid, sgid, fsuid, fsgid;
  i32 exit_status;
};
static_assert(sizeof(PidfdInfo) == 64);

constexpr u64 info_pid = 1, info_credentials = 2, info_cgroup = 4, info_exit = 8;

void fill_credentials(const Call &call, const fs::Credentials &ids, PidfdInfo &info) {
  info.uid = shown_user(call, ids.uid), info.euid = shown_user(call, ids.euid);
  info.suid = shown_user(call, ids.suid), info.fsuid = shown_user(call, ids.fsuid);
  info.gid = shown_group(call, ids.gid), info.egid = shown_group(call, ids.egid);
  info.sgid = shown_group(call, ids.sgid), info.fsgid = shown_group(call, ids.fsgid);
  info.mask |= info_credentials;
}

/// PIDFD_GET_INFO: who it is, without being asked; how it ended once it was waited for, if asked.
SyscallResult get_info(Call &call, const PidFile &file, u32 size, GuestAddress address) {
  if (address.is_null() || size < sizeof(PidfdInfo))
    return Errno{EINVAL};
  const auto asked = TINE_TRY(call.memory.read_object<u64>(address));
  const Process &process = *file.process();
  PidfdInfo info{};
  info.mask = info_cgroup;
  info.cgroup = 1; // of the only one
  if (file.is_reaped()) {
    if ((asked & info_exit) == 0)
      return Errno{ESRCH};
    info.mask |= info_exit;
    info.exit_status = process.exit_status;
  } else {
    if (shown(call, process.pid) == 0)
      return Errno{EREMOTE};
    const Thread *thread = file.living_thread();
    if (thread != nullptr)
      fill_credentials(call, thread->credentials, info);
    info.pid = static_cast<u32>(shown(call, file.id()));
    info.thread_group = static_cast<u32>(shown(call, process.pid));
    info.parent =
        process.parent != nullptr ? static_cast<u32>(shown(call, process.parent->pid)) : 0;
    info.mask |= info_pid;
  }
  TINE_TRY(call.memory.write_object(address, info));
  const std::vector<std::byte> tail(size - sizeof info);
  TINE_TRY(call.memory.write(address + sizeof info, tail));
  return 0;
}

/// PIDFD_GET_*_NAMESPACE, numbered from 1 as here.
SyscallResult get_namespace(Call &call, const PidFile &file, u32 number, u64 argument) {
  constexpr const char *names[] = {"cgroup",           "ipc",  "mnt",  "net",  "pid",
                                   "pid_for_children", "time", "time", "user", "uts"};
  if (argument != 0)
    return Errno{EINVAL};
  const Thread *target = file.living_thread();
  if (target == nullptr)
    return Errno{ESRCH};
  if (!process::check_ptrace_access(call.thread, *target).ok())
    return Errno{EACCES};
  for (const process::NamespaceName &name : process::namespace_names())
    if (std::string_view(name.name) == names[number - 1])
      return call.thread.files->install(TINE_TRY(process::namespace_file(*target, name)), true, 0,
                                        call.process.limit(RLIMIT_NOFILE));
  return Errno{EOPNOTSUPP}; // time namespaces
}

} // namespace

SyscallResult pidfd_ioctl(Call &call, const PidFile &file, u32 request, u64 argument) {
  constexpr u32 type = 0xff, get_info_number = 11, last_namespace = 10;
  const u32 number = _IOC_NR(request);
  if (_IOC_TYPE(request) != type)
    return Errno{ENOTTY};
  if (number == get_info_number && _IOC_DIR(request) == (_IOC_READ | _IOC_WRITE) &&
      _IOC_SIZE(request) >= sizeof(PidfdInfo))
    return get_info(call, file, _IOC_SIZE(request), GuestAddress{argument});
  if (_IOC_DIR(request) == _IOC_NONE && number >= 1 && number <= last_namespace)
    return get_namespace(call, file, number, argument);
  return Errno{ENOTTY};
}

/// setns(2): "If fd is a PID file descriptor …, nstype … a bit mask": all that are named, or none.
SyscallResult enter_namespaces_of(Call &call, const PidFile &file, u64 kinds) {
  // User namespaces first: what is joined with them is theirs.
  constexpr u64 order[] = {CLONE_NEWUSER, CLONE_NEWNS,     CLONE_NEWUTS, CLONE_NEWIPC,
                           CLONE_NEWPID,  CLONE_NEWCGROUP, CLONE_NEWNET};
  u64 known = 0;
  for (const u64 kind : order)
    known |= kind;
  if (kinds == 0 || (kinds & ~known) != 0)
    return Errno{EINVAL};
  const Thread *target = file.living_thread();
  if (target == nullptr)
    return Errno{ESRCH};
  TINE_TRY(process::check_ptrace_access(call.thread, *target));
  Thread &thread = call.thread;
  const auto old_namespaces = thread.namespaces;
  const fs::Credentials old_credentials = thread.credentials;
  const u32 old_bits = thread.secure_bits;
  const auto old_mounts = thread.fs->mounts;
  const fs::Path old_root = thread.fs->root, old_directory = thread.fs->working_directory;
  const auto enter = [&](u64 kind) -> Status {
    for (const process::NamespaceName &name : process::namespace_names())
      if (name.flag == kind) // a pid namespace's first name is the thread's own
        return process::enter_namespace(thread, *TINE_TRY(process::namespace_file(*target, name)));
    return Errno{EINVAL};
  };
  for (const u64 kind : order) {
    const Status status = (kinds & kind) != 0 ? enter(kind) : Status{Done{}};
    if (status.ok())
      continue;
    thread.namespaces = old_namespaces;
    thread.credentials = old_credentials;
    thread.secure_bits = old_bits;
    thread.fs->mounts = old_mounts;
    thread.fs->root = old_root, thread.fs->working_directory = old_directory;
    return status.error();
  }
  if ((kinds & CLONE_NEWIPC) != 0)
    process::leave_semaphores(thread);
  return 0;
}

SyscallResult sys_pidfd_open(Call &call, int pid, u64 flags) {
  constexpr u64 nonblock = O_NONBLOCK, of_thread = O_EXCL; // PIDFD_NONBLOCK, PIDFD_THREAD
  if ((flags & ~(nonblock | of_thread)) != 0 || pid <= 0)
    return Errno{EINVAL};
  Process *process = call.kernel.find_process(Pid{pid});
  const Thread *thread = call.kernel.find_thread(Pid{pid});
  if (process == nullptr && thread == nullptr)
    return Errno{ESRCH};
  if (process == nullptr && (flags & of_thread) == 0)
    return Errno{ENOENT}; // since Linux 6.15; EINVAL before
  if (process == nullptr)
    process = thread->process;
  const Pid id = (flags & of_thread) != 0 ? Pid{pid} : Pid{};
  auto file = make_ref<PidFile>(Ref<Process>(process), id);
  file->set_status_flags(file->status_flags() | static_cast<u32>(flags));
  return call.thread.files->install(file, true, 0, call.process.limit(RLIMIT_NOFILE));
}

SyscallResult sys_pidfd_getfd(Call &call, int pidfd, int fd, u64 flags) {
  if (flags != 0)
    return Errno{EINVAL};
  const auto file = ref_cast<PidFile>(TINE_TRY(call.thread.files->get(pidfd)));
  if (!file)
    return Errno{EBADF};
  const Thread *target = file->living_thread();
  if (target == nullptr)
    return Errno{ESRCH};
  TINE_TRY(process::check_ptrace_access(call.thread, *target));
  const Ref<fs::File> wanted = TINE_TRY(target->files->get(fd));
  return call.thread.files->install(wanted, true, 0, call.process.limit(RLIMIT_NOFILE));
}

} // namespace tine::syscall
