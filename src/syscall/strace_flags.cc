#include "syscall/strace_flags.hpp"

#include "syscall/strace_names.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fmt/format.h>

namespace tine::syscall {
namespace {

/// A kind of argument and its names. `zero` is what no flag at all is called; an enumeration has
/// one name a value.
struct Names {
  ArgumentKind kind;
  std::span<const NamedValue> names;
  std::string_view zero = "0";
  bool is_enumeration = false;
};

constexpr auto make_names_of_kinds() {
  using enum ArgumentKind;
  return std::to_array<Names>({
      Names{prot, protection_names, "PROT_NONE"},
      Names{map_flags, map_names},
      Names{access_mode, access_names, "F_OK"},
      Names{at_flags, at_names},
      Names{statx_mask, statx_mask_names},
      Names{msync_flags, msync_names},
      Names{mremap_flags, mremap_names},
      Names{wait_options, wait_names},
      Names{message_flags, message_names},
      Names{epoll_create_flags, epoll_create_names},
      Names{eventfd_flags, eventfd_names},
      Names{timerfd_flags, timerfd_names},
      Names{timer_flags, timer_names},
      Names{random_flags, random_names},
      Names{memfd_flags, memfd_names},
      Names{rename_flags, rename_names},
      Names{flock_operation, flock_names},
      Names{fallocate_mode, fallocate_names, "0"},
      Names{close_range_flags, close_range_names},
      Names{accept_flags, socket_flag_names},
      Names{advice, advice_names, "", true},
      Names{file_advice, file_advice_names, "", true},
      Names{clock_id, clock_names, "", true},
      Names{socket_domain, domain_names, "", true},
      Names{socket_level, level_names, "", true},
      Names{shutdown_how, shutdown_names, "", true},
      Names{fcntl_command, fcntl_names, "", true},
      Names{ioctl_request, ioctl_names, "", true},
      Names{prctl_option, prctl_names, "", true},
      Names{seccomp_operation, seccomp_operation_names, "", true},
      Names{seccomp_flags, seccomp_flag_names},
      Names{arch_prctl_code, arch_prctl_names, "", true},
      Names{resource, resource_names, "", true},
      Names{usage_who, usage_names, "", true},
      Names{epoll_operation, epoll_operation_names, "", true},
      Names{interval_timer, interval_timer_names, "", true},
      Names{id_type, id_type_names, "", true},
      Names{priority_which, priority_names, "", true},
      Names{scheduling_policy, policy_names, "", true},
      Names{whence, whence_names, "", true},
      Names{sigprocmask_how, sigprocmask_names, "", true},
      Names{membarrier_command, membarrier_names, "", true},
  });
}
constexpr auto names_of_kinds = make_names_of_kinds();

std::string print_open_flags(u64 value) {
  constexpr std::array access{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
  const std::string rest = print_flags(value & ~u64{O_ACCMODE}, open_names, "");
  return std::string(access[value & O_ACCMODE]) + (rest.empty() ? "" : "|" + rest);
}

/// pipe2(2), dup3(2), inotify_init1(2): flags of open(2) without an access mode.
std::string print_descriptor_flags(u64 value) {
  return print_flags(value, open_names, "0");
}

std::string print_socket_type(u64 value) {
  constexpr u64 low_bits = 0xf;
  const std::string flags = print_flags(value & ~low_bits, socket_flag_names, "");
  return print_name(value & low_bits, socket_type_names) + (flags.empty() ? "" : "|" + flags);
}

std::string print_statx_flags(u64 value) {
  constexpr u64 synchronisation = 0x6000; // AT_STATX_SYNC_TYPE
  std::string text = (value & synchronisation) == 0 ? "AT_STATX_SYNC_AS_STAT" : "";
  const std::string rest = print_flags(value, statx_flag_names, "");
  return text + (text.empty() || rest.empty() ? "" : "|") + rest;
}

std::string print_futex_operation(u64 value) {
  const u64 command = value & 0x7f;
  std::string text = print_name(command, futex_names);
  if ((value & FUTEX_PRIVATE_FLAG) != 0)
    text += "_PRIVATE";
  if ((value & FUTEX_CLOCK_REALTIME) != 0)
    text += "|FUTEX_CLOCK_REALTIME";
  return text;
}

} // namespace

std::string print_flags(u64 value, std::span<const NamedValue> flags, std::string_view zero) {
  if (value == 0)
    return std::string(zero);
  std::string text;
  for (const NamedValue &flag : flags) {
    if (flag.value == 0 || (value & flag.value) != flag.value)
      continue;
    value &= ~flag.value;
    text += text.empty() ? "" : "|";
    text += flag.name;
  }
  if (value != 0)
    text += fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
  return text;
}

std::string print_name(u64 value, std::span<const NamedValue> names) {
  const auto found = std::ranges::find(names, value, &NamedValue::value);
  return found != names.end() ? std::string(found->name) : fmt::format("{:#x}", value);
}

std::optional<std::string> print_constant(ArgumentKind kind, u64 value) {
  using enum ArgumentKind;
  switch (kind) {
  case open_flags:
    return print_open_flags(value);
  case descriptor_flags:
    return print_descriptor_flags(value);
  case socket_type:
    return print_socket_type(value);
  case futex_operation:
    return print_futex_operation(value);
  case clone_flags:
    return print_clone_flags(value);
  case signal:
    return print_signal(value);
  case mode:
    return fmt::format("{:#03o}", static_cast<u32>(value));
  case statx_flags:
    return print_statx_flags(value);
  case file_mode:
    return print_file_mode(static_cast<u32>(value));
  default:
    break;
  }
  const auto found = std::ranges::find(names_of_kinds, kind, &Names::kind);
  if (found == names_of_kinds.end())
    return std::nullopt;
  const auto narrow = static_cast<u32>(value); // all of them are ints
  return found->is_enumeration ? print_name(narrow, found->names)
                               : print_flags(narrow, found->names, found->zero);
}

std::string print_signal(u64 value) {
  constexpr int kernel_sigrtmin = 32; // glibc's is 34: it keeps two for itself
  const auto signal = static_cast<int>(value);
  if (signal == SIGIO)
    return "SIGIO"; // and not SIGPOLL, as the C library has it
  const char *name = signal > 0 && signal < 32 ? ::sigabbrev_np(signal) : nullptr;
  if (name != nullptr)
    return fmt::format("SIG{}", name);
  if (signal == kernel_sigrtmin)
    return "SIGRTMIN";
  return signal >= 32 && signal <= 64 ? fmt::format("SIGRT_{}", signal - 32)
                                      : fmt::format("{}", signal);
}

std::string print_clone_flags(u64 value) {
  const std::string flags = print_flags(value & ~u64{0xff}, clone_names, "");
  if ((value & 0xff) == 0)
    return flags.empty() ? "0" : flags;
  return flags + (flags.empty() ? "" : "|") + print_signal(value & 0xff);
}

std::string print_socket_option(u64 level, u64 option) {
  switch (level) {
  case SOL_SOCKET:
    return print_name(option, socket_option_names);
  case IPPROTO_TCP:
    return print_name(option, tcp_option_names);
  case IPPROTO_IP:
    return print_name(option, ip_option_names);
  case IPPROTO_IPV6:
    return print_name(option, ipv6_option_names);
  default:
    return fmt::format("{:#x}", option);
  }
}

std::string print_protocol(u64 domain, u64 protocol) {
  if (domain == AF_INET || domain == AF_INET6)
    return print_name(protocol, protocol_names);
  return fmt::format("{}", protocol);
}

std::string print_file_mode(u32 mode) {
  const u32 type = mode & S_IFMT;
  std::string text = type != 0 ? print_name(type, file_type_names) + "|" : "";
  text += print_flags(mode & (S_ISUID | S_ISGID | S_ISVTX), special_mode_names, "");
  if (text.size() > 1 && text.back() != '|')
    text += "|";
  return text + fmt::format("{:#03o}", mode & 0777);
}

std::string print_poll_events(u64 events) {
  return print_flags(events, poll_names, "0");
}

std::string print_epoll_events(u64 events) {
  return print_flags(events, epoll_event_names, "0");
}

std::string print_signal_action_flags(u64 flags) {
  return print_flags(flags, action_flag_names, "0");
}

} // namespace tine::syscall
