// The part of fcntl(2) by which files send signals: F_SETOWN, F_SETSIG, O_ASYNC, leases, directory
// notification.
#include "syscall/descriptors_signals.hpp"

#include "syscall/file_support.hpp"
#include "syscall/identifiers.hpp"

#include "fs/async_signals.hpp"
#include "fs/directory_notice.hpp"
#include "fs/locks.hpp"

#include <climits>
#include <csignal>
#include <fcntl.h>
#include <linux/capability.h>

namespace tine::syscall {
namespace {
using fs::AsyncOwner;

fs::AsyncSignals &signals_of(Call &call, fs::File &file) {
  if (!file.async)
    file.async = std::make_unique<fs::AsyncSignals>(file, *call.kernel.file_signals);
  return *file.async;
}

bool exists(Call &call, AsyncOwner::Kind kind, Pid id) {
  switch (kind) {
  case AsyncOwner::Kind::thread:
    return call.kernel.find_thread(id) != nullptr;
  case AsyncOwner::Kind::process:
    return call.kernel.find_process(id) != nullptr;
  default:
    return call.kernel.is_pid_held(id);
  }
}

/// ESRCH for an id that nobody has; 0 is nobody.
SyscallResult set_owner(Call &call, fs::File &file, AsyncOwner::Kind kind, i32 number) {
  Pid id{};
  if (number != 0) {
    id = given(call, number);
    if (number < 0 || !exists(call, kind, id))
      return Errno{ESRCH};
  }
  signals_of(call, file).owner = {kind, id, call.thread.credentials.uid,
                                  call.thread.credentials.euid};
  return 0;
}

i32 shown_owner(const Call &call, const AsyncOwner &owner) {
  return owner.id.value == 0 ? 0 : shown(call, owner.id);
}

/// "F_SETOWN_EX … F_GETOWN_EX": struct f_owner_ex.
struct OwnerArgument {
  i32 type;
  i32 pid;
};

SyscallResult set_owner(Call &call, fs::File &file, GuestAddress address) {
  const auto wanted = TINE_TRY(call.memory.read_object<OwnerArgument>(address));
  switch (wanted.type) {
  case F_OWNER_TID:
    return set_owner(call, file, AsyncOwner::Kind::thread, wanted.pid);
  case F_OWNER_PID:
    return set_owner(call, file, AsyncOwner::Kind::process, wanted.pid);
  case F_OWNER_PGRP:
    return set_owner(call, file, AsyncOwner::Kind::group, wanted.pid);
  default:
    return Errno{EINVAL};
  }
}

/// A lease or a notice goes to the process that asked, unless an owner was set.
fs::AsyncSignals &owned_signals(Call &call, fs::File &file) {
  fs::AsyncSignals &signals = signals_of(call, file);
  if (signals.owner.id.value == 0)
    signals.owner = {AsyncOwner::Kind::process, call.process.pid, call.thread.credentials.uid,
                     call.thread.credentials.euid};
  return signals;
}

SyscallResult set_lease(Call &call, const Ref<fs::File> &file, int fd, u64 argument) {
  const int type = static_cast<int>(argument);
  if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
    return Errno{EINVAL};
  const Ref<fs::Inode> inode = file->inode();
  if (type == F_UNLCK && (!inode || fs::leases_of(*inode) == nullptr))
    return Errno{EAGAIN};
  // "EACCES": not the owner, and without CAP_LEASE.
  if (inode && !call.thread.credentials.capable(CAP_LEASE) &&
      TINE_TRY(inode->attributes()).uid != call.thread.credentials.fsuid)
    return Errno{EACCES};
  if (!inode || inode->type() != S_IFREG)
    return Errno{EINVAL};
  fs::LeaseList &leases = fs::LockList::of(*file, true)->leases();
  if (type == F_UNLCK)
    return leases.remove(*file);
  (void)owned_signals(call, *file);
  return leases.set(*file, type, fd);
}

SyscallResult get_lease(fs::File &file) {
  const Ref<fs::Inode> inode = file.inode();
  fs::LeaseList *leases = inode ? fs::leases_of(*inode) : nullptr;
  return leases != nullptr ? leases->type_of(file) : F_UNLCK;
}

SyscallResult notify_directory(Call &call, fs::File &file, int fd, u32 events) {
  if ((events & ~u32{DN_MULTISHOT}) == 0) {
    if (file.async)
      file.async->notice = nullptr;
    return 0;
  }
  const Ref<fs::Inode> inode = file.inode();
  if (!inode || !inode->is_directory())
    return Errno{ENOTDIR};
  fs::AsyncSignals &signals = owned_signals(call, file);
  const void *table = call.thread.files.get();
  if (!signals.notice || signals.notice->table() != table)
    signals.notice = std::make_unique<fs::DirectoryNotice>(file, inode, table);
  signals.notice->add(fd, events);
  return 0;
}

} // namespace

void set_asynchronous(Call &call, fs::File &file, int fd, bool on) {
  const bool was_on = (file.status_flags() & O_ASYNC) != 0;
  if (!file.tells_readiness() || on == was_on)
    return;
  if (on) {
    signals_of(call, file).tell_readiness(fd);
    file.set_status_flags(file.status_flags() | O_ASYNC);
  } else {
    signals_of(call, file).end_readiness();
    file.set_status_flags(file.status_flags() & ~static_cast<u32>(O_ASYNC));
  }
}

std::optional<SyscallResult> signals_fcntl(Call &call, const Ref<fs::File> &file, int fd,
                                           int command, u64 argument) {
  constexpr int get_owner_uids = 17; // F_GETOWNER_UIDS of linux/fcntl.h
  constexpr AsyncOwner none{};
  const AsyncOwner &owner = file->async ? file->async->owner : none;
  const GuestAddress address{argument};
  switch (command) {
  case F_GETOWN: {
    const i32 id = shown_owner(call, owner);
    return SyscallResult(owner.kind == AsyncOwner::Kind::group ? -id : id);
  }
  case F_SETOWN: {
    const i32 number = static_cast<i32>(argument);
    if (number == INT_MIN)
      return Errno{EINVAL};
    return number < 0 ? set_owner(call, *file, AsyncOwner::Kind::group, -number)
                      : set_owner(call, *file, AsyncOwner::Kind::process, number);
  }
  case F_GETOWN_EX: {
    constexpr i32 types[] = {F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP};
    return SyscallResult(
        call.memory.write_object(address, OwnerArgument{types[static_cast<std::size_t>(owner.kind)],
                                                        shown_owner(call, owner)}));
  }
  case F_SETOWN_EX:
    return set_owner(call, *file, address);
  case get_owner_uids:
    return SyscallResult(call.memory.write_object(
        address, std::array<u32, 2>{shown_user(call, owner.uid), shown_user(call, owner.euid)}));
  case F_GETSIG:
    return SyscallResult(file->async ? file->async->signal : 0);
  case F_SETSIG:
    if (argument > process::highest_signal)
      return Errno{EINVAL};
    signals_of(call, *file).signal = static_cast<int>(argument);
    return SyscallResult(0);
  case F_GETLEASE:
    return get_lease(*file);
  case F_SETLEASE:
    return set_lease(call, file, fd, argument);
  case F_NOTIFY:
    return notify_directory(call, *file, fd, static_cast<u32>(argument));
  default:
    return std::nullopt;
  }
}

std::optional<SyscallResult> wait_for_leases(Call &call, const fs::Inode &inode) {
  fs::LeaseList *leases = fs::leases_of(inode);
  if (leases == nullptr)
    return std::nullopt;
  call.thread.wait_on(leases->changed());
  call.state().timed_out = false;
  call.state().deadline.reset();
  call.thread.timeout.disarm();
  if (const auto deadline = leases->deadline())
    call.set_timeout(std::max<Nanoseconds>(*deadline - time::TimerQueue::now(), 0));
  return blocked();
}

} // namespace tine::syscall
