// Restartable sequences, rseq(2): the area in which the C library finds the CPU that it runs on.
#pragma once

#include "process/thread.hpp"

namespace tine::process {

/// The thread was put on a vCPU, or a handler is about to be entered: a critical section that was
/// under way is aborted, and the area shows the vCPU. SIGSEGV if the area or the section isn't as
/// rseq(2) asks. Cheap if the thread has no area.
void resume_rseq(Thread &thread);
/// The area shows the values of a thread that isn't registered.
[[nodiscard]] Status clear_rseq(Thread &thread);

} // namespace tine::process
