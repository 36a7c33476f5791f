// Asynchronous I/O contexts: io_setup(2) and its kin. Every operation is done when it is submitted,
// so a context holds results only and nothing is ever under way.
#pragma once

#include "base/ref.hpp"
#include "base/types.hpp"
#include "fs/event_files.hpp"
#include "sched/wait_queue.hpp"

#include <deque>
#include <linux/aio_abi.h>
#include <map>
#include <memory>

namespace tine::process {

/// Results that wait for io_getevents(2), oldest first.
struct AsynchronousContext {
  u32 capacity = 0; ///< operations at once: io_submit is EAGAIN beyond it
  std::deque<io_event> completed;
  std::unique_ptr<sched::WaitQueue> changed = std::make_unique<sched::WaitQueue>();
};

/// The contexts of a process, by the address that names each: io_setup maps a page for it, as Linux
/// does with its ring.
class AsynchronousIo {
public:
  std::map<u64, AsynchronousContext> contexts;

  /// For the fork of a box; fork(2) inherits none.
  [[nodiscard]] std::unique_ptr<AsynchronousIo> copy() const {
    auto made = std::make_unique<AsynchronousIo>();
    for (const auto &[address, context] : contexts) {
      AsynchronousContext &copied = made->contexts[address];
      copied.capacity = context.capacity;
      copied.completed = context.completed;
    }
    return made;
  }
};

} // namespace tine::process
