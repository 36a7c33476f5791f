// core(5): the file that a process leaves when a signal kills it with a core dump.
#pragma once

#include "process/thread.hpp"

#include <csignal>

namespace tine::process {

/// Writes `core` into the thread's working directory, an ELF file with the registers of the
/// process's threads and its memory, at most RLIMIT_CORE bytes. False if there is none: the limit
/// is zero, the process isn't dumpable, the file can't be made. Threads that are on other vCPUs at
/// this instant are not in it.
[[nodiscard]] bool dump_core(Thread &thread, const siginfo_t &info);

} // namespace tine::process
