// epoll.
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/poll_support.hpp"

#include "fs/epoll.hpp"

#include <algorithm>
#include <climits>

namespace tine::syscall {
namespace {

Result<Ref<fs::EpollFile>> epoll_of(Call &call, int fd) {
  Ref<fs::EpollFile> epoll = ref_cast<fs::EpollFile>(TINE_TRY(file_of(call, fd)));
  if (!epoll)
    return Errno{EINVAL};
  return epoll;
}

SyscallResult wait_for_events(Call &call, int fd, GuestAddress address, int limit,
                              const std::optional<Nanoseconds> &timeout) {
  if (limit <= 0 || limit > INT_MAX / static_cast<int>(sizeof(epoll_event)))
    return Errno{EINVAL};
  const Ref<fs::EpollFile> epoll = TINE_TRY(epoll_of(call, fd));
  const std::vector<epoll_event> events = epoll->take_ready(static_cast<std::size_t>(limit));
  if (events.empty() && start_wait(call, timeout))
    return wait_for_file(call, *epoll, EPOLLIN, Interrupt::no_restart);
  TINE_TRY(call.memory.write(address, std::as_bytes(std::span(events))));
  return static_cast<u64>(events.size());
}

std::optional<Nanoseconds> from_milliseconds(int timeout) {
  if (timeout < 0)
    return std::nullopt;
  return Nanoseconds{timeout} * 1'000'000;
}

} // namespace

SyscallResult sys_epoll_create(Call &call, int size) {
  if (size <= 0)
    return Errno{EINVAL};
  return sys_epoll_create1(call, 0);
}

SyscallResult sys_epoll_create1(Call &call, u64 flags) {
  if ((flags & ~u64{EPOLL_CLOEXEC}) != 0)
    return Errno{EINVAL};
  return install_file(call, make_ref<fs::EpollFile>(), flags != 0);
}

SyscallResult sys_epoll_ctl(Call &call, int epoll_fd, int operation, int fd, GuestAddress address) {
  epoll_event event{};
  if (operation != EPOLL_CTL_DEL)
    event = TINE_TRY(call.memory.read_object<epoll_event>(address));
  TINE_TRY(file_of(call, epoll_fd));
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  if (!file->wait_queue())
    return Errno{EPERM};
  const Ref<fs::EpollFile> epoll = TINE_TRY(epoll_of(call, epoll_fd));
  if (file == epoll)
    return Errno{EINVAL};
  switch (operation) {
  case EPOLL_CTL_ADD:
    return epoll->add(*file, fd, event);
  case EPOLL_CTL_MOD:
    return epoll->modify(*file, fd, event);
  case EPOLL_CTL_DEL:
    return epoll->remove(*file, fd);
  default:
    return Errno{EINVAL};
  }
}

SyscallResult sys_epoll_wait(Call &call, int fd, GuestAddress events, int limit, int timeout) {
  return wait_for_events(call, fd, events, limit, from_milliseconds(timeout));
}

SyscallResult sys_epoll_pwait(Call &call, int fd, GuestAddress events, int limit, int timeout,
                              GuestAddress mask, u64 size) {
  TINE_TRY(replace_mask(call, mask, size));
  return wait_for_events(call, fd, events, limit, from_milliseconds(timeout));
}

SyscallResult sys_epoll_pwait2(Call &call, int fd, GuestAddress events, int limit,
                               GuestAddress timeout, GuestAddress mask, u64 size) {
  const auto wait = TINE_TRY(read_timeout(call, timeout));
  TINE_TRY(replace_mask(call, mask, size));
  return wait_for_events(call, fd, events, limit, wait);
}

} // namespace tine::syscall
