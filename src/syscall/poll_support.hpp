// What poll, select and epoll_wait share.
#pragma once

#include "syscall/call.hpp"

#include <optional>

namespace tine::syscall {

/// The signal mask of ppoll, pselect6 and epoll_pwait, for the time of the call. EINVAL, EFAULT.
[[nodiscard]] Status replace_mask(Call &call, GuestAddress address, u64 size);
/// False if the call must return now: its timeout is zero or over. Otherwise the deadline is armed;
/// no timeout is for ever.
[[nodiscard]] bool start_wait(Call &call, const std::optional<Nanoseconds> &timeout);
/// A struct timespec, or nothing for a null address.
[[nodiscard]] Result<std::optional<Nanoseconds>> read_timeout(Call &call, GuestAddress address);

} // namespace tine::syscall
