#include "syscall/strace_arguments.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sched.h>
#include <span>
#include <string_view>
#include <sys/mman.h>
#include <sys/uio.h>

namespace tine::syscall {
namespace {

using memory::AddressSpace;

struct Flag {
  u64 bit;
  std::string_view name;
};

std::string print_flags(u64 value, std::span<const Flag> flags, std::string_view zero) {
  if (value == 0)
    return std::string(zero);
  std::string text;
  for (const Flag &flag : flags) {
    if (flag.bit == 0 || (value & flag.bit) != flag.bit)
      continue;
    value &= ~flag.bit;
    text += text.empty() ? "" : "|";
    text += flag.name;
  }
  if (value != 0)
    text += fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
  return text;
}

#define TINE_FLAG(name)                                                                            \
  Flag {                                                                                           \
    static_cast<u64>(name), #name                                                                  \
  }
constexpr u64 kernel_o_largefile = 0100000;
constexpr std::array open_flags_table{
    TINE_FLAG(O_TMPFILE),   TINE_FLAG(O_CREAT),
    TINE_FLAG(O_EXCL),      TINE_FLAG(O_NOCTTY),
    TINE_FLAG(O_TRUNC),     TINE_FLAG(O_APPEND),
    TINE_FLAG(O_NONBLOCK),  TINE_FLAG(O_SYNC),
    TINE_FLAG(O_DSYNC),     TINE_FLAG(O_DIRECT),
    TINE_FLAG(O_DIRECTORY), TINE_FLAG(O_NOFOLLOW),
    TINE_FLAG(O_NOATIME),   TINE_FLAG(O_CLOEXEC),
    TINE_FLAG(O_PATH),      Flag{kernel_o_largefile, "O_LARGEFILE"}};
constexpr std::array protection_table{TINE_FLAG(PROT_READ), TINE_FLAG(PROT_WRITE),
                                      TINE_FLAG(PROT_EXEC)};
constexpr std::array map_flags_table{
    TINE_FLAG(MAP_SHARED_VALIDATE), TINE_FLAG(MAP_SHARED),         TINE_FLAG(MAP_PRIVATE),
    TINE_FLAG(MAP_FIXED),           TINE_FLAG(MAP_ANONYMOUS),      TINE_FLAG(MAP_GROWSDOWN),
    TINE_FLAG(MAP_DENYWRITE),       TINE_FLAG(MAP_NORESERVE),      TINE_FLAG(MAP_POPULATE),
    TINE_FLAG(MAP_STACK),           TINE_FLAG(MAP_FIXED_NOREPLACE)};
constexpr std::array clone_flags_table{TINE_FLAG(CLONE_VM),
                                       TINE_FLAG(CLONE_FS),
                                       TINE_FLAG(CLONE_FILES),
                                       TINE_FLAG(CLONE_SIGHAND),
                                       TINE_FLAG(CLONE_PIDFD),
                                       TINE_FLAG(CLONE_PTRACE),
                                       TINE_FLAG(CLONE_VFORK),
                                       TINE_FLAG(CLONE_PARENT),
                                       TINE_FLAG(CLONE_THREAD),
                                       TINE_FLAG(CLONE_NEWNS),
                                       TINE_FLAG(CLONE_SYSVSEM),
                                       TINE_FLAG(CLONE_SETTLS),
                                       TINE_FLAG(CLONE_PARENT_SETTID),
                                       TINE_FLAG(CLONE_CHILD_CLEARTID),
                                       TINE_FLAG(CLONE_CHILD_SETTID),
                                       TINE_FLAG(CLONE_NEWCGROUP),
                                       TINE_FLAG(CLONE_NEWUTS),
                                       TINE_FLAG(CLONE_NEWIPC),
                                       TINE_FLAG(CLONE_NEWUSER),
                                       TINE_FLAG(CLONE_NEWPID),
                                       TINE_FLAG(CLONE_NEWNET),
                                       TINE_FLAG(CLONE_IO)};
constexpr std::array futex_names{
    "FUTEX_WAIT",           "FUTEX_WAKE",        "FUTEX_FD",          "FUTEX_REQUEUE",
    "FUTEX_CMP_REQUEUE",    "FUTEX_WAKE_OP",     "FUTEX_LOCK_PI",     "FUTEX_UNLOCK_PI",
    "FUTEX_TRYLOCK_PI",     "FUTEX_WAIT_BITSET", "FUTEX_WAKE_BITSET", "FUTEX_WAIT_REQUEUE_PI",
    "FUTEX_CMP_REQUEUE_PI", "FUTEX_LOCK_PI2"};
#undef TINE_FLAG

std::string print_pointer(u64 value) {
  return value == 0 ? "NULL" : fmt::format("{:#x}", value);
}

std::string quote(std::string_view bytes, bool cut) {
  std::string text = "\"";
  for (const char character : bytes) {
    switch (character) {
    case '\n':
      text += "\\n";
      break;
    case '\t':
      text += "\\t";
      break;
    case '\r':
      text += "\\r";
      break;
    case '"':
      text += "\\\"";
      break;
    case '\\':
      text += "\\\\";
      break;
    default:
      if (character >= 0x20 && character < 0x7f)
        text += character;
      else
        text += fmt::format("\\{:o}", static_cast<u8>(character));
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

std::string print_bytes(AddressSpace &space, u64 address, u64 length) {
  constexpr u64 shown = 32;
  std::array<std::byte, shown> bytes{};
  const auto part = std::span(bytes).first(std::min(length, shown));
  if (address == 0 || !space.read(GuestAddress{address}, part))
    return print_pointer(address);
  return quote({reinterpret_cast<const char *>(part.data()), part.size()}, length > shown);
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
    if (!count_only && count < 32)
      text += (count != 0 ? ", " : "") + print_path(space, *entry);
  }
  return count_only ? fmt::format("{:#x} /* {} vars */", address, count) : text + "]";
}

std::string print_iovec(AddressSpace &space, u64 address, u64 count) {
  std::string text = "[";
  for (u64 i = 0; i < std::min<u64>(count, 8); ++i) {
    const auto entry = space.read_object<iovec>(GuestAddress{address + i * sizeof(iovec)});
    if (!entry)
      return print_pointer(address);
    text += fmt::format("{}{{iov_base={}, iov_len={}}}", i != 0 ? ", " : "",
                        print_bytes(space, reinterpret_cast<u64>(entry->iov_base), entry->iov_len),
                        entry->iov_len);
  }
  return text + (count > 8 ? ", ...]" : "]");
}

std::string print_timespec(AddressSpace &space, u64 address) {
  const auto time = space.read_object<timespec>(GuestAddress{address});
  if (address == 0 || !time)
    return print_pointer(address);
  return fmt::format("{{tv_sec={}, tv_nsec={}}}", time->tv_sec, time->tv_nsec);
}

std::string print_sigset(AddressSpace &space, u64 address) {
  const auto set = space.read_object<u64>(GuestAddress{address});
  if (address == 0 || !set)
    return print_pointer(address);
  std::string text = "[";
  for (int signal = 1; signal <= 64; ++signal)
    if ((*set >> (signal - 1) & 1U) != 0) {
      const char *name = signal < 32 ? ::sigabbrev_np(signal) : nullptr;
      text += (text.size() > 1 ? " " : "") +
              (name != nullptr ? std::string(name) : fmt::format("RT_{}", signal - 32));
    }
  return text + "]";
}

std::string print_fds(AddressSpace &space, u64 address) {
  const auto fds = space.read_object<std::array<int, 2>>(GuestAddress{address});
  return address != 0 && fds ? fmt::format("[{}, {}]", (*fds)[0], (*fds)[1])
                             : print_pointer(address);
}

std::string print_signal(u64 value) {
  const auto signal = static_cast<int>(value);
  const char *name = signal > 0 && signal < 32 ? ::sigabbrev_np(signal) : nullptr;
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("{}", signal);
}

std::string print_futex_operation(u64 value) {
  const u64 command = value & 0x7f;
  std::string text =
      command < futex_names.size() ? futex_names[command] : fmt::format("{:#x}", command);
  if ((value & FUTEX_PRIVATE_FLAG) != 0)
    text += "_PRIVATE";
  if ((value & FUTEX_CLOCK_REALTIME) != 0)
    text += "|FUTEX_CLOCK_REALTIME";
  return text;
}

std::string print_open_flags(u64 value) {
  constexpr std::array access{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
  const std::string rest = print_flags(value & ~u64{O_ACCMODE}, open_flags_table, "");
  return std::string(access[value & O_ACCMODE]) + (rest.empty() ? "" : "|" + rest);
}

} // namespace

bool is_output(ArgumentKind kind) {
  using enum ArgumentKind;
  return kind == out_bytes || kind == out_fds || kind == out_stat || kind == out_string ||
         kind == out_timespec || kind == out_uname;
}

std::string print_argument(AddressSpace &space, const Row &row, u8 index, const u64 (&arguments)[6],
                           i64 value) {
  using enum ArgumentKind;
  const u64 argument = arguments[index];
  const u64 next = index + 1 < 6 ? arguments[index + 1] : 0;
  switch (row.arguments[index]) {
  case fd:
  case integer:
    return fmt::format("{}", static_cast<int>(argument));
  case dirfd:
    return static_cast<int>(argument) == AT_FDCWD ? "AT_FDCWD"
                                                  : fmt::format("{}", static_cast<int>(argument));
  case path:
  case string:
    return print_path(space, argument);
  case out_string:
    return value > 0 ? print_path(space, argument) : print_pointer(argument);
  case in_bytes:
    return print_bytes(space, argument, next);
  case out_bytes:
    return value > 0 ? print_bytes(space, argument, static_cast<u64>(value))
                     : print_pointer(argument);
  case iovec:
    return print_iovec(space, argument, next);
  case argv:
    return print_string_array(space, argument, false);
  case envp:
    return print_string_array(space, argument, true);
  case size:
    return fmt::format("{}", argument);
  case unsigned_integer:
    return fmt::format("{}", static_cast<u32>(argument));
  case offset:
    return fmt::format("{}", static_cast<i64>(argument));
  case open_flags:
    return print_open_flags(argument);
  case mode:
    return fmt::format("{:#o}", static_cast<u32>(argument));
  case prot:
    return print_flags(argument, protection_table, "PROT_NONE");
  case map_flags:
    return print_flags(argument, map_flags_table, "0");
  case clone_flags:
    return print_flags(argument & ~u64{0xff}, clone_flags_table, "0") +
           ((argument & 0xff) != 0 ? "|" + print_signal(argument & 0xff) : "");
  case signal:
    return print_signal(argument);
  case sigset:
    return print_sigset(space, argument);
  case timespec:
    return print_timespec(space, argument);
  case out_timespec:
    return value == 0 ? print_timespec(space, argument) : print_pointer(argument);
  case out_fds:
    return value >= 0 ? print_fds(space, argument) : print_pointer(argument);
  case futex_operation:
    return print_futex_operation(argument);
  case whence: {
    constexpr std::array names{"SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE"};
    return argument < names.size() ? names[argument] : fmt::format("{}", argument);
  }
  case sigprocmask_how: {
    constexpr std::array names{"SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"};
    return argument < names.size() ? names[argument] : fmt::format("{}", argument);
  }
  case ioctl_request:
  case fcntl_command:
  case hex:
    return fmt::format("{:#x}", argument);
  case pointer:
  case pollfds:
  case sigaction:
  case sockaddr:
  case out_stat:
  case out_uname:
    return print_pointer(argument);
  }
  return print_pointer(argument);
}

} // namespace tine::syscall
