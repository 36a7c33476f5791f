#include "process/accounting.hpp"

namespace tine::process {

void account_time(Thread &, Process &process, Nanoseconds user, Nanoseconds system) {
  process.usage.user_time += user;
  process.usage.system_time += system;
}

} // namespace tine::process
