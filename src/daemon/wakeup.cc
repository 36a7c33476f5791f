#include "daemon/wakeup.hpp"

#include "base/types.hpp"

#include <stdexcept>
#include <sys/eventfd.h>

namespace tine::daemon {

Wakeup::Wakeup() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!event_)
    throw std::runtime_error("the host gives no descriptor for events");
}

void Wakeup::raise() {
  const u64 one = 1;
  if (!raised_.exchange(true)) [[maybe_unused]]
    const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Wakeup::clear() {
  u64 count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(event_.get(), &count, sizeof count);
  raised_.store(false);
}

} // namespace tine::daemon
