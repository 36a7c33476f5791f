// The table of system calls, as data.
#pragma once

#include "syscall/call.hpp"

#include <span>
#include <string_view>

namespace tine::syscall {

/// How strace prints an argument.
enum class ArgumentKind : u8 {
  fd,
  out_bytes,
  size,
  in_bytes,
  path,
  open_flags,
  mode,
  offset,
  whence,
  iovec,
  integer,
  hex,
  dirfd,
  pointer,
  string,
  fcntl_command,
  ioctl_request,
  unsigned_integer,
  out_fds,
  sigset,
  out_stat,
  out_string,
  pollfds,
  prot,
  map_flags,
  clone_flags,
  argv,
  envp,
  signal,
  sigaction,
  sigprocmask_how,
  timespec,
  out_timespec,
  futex_operation,
  out_uname,
  sockaddr,
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

} // namespace tine::syscall
