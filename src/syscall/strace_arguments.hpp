// How strace prints one argument of a system call.
#pragma once

#include "memory/address_space.hpp"
#include "syscall/table.hpp"

#include <string>

namespace tine::syscall {

/// Whether only the return tells what to print.
[[nodiscard]] bool is_output(ArgumentKind kind);

/// Prints argument `index` of a call of `row`; `value` is what the call returned (the length of a
/// read buffer), 0 before that. Never fails: what can't be read is printed as an address.
[[nodiscard]] std::string print_argument(memory::AddressSpace &space, const Row &row, u8 index,
                                         const u64 (&arguments)[6], i64 value);

} // namespace tine::syscall
