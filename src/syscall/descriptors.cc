// dup, close_range, pipes, ioctl, and descriptors that stand for events.
#include "syscall/descriptors_signals.hpp"
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"
#include "syscall/pidfd.hpp"

#include "fs/event_files.hpp"
#include "fs/memory_fs.hpp"
#include "process/settings.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace tine::syscall {

SyscallResult sys_dup(Call &call, int fd) {
  return install_file(call, TINE_TRY(any_file_of(call, fd)), false);
}

SyscallResult sys_dup2(Call &call, int old_fd, int new_fd) {
  const Ref<fs::File> file = TINE_TRY(any_file_of(call, old_fd));
  if (old_fd != new_fd)
    TINE_TRY(call.thread.files->install_at(new_fd, file, false, descriptor_limit(call)));
  return new_fd;
}

SyscallResult sys_dup3(Call &call, int old_fd, int new_fd, u32 flags) {
  if ((flags & ~u32{O_CLOEXEC}) != 0 || old_fd == new_fd)
    return Errno{EINVAL};
  const Ref<fs::File> file = TINE_TRY(any_file_of(call, old_fd));
  TINE_TRY(call.thread.files->install_at(new_fd, file, flags != 0, descriptor_limit(call)));
  return new_fd;
}

SyscallResult sys_close_range(Call &call, u32 first, u32 last, u64 flags) {
  if (first > last || (flags & ~u64{CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC}) != 0)
    return Errno{EINVAL};
  if ((flags & CLOSE_RANGE_UNSHARE) != 0)
    call.thread.files = call.thread.files->clone();
  const Ref<fs::FdTable> files = call.thread.files;
  for (const int fd : files->open_descriptors()) {
    if (static_cast<u32>(fd) < first || static_cast<u32>(fd) > last)
      continue;
    if ((flags & CLOSE_RANGE_CLOEXEC) != 0)
      TINE_TRY(files->set_close_on_exec(fd, true));
    else
      TINE_TRY(files->close(fd));
  }
  return 0;
}

SyscallResult sys_pipe(Call &call, GuestAddress fds) {
  return sys_pipe2(call, fds, 0);
}

SyscallResult sys_pipe2(Call &call, GuestAddress address, u32 flags) {
  if ((flags & ~u32{O_CLOEXEC | O_NONBLOCK | O_DIRECT}) != 0)
    return Errno{EINVAL};
  const bool close_on_exec = (flags & O_CLOEXEC) != 0;
  fs::PipeEnds ends = fs::make_pipe(flags & ~u32{O_CLOEXEC});
  // pipe(7): "unprivileged … the initial capacity is limited" by pipe-max-size.
  const u64 most = process::largest_pipe(call.kernel);
  if (most < fs::Pipe::default_capacity && !call.thread.credentials.capable(CAP_SYS_RESOURCE))
    TINE_TRY(static_cast<fs::PipeFile &>(*ends.reader).pipe().set_capacity(most));
  const int reader = TINE_TRY(install_file(call, ends.reader, close_on_exec));
  const Result<int> writer = install_file(call, ends.writer, close_on_exec);
  if (!writer) {
    (void)call.thread.files->close(reader);
    return writer.error();
  }
  const Status written = call.memory.write_object(address, std::array<int, 2>{reader, *writer});
  if (!written) {
    (void)call.thread.files->close(reader);
    (void)call.thread.files->close(*writer);
  }
  return written;
}

namespace {

/// ioctl_list(2) of regular files: bytes up to the end of the file, size of a block.
SyscallResult regular_file_ioctl(Call &call, fs::File &file, u32 request, GuestAddress address) {
  const struct stat status = TINE_TRY(file.stat());
  const i64 value =
      request == FIONREAD ? status.st_size - static_cast<i64>(file.offset) : i64{status.st_blksize};
  return call.memory.write_object(address, static_cast<int>(value));
}

} // namespace

SyscallResult sys_ioctl(Call &call, int fd, u32 request, u64 argument) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  switch (request) {
  case FIOCLEX:
    return call.thread.files->set_close_on_exec(fd, true);
  case FIONCLEX:
    return call.thread.files->set_close_on_exec(fd, false);
  case FIONBIO: {
    const int on = TINE_TRY(call.memory.read_object<int>(GuestAddress{argument}));
    const u32 flags = file->status_flags() & ~u32{O_NONBLOCK};
    file->set_status_flags(on != 0 ? flags | O_NONBLOCK : flags);
    return 0;
  }
  case FIOASYNC:
    set_asynchronous(call, *file, fd,
                     TINE_TRY(call.memory.read_object<int>(GuestAddress{argument})) != 0);
    return 0;
  case FIONREAD:
  case FIGETBSZ:
    if (const Ref<fs::Inode> inode = file->inode(); inode && inode->type() == S_IFREG)
      return regular_file_ioctl(call, *file, request, GuestAddress{argument});
    [[fallthrough]];
  default: {
    if (const auto space = ref_cast<process::NamespaceFile>(file))
      return namespace_ioctl(call, *space, request, GuestAddress{argument});
    if (const auto pidfd = ref_cast<process::PidFile>(file))
      return pidfd_ioctl(call, *pidfd, request, argument);
    const Result<u64> result = file->ioctl({request, argument, call.memory});
    return !result && is_tried_again(result.error()) ? blocked() : SyscallResult(result);
  }
  }
}

SyscallResult sys_eventfd(Call &call, u32 initial) {
  return sys_eventfd2(call, initial, 0);
}

SyscallResult sys_eventfd2(Call &call, u32 initial, u64 flags) {
  if ((flags & ~u64{EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE}) != 0)
    return Errno{EINVAL};
  return install_file(call,
                      make_ref<fs::EventFile>(initial, static_cast<u32>(flags & EFD_NONBLOCK),
                                              (flags & EFD_SEMAPHORE) != 0),
                      (flags & EFD_CLOEXEC) != 0);
}

SyscallResult sys_signalfd(Call &call, int fd, GuestAddress mask, u64 size) {
  return sys_signalfd4(call, fd, mask, size, 0);
}

SyscallResult sys_signalfd4(Call &call, int fd, GuestAddress address, u64 size, u64 flags) {
  if (size != sizeof(u64) || (flags & ~u64{SFD_CLOEXEC | SFD_NONBLOCK}) != 0)
    return Errno{EINVAL};
  const u64 mask = TINE_TRY(call.memory.read_object<u64>(address));
  if (fd == -1)
    return install_file(call,
                        make_ref<fs::SignalFile>(mask, static_cast<u32>(flags & SFD_NONBLOCK),
                                                 *call.kernel.file_signals),
                        (flags & SFD_CLOEXEC) != 0);
  const auto file = ref_cast<fs::SignalFile>(TINE_TRY(file_of(call, fd)));
  if (!file)
    return Errno{EINVAL};
  file->set_mask(mask);
  return fd;
}

SyscallResult sys_timerfd_create(Call &call, int clock, u64 flags) {
  if ((flags & ~u64{TFD_CLOEXEC | TFD_NONBLOCK}) != 0)
    return Errno{EINVAL};
  switch (clock) {
  case CLOCK_REALTIME:
  case CLOCK_MONOTONIC:
  case CLOCK_BOOTTIME:
    break;
  case CLOCK_REALTIME_ALARM:
  case CLOCK_BOOTTIME_ALARM: // a box is never suspended: as the clocks without an alarm
    if (!call.thread.credentials.capable(CAP_WAKE_ALARM))
      return Errno{EPERM};
    break;
  default:
    return Errno{EINVAL};
  }
  return install_file(call,
                      make_ref<fs::TimerFile>(call.kernel.host.timers, clock,
                                              static_cast<u32>(flags & TFD_NONBLOCK)),
                      (flags & TFD_CLOEXEC) != 0);
}

namespace {

timespec to_timespec(Nanoseconds time) {
  return {time / 1'000'000'000, time % 1'000'000'000};
}

Result<Ref<fs::TimerFile>> timer_of(Call &call, int fd) {
  Ref<fs::TimerFile> timer = ref_cast<fs::TimerFile>(TINE_TRY(file_of(call, fd)));
  if (!timer)
    return Errno{EINVAL};
  return timer;
}

Status put_setting(Call &call, GuestAddress address, const fs::TimerFile::Setting &setting) {
  return call.memory.write_object(
      address, itimerspec{to_timespec(setting.interval), to_timespec(setting.value)});
}

} // namespace

SyscallResult sys_timerfd_settime(Call &call, int fd, u64 flags, GuestAddress new_address,
                                  GuestAddress old_address) {
  if ((flags & ~u64{TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET}) != 0)
    return Errno{EINVAL};
  const auto value = TINE_TRY(call.memory.read_object<itimerspec>(new_address));
  fs::TimerFile::Setting setting{TINE_TRY(to_nanoseconds(value.it_value)),
                                 TINE_TRY(to_nanoseconds(value.it_interval))};
  const Ref<fs::TimerFile> timer = TINE_TRY(timer_of(call, fd));
  if ((flags & TFD_TIMER_ABSTIME) != 0 && !timer->measures_wall_clock() &&
      setting.value != 0) // the host's time
    setting.value = std::max<Nanoseconds>(setting.value - call.kernel.monotonic_offset, 1);
  const fs::TimerFile::Setting old = timer->remaining();
  timer->set(setting, (flags & TFD_TIMER_ABSTIME) != 0);
  if (old_address.is_null())
    return 0;
  return put_setting(call, old_address, old);
}

SyscallResult sys_timerfd_gettime(Call &call, int fd, GuestAddress address) {
  return put_setting(call, address, TINE_TRY(timer_of(call, fd))->remaining());
}

} // namespace tine::syscall
