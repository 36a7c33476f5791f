// The text of a system call as strace prints it, before and after it returns.
#pragma once

#include "syscall/strace_structs.hpp"

#include <string>

namespace tine::syscall {

/// What is known at entry: "read(3, ", up to the first argument that the call fills; with the
/// closing parenthesis if it fills none.
struct PrintedEntry {
  std::string text;
  u8 printed = 0; ///< arguments that are in it
};
[[nodiscard]] PrintedEntry print_entry(const PrintedCall &call);
/// The rest, up to and with the closing parenthesis; after a return.
[[nodiscard]] std::string print_rest(const PrintedCall &call, u8 printed);
/// What a call returned: a number, an address, or "-1 ENOENT (No such file or directory)".
[[nodiscard]] std::string print_value(const PrintedCall &call);
/// The name of a call; of one that Linux doesn't have, "syscall_0x270f".
[[nodiscard]] std::string print_name_of_call(u64 number);

} // namespace tine::syscall
