// The robust futexes that a thread holds, set_robust_list(2).
#pragma once

#include "process/thread.hpp"

namespace tine::process {

/// The thread ends: each futex on its list that it owns gets FUTEX_OWNER_DIED, and one waiter is
/// woken.
void release_robust_list(Thread &thread);

} // namespace tine::process
