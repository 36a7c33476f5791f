#include "syscall/strace_structs.hpp"

#include "syscall/strace_flags.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

namespace tine::syscall {
namespace {

using memory::AddressSpace;

/// Of strings and buffers, as without strace's option -s.
constexpr u64 shown_bytes = 32;

/// The kernel's struct sigaction of rt_sigaction(2).
struct KernelSigaction {
  u64 handler = 0, flags = 0, restorer = 0, mask = 0;
};

std::string print_seconds(const timespec &time) {
  return fmt::format("{{tv_sec={}, tv_nsec={}}}", time.tv_sec, time.tv_nsec);
}

std::string print_seconds(const timeval &time) {
  return fmt::format("{{tv_sec={}, tv_usec={}}}", time.tv_sec, time.tv_usec);
}

std::string print_set(u64 set) {
  constexpr int many = 42; // from so many on strace names those that are missing
  const bool inverted = __builtin_popcountll(set) >= many;
  if (inverted)
    set = ~set;
  std::string text = inverted ? "~[" : "[";
  const std::size_t empty = text.size();
  for (u64 signal = 1; signal <= 64; ++signal)
    if ((set >> (signal - 1) & 1U) != 0)
      text += (text.size() > empty ? " " : "") + print_signal(signal).substr(3);
  return text + "]";
}

std::string print(const timespec &time) {
  return print_seconds(time);
}

std::string print(const timeval &time) {
  return print_seconds(time);
}

std::string print(const itimerval &timer) {
  return fmt::format("{{it_interval={}, it_value={}}}", print_seconds(timer.it_interval),
                     print_seconds(timer.it_value));
}

std::string print(const itimerspec &timer) {
  return fmt::format("{{it_interval={}, it_value={}}}", print_seconds(timer.it_interval),
                     print_seconds(timer.it_value));
}

std::string print(const std::array<timespec, 2> &times) {
  std::string text = "[";
  for (const timespec &time : times) {
    text += text.size() > 1 ? ", " : "";
    text += time.tv_nsec == UTIME_NOW    ? "UTIME_NOW"
            : time.tv_nsec == UTIME_OMIT ? "UTIME_OMIT"
                                         : print_seconds(time);
  }
  return text + "]";
}

std::string print(const struct stat &status) {
  std::string text = fmt::format("{{st_mode={}, ", print_file_mode(status.st_mode));
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
    text +=
        fmt::format("st_rdev=makedev({:#x}, {:#x})", major(status.st_rdev), minor(status.st_rdev));
  else
    text += fmt::format("st_size={}", status.st_size);
  return text + ", ...}";
}

std::string print(const struct statx &status) {
  return fmt::format("{{stx_mask={}, stx_attributes={}, stx_mode={}, stx_size={}, ...}}",
                     *print_constant(ArgumentKind::statx_mask, status.stx_mask),
                     status.stx_attributes == 0 ? "0" : print_pointer(status.stx_attributes),
                     print_file_mode(status.stx_mode), status.stx_size);
}

std::string print(const struct sysinfo &info) {
  return fmt::format("{{uptime={}, loads=[{}, {}, {}], totalram={}, freeram={}, sharedram={}, "
                     "bufferram={}, totalswap={}, freeswap={}, procs={}, totalhigh={}, "
                     "freehigh={}, mem_unit={}}}",
                     info.uptime, info.loads[0], info.loads[1], info.loads[2], info.totalram,
                     info.freeram, info.sharedram, info.bufferram, info.totalswap, info.freeswap,
                     info.procs, info.totalhigh, info.freehigh, info.mem_unit);
}

std::string print_clock_ticks(clock_t ticks) {
  constexpr int ticks_per_second = 100; // USER_HZ
  if (ticks == 0)
    return "0";
  return fmt::format("{} /* {}.{:02} s */", ticks, ticks / ticks_per_second,
                     ticks % ticks_per_second);
}

std::string print(const tms &times) {
  return fmt::format("{{tms_utime={}, tms_stime={}, tms_cutime={}, tms_cstime={}}}",
                     print_clock_ticks(times.tms_utime), print_clock_ticks(times.tms_stime),
                     print_clock_ticks(times.tms_cutime), print_clock_ticks(times.tms_cstime));
}

std::string print_limit(u64 limit) {
  if (limit == RLIM_INFINITY)
    return "RLIM64_INFINITY";
  return limit > 1024 && limit % 1024 == 0 ? fmt::format("{}*1024", limit / 1024)
                                           : fmt::format("{}", limit);
}

std::string print(const rlimit &limit) {
  return fmt::format("{{rlim_cur={}, rlim_max={}}}", print_limit(limit.rlim_cur),
                     print_limit(limit.rlim_max));
}

std::string print(const rusage &usage) {
  return fmt::format("{{ru_utime={}, ru_stime={}, ...}}", print_seconds(usage.ru_utime),
                     print_seconds(usage.ru_stime));
}

std::string print(const utsname &name) {
  const auto field = [](const char *text) { return quote({text, ::strnlen(text, 64)}, false); };
  return fmt::format("{{sysname={}, nodename={}, ...}}", field(name.sysname), field(name.nodename));
}

std::string print(const KernelSigaction &action) {
  std::string handler = action.handler == 0   ? "SIG_DFL"
                        : action.handler == 1 ? "SIG_IGN"
                                              : print_pointer(action.handler);
  std::string text = fmt::format("{{sa_handler={}, sa_mask={}, sa_flags={}", handler,
                                 print_set(action.mask), print_signal_action_flags(action.flags));
  constexpr u64 has_restorer = 0x04000000; // SA_RESTORER
  if ((action.flags & has_restorer) != 0)
    text += fmt::format(", sa_restorer={}", print_pointer(action.restorer));
  return text + "}";
}

std::string print(const clone_args &arguments) {
  std::string text = fmt::format("{{flags={}", print_clone_flags(arguments.flags & ~u64{0xff}));
  if ((arguments.flags & CLONE_PIDFD) != 0)
    text += ", pidfd=" + print_pointer(arguments.pidfd);
  if ((arguments.flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) != 0)
    text += ", child_tid=" + print_pointer(arguments.child_tid);
  if ((arguments.flags & CLONE_PARENT_SETTID) != 0)
    text += ", parent_tid=" + print_pointer(arguments.parent_tid);
  text += ", exit_signal=" + print_signal(arguments.exit_signal);
  text += ", stack=" + print_pointer(arguments.stack);
  text += fmt::format(", stack_size={:#x}", arguments.stack_size);
  if ((arguments.flags & CLONE_SETTLS) != 0)
    text += ", tls=" + print_pointer(arguments.tls);
  return text + "}";
}

/// The structure at `address`; its address if there is none, if it can't be read or if `filled`
/// says that nothing is there.
template <typename Structure>
std::string print_at(AddressSpace &space, u64 address, bool filled = true) {
  if (address == 0 || !filled)
    return print_pointer(address);
  const auto structure = space.read_object<Structure>(GuestAddress{address});
  return structure ? print(*structure) : print_pointer(address);
}

template <typename Number> std::string print_number_at(AddressSpace &space, u64 address) {
  const auto number = space.read_object<Number>(GuestAddress{address});
  return address != 0 && number ? fmt::format("[{}]", *number) : print_pointer(address);
}

std::string print_set_at(AddressSpace &space, u64 address) {
  const auto set = space.read_object<u64>(GuestAddress{address});
  return address != 0 && set ? print_set(*set) : print_pointer(address);
}

std::string print_fds(AddressSpace &space, u64 address) {
  const auto fds = space.read_object<std::array<int, 2>>(GuestAddress{address});
  return address != 0 && fds ? fmt::format("[{}, {}]", (*fds)[0], (*fds)[1])
                             : print_pointer(address);
}

/// What getdents64(2) filled: how many entries there are.
std::string print_entries(const PrintedCall &call, u64 address) {
  if (!call.succeeded())
    return print_pointer(address);
  u64 count = 0;
  for (u64 at = 0; at < static_cast<u64>(call.value); ++count) {
    constexpr u64 record_length = 16; // d_reclen, behind d_ino and d_off
    const auto length = call.space.read_object<u16>(GuestAddress{address + at + record_length});
    if (!length || *length == 0)
      return print_pointer(address);
    at += *length;
  }
  return fmt::format("{:#x} /* {} entries */", address, count);
}

std::string print_string_at(AddressSpace &space, u64 address) {
  if (address == 0)
    return "NULL";
  const auto text = space.read_string(GuestAddress{address}, PATH_MAX);
  return text ? print_string(*text) : print_pointer(address);
}

std::string print_string_array(AddressSpace &space, u64 address, bool count_only) {
  if (address == 0)
    return "NULL";
  std::string text = "[";
  u64 count = 0;
  for (;; ++count) {
    const auto entry = space.read_object<u64>(GuestAddress{address + count * 8});
    if (!entry)
      return print_pointer(address);
    if (*entry == 0)
      break;
    if (!count_only && count < shown_bytes)
      text += (count != 0 ? ", " : "") + print_string_at(space, *entry);
  }
  return count_only ? fmt::format("{:#x} /* {} vars */", address, count) : text + "]";
}

std::string print_signal_code(const siginfo_t &info) {
  struct Code {
    int signal, code; ///< signal 0: any
    const char *name;
  };
  constexpr Code codes[] = {{0, SI_USER, "SI_USER"},
                            {0, SI_TKILL, "SI_TKILL"},
                            {0, SI_QUEUE, "SI_QUEUE"},
                            {0, SI_TIMER, "SI_TIMER"},
                            {0, SI_KERNEL, "SI_KERNEL"},
                            {0, SI_MESGQ, "SI_MESGQ"},
                            {SIGCHLD, CLD_EXITED, "CLD_EXITED"},
                            {SIGCHLD, CLD_KILLED, "CLD_KILLED"},
                            {SIGCHLD, CLD_DUMPED, "CLD_DUMPED"},
                            {SIGCHLD, CLD_STOPPED, "CLD_STOPPED"},
                            {SIGCHLD, CLD_CONTINUED, "CLD_CONTINUED"},
                            {SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR"},
                            {SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR"},
                            {SIGBUS, BUS_ADRERR, "BUS_ADRERR"},
                            {SIGBUS, BUS_ADRALN, "BUS_ADRALN"},
                            {SIGFPE, FPE_INTDIV, "FPE_INTDIV"},
                            {SIGILL, ILL_ILLOPN, "ILL_ILLOPN"},
                            {SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT"},
                            {SIGTRAP, TRAP_TRACE, "TRAP_TRACE"}};
  for (const Code &code : codes)
    if (code.code == info.si_code && (code.signal == 0 || code.signal == info.si_signo))
      return code.name;
  return fmt::format("{}", info.si_code);
}

} // namespace

std::string print_pointer(u64 value) {
  return value == 0 ? "NULL" : fmt::format("{:#x}", value);
}

std::string quote(std::string_view bytes, bool cut) {
  std::string text = "\"";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr std::string_view plain = "\n\t\r\v\f\"\\", letters = "ntrvf\"\\";
    const char character = bytes[i];
    if (const auto found = plain.find(character); found != std::string_view::npos) {
      text += '\\';
      text += letters[found];
    } else if (character >= 0x20 && character < 0x7f) {
      text += character;
    } else {
      // A digit behind it would be read as part of the number.
      const bool digit_follows = i + 1 < bytes.size() && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
      const auto number = static_cast<u8>(character);
      text += digit_follows ? fmt::format("\\{:03o}", number) : fmt::format("\\{:o}", number);
    }
  }
  return text + (cut ? "\"..." : "\"");
}

std::string print_path(AddressSpace &space, u64 address) {
  if (address == 0)
    return "NULL";
  const auto path = space.read_string(GuestAddress{address}, PATH_MAX);
  return path ? quote(*path, false) : print_pointer(address);
}

std::string print_string(std::string_view text) {
  return quote(text.substr(0, shown_bytes), text.size() > shown_bytes);
}

std::string print_bytes(AddressSpace &space, u64 address, u64 length) {
  std::array<std::byte, shown_bytes> bytes{};
  const auto part = std::span(bytes).first(std::min(length, shown_bytes));
  if (address == 0 || !space.read(GuestAddress{address}, part))
    return print_pointer(address);
  return quote({reinterpret_cast<const char *>(part.data()), part.size()}, length > shown_bytes);
}

std::string print_iovec(AddressSpace &space, u64 address, u64 count, u64 limit) {
  if (address == 0)
    return "NULL";
  constexpr u64 shown = 32;
  std::string text = "[";
  for (u64 i = 0; i < std::min(count, shown); ++i) {
    const auto entry = space.read_object<iovec>(GuestAddress{address + i * sizeof(iovec)});
    if (!entry)
      return print_pointer(address);
    const u64 length = std::min<u64>(entry->iov_len, limit);
    limit -= length;
    text += fmt::format("{}{{iov_base={}, iov_len={}}}", i != 0 ? ", " : "",
                        print_bytes(space, reinterpret_cast<u64>(entry->iov_base), length),
                        entry->iov_len);
  }
  return text + (count > shown ? ", ...]" : "]");
}

std::string print_siginfo(const siginfo_t &info) {
  const auto signal = static_cast<u64>(info.si_signo);
  std::string text =
      fmt::format("{{si_signo={}, si_code={}", print_signal(signal), print_signal_code(info));
  if (info.si_code == SI_USER || info.si_code == SI_TKILL) {
    text += fmt::format(", si_pid={}, si_uid={}", info.si_pid, info.si_uid);
  } else if (info.si_code == SI_QUEUE) {
    text += fmt::format(", si_pid={}, si_uid={}, si_int={}, si_ptr={}", info.si_pid, info.si_uid,
                        info.si_int, print_pointer(reinterpret_cast<u64>(info.si_ptr)));
  } else if (info.si_code == SI_TIMER) {
    text += fmt::format(", si_timerid={:#x}, si_overrun={}, si_int={}, si_ptr={}", info.si_timerid,
                        info.si_overrun, info.si_int,
                        print_pointer(reinterpret_cast<u64>(info.si_ptr)));
  } else if (info.si_signo == SIGCHLD && info.si_code > 0) {
    const bool exited = info.si_code == CLD_EXITED;
    text += fmt::format(
        ", si_pid={}, si_uid={}, si_status={}, si_utime={}, si_stime={}", info.si_pid, info.si_uid,
        exited ? fmt::format("{}", info.si_status) : print_signal(static_cast<u64>(info.si_status)),
        info.si_utime, info.si_stime);
  } else if (info.si_code > 0 && info.si_code != SI_KERNEL &&
             (info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGFPE ||
              info.si_signo == SIGILL || info.si_signo == SIGTRAP)) {
    text += ", si_addr=" + print_pointer(reinterpret_cast<u64>(info.si_addr));
  }
  return text + "}";
}

std::string print_wait_status(int status) {
  if (WIFEXITED(status))
    return fmt::format("[{{WIFEXITED(s) && WEXITSTATUS(s) == {}}}]", WEXITSTATUS(status));
  if (WIFSTOPPED(status))
    return fmt::format("[{{WIFSTOPPED(s) && WSTOPSIG(s) == {}}}]",
                       print_signal(static_cast<u64>(WSTOPSIG(status))));
  if (WIFCONTINUED(status))
    return "[{WIFCONTINUED(s)}]";
  return fmt::format("[{{WIFSIGNALED(s) && WTERMSIG(s) == {}{}}}]",
                     print_signal(static_cast<u64>(WTERMSIG(status))),
                     WCOREDUMP(status) ? " && WCOREDUMP(s)" : "");
}

std::optional<std::string> print_structure(const PrintedCall &call, u8 index) {
  using enum ArgumentKind;
  AddressSpace &space = call.space;
  const u64 address = call.argument(index);
  const bool filled = call.succeeded();
  switch (call.row.arguments[index]) {
  case string:
    return print_string_at(space, address);
  case argv:
    return print_string_array(space, address, false);
  case envp:
    return print_string_array(space, address, true);
  case out_entries:
    return print_entries(call, address);
  case out_fds:
    return filled ? print_fds(space, address) : print_pointer(address);
  case out_integer:
    return filled ? print_number_at<int>(space, address) : print_pointer(address);
  case inout_offset:
    return print_number_at<i64>(space, address);
  case sigset:
    return print_set_at(space, address);
  case out_sigset:
    return filled ? print_set_at(space, address) : print_pointer(address);
  case timespec:
    return print_at<struct timespec>(space, address);
  case out_timespec:
    return print_at<struct timespec>(space, address, filled);
  case remaining_timespec: // filled by a sleep that a signal ended
    return print_at<struct timespec>(space, address, call.value == -EINTR);
  case timespecs:
    return print_at<std::array<struct timespec, 2>>(space, address);
  case out_timeval:
    return print_at<timeval>(space, address, filled);
  case itimerval:
    return print_at<struct itimerval>(space, address);
  case out_itimerval:
    return print_at<struct itimerval>(space, address, filled);
  case itimerspec:
    return print_at<struct itimerspec>(space, address);
  case out_itimerspec:
    return print_at<struct itimerspec>(space, address, filled);
  case out_stat:
    return print_at<struct stat>(space, address, filled);
  case out_statx:
    return print_at<struct statx>(space, address, filled);
  case rlimit:
    return print_at<struct rlimit>(space, address);
  case out_rlimit:
    return print_at<struct rlimit>(space, address, filled);
  case out_rusage: // wait4: only of a child that was found
    return print_at<struct rusage>(space, address,
                                   filled && (call.row.name != "wait4" || call.value > 0));
  case out_sysinfo:
    return print_at<struct sysinfo>(space, address, filled);
  case out_times:
    return print_at<tms>(space, address, filled);
  case out_uname:
    return print_at<utsname>(space, address, filled);
  case sigaction:
    return print_at<KernelSigaction>(space, address);
  case out_sigaction:
    return print_at<KernelSigaction>(space, address, filled);
  case clone_arguments:
    return print_at<clone_args>(space, address);
  case out_wait_status: {
    const auto status = space.read_object<int>(GuestAddress{address});
    return address != 0 && status && call.value > 0 ? print_wait_status(*status)
                                                    : print_pointer(address);
  }
  case out_siginfo: {
    const auto info = space.read_object<siginfo_t>(GuestAddress{address});
    return address != 0 && info && filled ? print_siginfo(*info) : print_pointer(address);
  }
  default:
    return std::nullopt;
  }
}

} // namespace tine::syscall
