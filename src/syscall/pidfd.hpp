// What calls of other families do with a descriptor of a process: pidfd_open(2).
#pragma once

#include "process/pid_file.hpp"
#include "syscall/call.hpp"

namespace tine::syscall {

/// PIDFD_SELF_THREAD, PIDFD_SELF_THREAD_GROUP: in place of a descriptor.
inline constexpr int pidfd_self_thread = -10000, pidfd_self_process = -10001;

/// PIDFD_GET_INFO, PIDFD_GET_*_NAMESPACE.
[[nodiscard]] SyscallResult pidfd_ioctl(Call &call, const process::PidFile &file, u32 request,
                                        u64 argument);
/// setns(2) with a pidfd.
[[nodiscard]] SyscallResult enter_namespaces_of(Call &call, const process::PidFile &file,
                                                u64 kinds);

} // namespace tine::syscall
