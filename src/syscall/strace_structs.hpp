// Guest memory as strace prints it: strings, buffers, structures.
#pragma once

#include "memory/address_space.hpp"
#include "syscall/table.hpp"

#include <csignal>
#include <optional>
#include <string>
#include <string_view>

namespace tine::syscall {

/// A call whose arguments are printed. `value` is what it returned (an errno negated), 0 before
/// that.
struct PrintedCall {
  memory::AddressSpace &space;
  const Row &row;
  const u64 (&arguments)[6];
  i64 value = 0;

  [[nodiscard]] bool succeeded() const { return value >= 0; }
  [[nodiscard]] u64 argument(unsigned index) const { return index < 6 ? arguments[index] : 0; }
};

/// "NULL" or hexadecimal.
[[nodiscard]] std::string print_pointer(u64 value);
/// In quotes and escaped, with "..." behind it if it was cut.
[[nodiscard]] std::string quote(std::string_view bytes, bool cut);
/// The first 32 bytes of a text, in quotes.
[[nodiscard]] std::string print_string(std::string_view text);
/// A path, whole; its address if it can't be read.
[[nodiscard]] std::string print_path(memory::AddressSpace &space, u64 address);
/// The first 32 bytes.
[[nodiscard]] std::string print_bytes(memory::AddressSpace &space, u64 address, u64 length);
/// Bytes of which the guest told where and how many; `limit` is how many of them count.
[[nodiscard]] std::string print_iovec(memory::AddressSpace &space, u64 address, u64 count,
                                      u64 limit);
[[nodiscard]] std::string print_siginfo(const siginfo_t &info);
/// "[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]"
[[nodiscard]] std::string print_wait_status(int status);

/// An argument that points to a structure; nothing for other kinds. What can't be read, and what a
/// failed call didn't fill, is printed as its address.
[[nodiscard]] std::optional<std::string> print_structure(const PrintedCall &call, u8 index);
/// The same for addresses, messages and options of sockets (strace_sockets.cc).
[[nodiscard]] std::optional<std::string> print_socket_structure(const PrintedCall &call, u8 index);
/// The same for poll, select and epoll (strace_polls.cc).
[[nodiscard]] std::optional<std::string> print_poll_structure(const PrintedCall &call, u8 index);
/// What strace adds to the value of a successful poll or select: "(Timeout)",
/// "([{fd=3, revents=POLLIN}])"; empty for other calls.
[[nodiscard]] std::string print_ready(const PrintedCall &call);

} // namespace tine::syscall
