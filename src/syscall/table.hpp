// The table of system calls, as data.
#pragma once

#include "syscall/call.hpp"

#include <span>
#include <string_view>

namespace tine::syscall {

/// How strace prints an argument.
enum class ArgumentKind : u8 {
  // ---- numbers ----
  fd,
  dirfd,
  integer,
  unsigned_integer,
  size,
  offset,
  hex,
  pid, ///< negative: a process group
  user_id,
  group_id,
  pointer,
  // ---- constants: strace_names.hpp has their names ----
  access_mode,
  accept_flags,
  advice,
  arch_prctl_code,
  at_flags,
  clock_id,
  clone_flags,
  close_range_flags,
  descriptor_flags,
  epoll_create_flags,
  epoll_operation,
  eventfd_flags,
  fallocate_mode,
  fcntl_argument,
  fcntl_command,
  file_advice,
  file_mode,
  flock_operation,
  futex_fourth,
  futex_operation,
  id_type,
  interval_timer,
  ioctl_request,
  map_flags,
  membarrier_command,
  memfd_flags,
  message_flags,
  mode,
  mremap_flags,
  msync_flags,
  open_flags,
  prctl_option,
  priority_which,
  prot,
  random_flags,
  rename_flags,
  resource,
  scheduling_policy,
  seccomp_flags,
  seccomp_operation,
  shutdown_how,
  signal,
  sigprocmask_how,
  socket_domain,
  socket_level,
  socket_option,
  socket_protocol,
  socket_type,
  statx_flags,
  statx_mask,
  timer_flags,
  timerfd_flags,
  usage_who,
  wait_options,
  whence,
  // ---- what the call reads ----
  argv,
  clone_arguments,
  envp,
  epoll_event,
  fd_set,
  in_bytes,
  iovec,
  itimerspec,
  itimerval,
  message,
  option_value,
  path,
  pollfds,
  rlimit,
  sigaction,
  sigset,
  sockaddr,
  string,
  timespec,
  timespecs,
  // ---- what it fills ----
  inout_length,
  inout_offset,
  out_bytes,
  out_entries,
  out_epoll_events,
  out_fds,
  out_integer,
  out_iovec,
  out_itimerspec,
  out_itimerval,
  out_message,
  out_option_value,
  out_random,
  out_rlimit,
  out_rusage,
  out_sigaction,
  out_siginfo,
  out_sigset,
  out_sockaddr,
  out_stat,
  out_statx,
  out_string,
  out_sysinfo,
  out_times,
  out_timespec,
  out_timeval,
  out_uname,
  out_wait_status,
  remaining_timespec,
};

enum class Support : u8 { full, partial, none };

struct Row {
  u32 number;
  std::string_view name;
  Handler handler; ///< null: ENOSYS
  Support support;
  std::string_view note;
  u8 argument_count;
  ArgumentKind arguments[6];
};

/// All rows, ascending by number.
[[nodiscard]] std::span<const Row> rows();
/// The row of a number; null if there is no such call.
[[nodiscard]] const Row *find_row(u64 number);
/// By name; null if there is no such call, or it isn't supported.
[[nodiscard]] const Row *find_row(std::string_view name);

} // namespace tine::syscall
