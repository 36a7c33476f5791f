// Pids, users and groups where they enter and leave the kernel: as the caller's namespaces have
// them outside, as the box has them inside.
#pragma once

#include "process/namespaces.hpp"
#include "syscall/call.hpp"
#include "syscall/table.hpp"

#include <sys/stat.h>

namespace tine::syscall {

/// Replaces the arguments that the row calls pid, user_id or group_id. A pid that isn't there
/// becomes `nobody`, so that the handler finds none; EINVAL for an id without a mapping.
[[nodiscard]] Status translate_arguments(const process::Thread &thread, const Row &row, Call &call);

/// Whether there is anything to translate: most threads have no namespaces of their own.
[[nodiscard]] inline bool has_own_identifiers(const process::Thread &thread) {
  return thread.namespaces || thread.credentials.user_namespace;
}

/// As the caller sees it.
[[nodiscard]] inline i32 shown(const Call &call, Pid pid) {
  return process::shown_pid(call.thread, pid).value;
}
[[nodiscard]] inline Pid given(const Call &call, i32 number) {
  return process::given_pid(call.thread, Pid{number});
}
[[nodiscard]] inline u32 shown_user(const Call &call, u32 id) {
  return fs::shown_user(process::user_namespace_of(call.thread), id);
}
[[nodiscard]] inline u32 shown_group(const Call &call, u32 id) {
  return fs::shown_group(process::user_namespace_of(call.thread), id);
}
/// ioctl_ns(2), of a file below /proc/PID/ns.
[[nodiscard]] SyscallResult namespace_ioctl(Call &call, const process::NamespaceFile &file,
                                            u32 request, GuestAddress argument);
/// The owner of a file as the caller sees it.
[[nodiscard]] struct stat shown_status(const Call &call, struct stat status);

} // namespace tine::syscall
