// The names of flags and constants, as strace prints them.
#pragma once

#include "syscall/table.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tine::syscall {

struct NamedValue;

/// "A|B|0x40": the names of the bits that are set, what has no name in hexadecimal; `zero` if none
/// is.
[[nodiscard]] std::string print_flags(u64 value, std::span<const NamedValue> flags,
                                      std::string_view zero);
/// The name of the value; hexadecimal if it has none.
[[nodiscard]] std::string print_name(u64 value, std::span<const NamedValue> names);

/// An argument whose kind is a set of flags or an enumeration; nothing for other kinds.
[[nodiscard]] std::optional<std::string> print_constant(ArgumentKind kind, u64 value);

/// "SIGCHLD", "SIGRT_2", or the number of what is no signal.
[[nodiscard]] std::string print_signal(u64 value);
[[nodiscard]] std::string print_clone_flags(u64 value);
/// An option of setsockopt(2) at `level`.
[[nodiscard]] std::string print_socket_option(u64 level, u64 option);
/// The third argument of socket(2), whose names depend on the first.
[[nodiscard]] std::string print_protocol(u64 domain, u64 protocol);
/// "S_IFREG|0644": st_mode.
[[nodiscard]] std::string print_file_mode(u32 mode);
[[nodiscard]] std::string print_poll_events(u64 events);
[[nodiscard]] std::string print_epoll_events(u64 events);
[[nodiscard]] std::string print_signal_action_flags(u64 flags);

} // namespace tine::syscall
