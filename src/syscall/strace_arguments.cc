#include "syscall/strace_arguments.hpp"

#include "syscall/strace_flags.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace tine::syscall {
namespace {

/// Whether only the return tells what to print.
bool is_output(ArgumentKind kind) {
  using enum ArgumentKind;
  constexpr std::array outputs{
      out_bytes,       out_random,         out_fds,     out_stat,      out_statx,
      out_string,      out_timespec,       out_timeval, out_itimerval, out_itimerspec,
      out_rlimit,      out_rusage,         out_uname,   out_sigaction, out_sigset,
      out_wait_status, out_siginfo,        out_integer, out_sockaddr,  out_option_value,
      out_message,     out_epoll_events,   out_entries, out_iovec,     inout_length,
      inout_offset,    remaining_timespec, out_sysinfo, out_times};
  return std::ranges::find(outputs, kind) != outputs.end();
}

bool takes_mode(u64 open_flags) {
  return (open_flags & O_CREAT) != 0 || (open_flags & O_TMPFILE) == O_TMPFILE;
}

bool takes_argument(u64 fcntl_command) {
  switch (fcntl_command) {
  case F_GETFD:
  case F_GETFL:
  case F_GETOWN:
  case F_GETSIG:
  case F_GETLEASE:
  case F_GETPIPE_SZ:
  case F_GET_SEALS:
    return false;
  default:
    return true;
  }
}

/// How many arguments of futex(2) its operation looks at.
u8 futex_arguments(u64 operation) {
  switch (operation & static_cast<u64>(FUTEX_CMD_MASK)) {
  case FUTEX_WAKE:
    return 3;
  case FUTEX_UNLOCK_PI:
  case FUTEX_TRYLOCK_PI:
    return 2;
  case FUTEX_WAIT:
  case FUTEX_LOCK_PI:
    return 4;
  case FUTEX_REQUEUE:
    return 5;
  default:
    return 6;
  }
}

/// Arguments that the call looks at: those behind them hold whatever was in the registers.
u8 argument_count(const PrintedCall &call) {
  switch (call.row.number) {
  case SYS_open:
    return takes_mode(call.arguments[1]) ? 3 : 2;
  case SYS_openat:
    return takes_mode(call.arguments[2]) ? 4 : 3;
  case SYS_fcntl:
    return takes_argument(call.arguments[1]) ? 3 : 2;
  case SYS_ioctl:
    return call.arguments[1] == FIOCLEX || call.arguments[1] == FIONCLEX ? 2 : 3;
  case SYS_mremap:
    return (call.arguments[3] & MREMAP_FIXED) != 0 ? 5 : 4;
  case SYS_futex:
    return futex_arguments(call.arguments[1]);
  default:
    return call.row.argument_count;
  }
}

std::string print_fcntl_argument(const PrintedCall &call, u64 argument) {
  switch (call.arguments[1]) {
  case F_SETFD:
    return (argument & FD_CLOEXEC) != 0 ? "FD_CLOEXEC" : fmt::format("{:#x}", argument);
  case F_SETFL:
    return *print_constant(ArgumentKind::open_flags, argument);
  case F_GETLK:
  case F_SETLK:
  case F_SETLKW:
  case F_OFD_GETLK:
  case F_OFD_SETLK:
  case F_OFD_SETLKW:
    return print_pointer(argument);
  default:
    return fmt::format("{}", argument);
  }
}

/// futex(2)'s fourth argument: a timeout or a count.
std::string print_futex_fourth(const PrintedCall &call, u64 argument) {
  const u64 command = call.arguments[1] & static_cast<u64>(FUTEX_CMD_MASK);
  const bool is_count =
      command == FUTEX_REQUEUE || command == FUTEX_CMP_REQUEUE || command == FUTEX_WAKE_OP;
  if (is_count)
    return fmt::format("{}", argument);
  const auto time = call.space.read_object<timespec>(GuestAddress{argument});
  return argument != 0 && time
             ? fmt::format("{{tv_sec={}, tv_nsec={}}}", time->tv_sec, time->tv_nsec)
             : print_pointer(argument);
}

std::string print_random(const PrintedCall &call, u64 address) {
  constexpr u64 shown = 32;
  std::array<u8, shown> bytes{};
  const auto length = static_cast<u64>(std::max<i64>(call.value, 0));
  const auto part = std::span(bytes).first(std::min(length, shown));
  if (part.empty() || !call.space.read(GuestAddress{address}, std::as_writable_bytes(part)))
    return print_pointer(address);
  std::string text = "\"";
  for (const u8 byte : part)
    text += fmt::format("\\x{:02x}", byte);
  return text + (length > shown ? "\"..." : "\"");
}

/// Arguments that are neither a constant nor a structure.
std::string print_plain(const PrintedCall &call, u8 index) {
  using enum ArgumentKind;
  const u64 argument = call.argument(index);
  const u64 next = call.argument(index + 1U);
  const bool filled = call.value > 0;
  switch (call.row.arguments[index]) {
  case fd:
  case integer:
  case pid:
  case user_id:
  case group_id:
    return fmt::format("{}", static_cast<int>(argument));
  case dirfd:
    return static_cast<int>(argument) == AT_FDCWD ? "AT_FDCWD"
                                                  : fmt::format("{}", static_cast<int>(argument));
  case path:
    return print_path(call.space, argument);
  case out_string:
    return filled ? print_path(call.space, argument) : print_pointer(argument);
  case in_bytes:
    return print_bytes(call.space, argument, next);
  case out_bytes:
    return call.succeeded() ? print_bytes(call.space, argument, static_cast<u64>(call.value))
                            : print_pointer(argument);
  case out_random:
    return print_random(call, argument);
  case iovec:
    return print_iovec(call.space, argument, next, ~u64{0});
  case out_iovec:
    return call.succeeded() ? print_iovec(call.space, argument, next, static_cast<u64>(call.value))
                            : print_pointer(argument);
  case size:
    return fmt::format("{}", argument);
  case unsigned_integer:
    return fmt::format("{}", static_cast<u32>(argument));
  case offset:
    return fmt::format("{}", static_cast<i64>(argument));
  case hex:
    return argument == 0 ? "0" : fmt::format("{:#x}", argument);
  case fcntl_argument:
    return print_fcntl_argument(call, argument);
  case futex_fourth:
    return print_futex_fourth(call, argument);
  default:
    return print_pointer(argument);
  }
}

std::string print_argument(const PrintedCall &call, u8 index) {
  if (auto text = print_constant(call.row.arguments[index], call.argument(index)))
    return *text;
  if (auto text = print_structure(call, index))
    return *text;
  if (auto text = print_poll_structure(call, index))
    return *text;
  if (auto text = print_socket_structure(call, index))
    return *text;
  return print_plain(call, index);
}

/// clone(2) with the names of its arguments, as its order differs from machine to machine.
std::string print_clone(const PrintedCall &call) {
  const u64 flags = call.arguments[0];
  std::string text = "child_stack=" + print_pointer(call.arguments[1]);
  text += ", flags=" + print_clone_flags(flags);
  if ((flags & (CLONE_PARENT_SETTID | CLONE_PIDFD)) != 0)
    text += ", parent_tid=" + print_pointer(call.arguments[2]);
  if ((flags & CLONE_SETTLS) != 0)
    text += ", tls=" + print_pointer(call.arguments[4]);
  if ((flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) != 0)
    text += ", child_tidptr=" + print_pointer(call.arguments[3]);
  return text;
}

} // namespace

PrintedEntry print_entry(const PrintedCall &call) {
  PrintedEntry entry{std::string(call.row.name) + "(", 0};
  const u8 count = argument_count(call);
  if (call.row.number == SYS_clone) {
    entry.text += print_clone(call);
    entry.printed = count;
  }
  for (; entry.printed < count && !is_output(call.row.arguments[entry.printed]); ++entry.printed)
    entry.text += (entry.printed != 0 ? ", " : "") + print_argument(call, entry.printed);
  if (entry.printed == count)
    entry.text += ")";
  else if (entry.printed != 0)
    entry.text += ", ";
  return entry;
}

std::string print_rest(const PrintedCall &call, u8 printed) {
  const u8 count = argument_count(call);
  if (printed == count)
    return "";
  std::string text;
  for (u8 index = printed; index < count; ++index)
    text += (index != printed ? ", " : "") + print_argument(call, index);
  return text + ")";
}

std::string print_value(const PrintedCall &call) {
  if (call.value < 0 && call.value >= -4095) {
    const int error = static_cast<int>(-call.value);
    const char *name = ::strerrorname_np(error);
    return name != nullptr ? fmt::format("-1 {} ({})", name, ::strerror(error))
                           : fmt::format("-1 (errno {})", error);
  }
  switch (call.row.number) {
  case SYS_mmap:
  case SYS_brk:
  case SYS_mremap:
  case SYS_shmat:
    return fmt::format("{:#x}", static_cast<u64>(call.value));
  case SYS_umask:
    return fmt::format("{:#03o}", call.value);
  case SYS_fcntl:
    if (call.arguments[1] == F_GETFD)
      return call.value == 0 ? "0" : fmt::format("{:#x} (flags FD_CLOEXEC)", call.value);
    if (call.arguments[1] == F_GETFL)
      return fmt::format("{:#x} (flags {})", call.value,
                         *print_constant(ArgumentKind::open_flags, static_cast<u64>(call.value)));
    break;
  default:
    break;
  }
  const std::string ready = print_ready(call);
  return fmt::format("{}{}{}", call.value, ready.empty() ? "" : " ", ready);
}

std::string print_name_of_call(u64 number) {
  const Row *row = find_row(number);
  return row != nullptr ? std::string(row->name) : fmt::format("syscall_{:#x}", number);
}

} // namespace tine::syscall
