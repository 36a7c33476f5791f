// unshare(2), setns(2), pivot_root(2).
#include "process/namespaces.hpp"
#include "process/lifecycle.hpp"

#include "process/kernel.hpp"
#include "process/settings.hpp"
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"
#include "syscall/pidfd.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sched.h>

namespace tine::syscall {
namespace {

/// chroot_fs_refs: "pivot_root() changes the root directory and the current working directory of
/// each process or thread to new_root if they point to the old root directory".
void move_roots(Call &call, const fs::Path &from, const fs::Path &to) {
  const auto is_old = [&](const fs::Path &path) {
    return path.mount == from.mount && path.dentry == from.dentry;
  };
  for (const auto &[pid, process] : call.kernel.processes())
    for (const Ref<process::Thread> &thread : process->threads) {
      if (!thread->fs)
        continue;
      if (is_old(thread->fs->root))
        thread->fs->root = to;
      if (is_old(thread->fs->working_directory))
        thread->fs->working_directory = to;
    }
}

Result<fs::Path> find_directory(Call &call, GuestAddress address) {
  const fs::Path path = TINE_TRY(find_path(call, {.directory = AT_FDCWD, .path = address}));
  if (!path.dentry->inode()->is_directory())
    return Errno{ENOTDIR};
  return path;
}

/// The copy of a table would be larger than fs/nr_open, which has been lowered: EMFILE.
Status check_descriptors(const Call &call) {
  const std::vector<int> open = call.thread.files->open_descriptors();
  const bool is_too_large =
      !open.empty() && static_cast<u64>(open.back()) >= process::most_descriptors(call.kernel);
  return is_too_large ? Errno{EMFILE} : Status{Done{}};
}

} // namespace

SyscallResult sys_unshare(Call &call, u64 flags) {
  constexpr u64 sharing =
      CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
  constexpr u64 namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                             CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;
  if ((flags & ~(sharing | namespaces)) != 0)
    return Errno{EINVAL};
  TINE_TRY(process::check_new_namespaces(call.thread, flags));
  if ((flags & CLONE_FILES) != 0)
    TINE_TRY(check_descriptors(call));
  // "CLONE_NEWUSER … implies CLONE_THREAD … and CLONE_FS", "CLONE_NEWNS implies CLONE_FS",
  // "CLONE_NEWIPC … CLONE_SYSVSEM".
  constexpr u64 alone = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER;
  if ((flags & alone) != 0 && call.process.threads.size() > 1)
    return Errno{EINVAL};
  if ((flags & (CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER)) != 0 &&
      call.thread.fs->reference_count() > 1)
    call.thread.fs = call.thread.fs->clone();
  if ((flags & CLONE_FILES) != 0 && call.thread.files->reference_count() > 1)
    call.thread.files = call.thread.files->clone();
  if ((flags & (CLONE_SYSVSEM | CLONE_NEWIPC)) != 0)
    process::leave_semaphores(call.thread);
  process::make_new_namespaces(call.thread, flags);
  return 0;
}

SyscallResult sys_setns(Call &call, int fd, u64 kind) {
  const Ref<fs::File> given = TINE_TRY(call.thread.files->get(fd));
  if (const auto pidfd = ref_cast<process::PidFile>(given))
    return enter_namespaces_of(call, *pidfd, kind);
  const auto file = ref_cast<process::NamespaceFile>(given);
  if (!file || (kind != 0 && kind != file->flag()))
    return Errno{EINVAL};
  if (file->flag() == CLONE_NEWIPC)
    process::leave_semaphores(call.thread);
  return process::enter_namespace(call.thread, *file);
}

namespace {

SyscallResult install_namespace(Call &call, const Ref<process::NamespaceFile> &file) {
  return call.thread.files->install(file, true, 0, call.process.limit(RLIMIT_NOFILE));
}

/// "EPERM: The requested namespace is outside of the caller's namespace scope": the first one has
/// no parent, and a program in a namespace sees none above its own.
SyscallResult open_user_namespace(Call &call, const Ref<fs::UserNamespace> &space) {
  if (!fs::is_within(space.get(), process::user_namespace_of(call.thread)))
    return Errno{EPERM};
  return install_namespace(call, process::user_namespace_file(space));
}

} // namespace

SyscallResult namespace_ioctl(Call &call, const process::NamespaceFile &file, u32 request,
                              GuestAddress argument) {
  const bool is_first_user = file.flag() == CLONE_NEWUSER && !file.user;
  switch (request) {
  case NS_GET_NSTYPE:
    return file.flag();
  case NS_GET_USERNS:
    return is_first_user ? SyscallResult{Errno{EPERM}} : open_user_namespace(call, file.owner());
  case NS_GET_PARENT:
    if (file.flag() == CLONE_NEWUSER)
      return is_first_user ? SyscallResult{Errno{EPERM}}
                           : open_user_namespace(call, file.user->parent);
    if (file.flag() != CLONE_NEWPID)
      return Errno{EINVAL};
    if (!file.pid || !process::is_within(file.pid->parent.get(), pid_namespace_of(call.thread)))
      return Errno{EPERM};
    return install_namespace(call, process::pid_namespace_file(file.pid->parent));
  case NS_GET_OWNER_UID:
    if (file.flag() != CLONE_NEWUSER)
      return Errno{EINVAL};
    return call.memory.write_object(argument, shown_user(call, file.user ? file.user->owner : 0));
  default:
    return Errno{ENOTTY};
  }
}

SyscallResult sys_pivot_root(Call &call, GuestAddress new_root, GuestAddress put_old) {
  if (!call.thread.credentials.capable_in(call.thread.fs->mounts->owner.get(), CAP_SYS_ADMIN))
    return Errno{EPERM};
  const fs::Path to = TINE_TRY(find_directory(call, new_root));
  const fs::Path old = TINE_TRY(find_directory(call, put_old));
  fs::MountNamespace &mounts = *call.thread.fs->mounts;
  const fs::Path from = call.thread.fs->root;
  // "The current root directory is not a mount point", of the namespace's root here: chroot.
  if (from.dentry != from.mount->root || from.mount != mounts.mounts().front())
    return Errno{EINVAL};
  TINE_TRY(mounts.pivot(to, old));
  move_roots(call, from, to);
  return 0;
}

} // namespace tine::syscall
