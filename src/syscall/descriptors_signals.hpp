// What files.cc, descriptors.cc and descriptors_fcntl.cc ask of descriptors_signals.cc.
#pragma once

#include "fs/inode.hpp"
#include "syscall/call.hpp"

#include <optional>

namespace tine::syscall {

/// The commands of fcntl(2) about signals; nothing for the others.
[[nodiscard]] std::optional<SyscallResult> signals_fcntl(Call &call, const Ref<fs::File> &file,
                                                         int fd, int command, u64 argument);
/// O_ASYNC, by F_SETFL or FIOASYNC: ignored by files that it means nothing to.
void set_asynchronous(Call &call, fs::File &file, int fd, bool on);
/// The call got EAGAIN from break_leases: it waits until the holders have acted, or their time is
/// up. Nothing if the inode has no leases.
[[nodiscard]] std::optional<SyscallResult> wait_for_leases(Call &call, const fs::Inode &inode);

} // namespace tine::syscall
