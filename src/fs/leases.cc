#include "fs/leases.hpp"

#include "fs/async_signals.hpp"
#include "fs/locks.hpp"
#include "time/timer_queue.hpp"

#include <algorithm>
#include <csignal>

namespace tine::fs {
namespace {

/// Whether the file is open in a way that the lease doesn't allow, by the holder's description too:
/// "F_RDLCK: this will cause the calling process to be notified when the file is opened for writing
/// or is truncated"; "A write lease may be placed on a file only if there are no other open file
/// descriptors for the file".
bool is_open_in_conflict(File &holder, const Inode &inode, int type) {
  if (type == F_RDLCK)
    return inode.writers > 0;
  const i32 own_writers = holder.is_writable() ? 1 : 0;
  return inode.writers != own_writers || inode.readers != 1 - own_writers;
}

} // namespace

LeaseList *leases_of(const Inode &inode) {
  auto *locks = static_cast<LockList *>(inode.attachment());
  return locks && !locks->leases().held().empty() ? &locks->leases() : nullptr;
}

Status break_leases(Inode &inode, bool writes) {
  LeaseList *leases = leases_of(inode);
  return leases ? leases->break_for(writes) : Status(Done{});
}

void LeaseList::expire() {
  const Nanoseconds now = time::TimerQueue::now();
  bool any = false;
  for (Lease &lease : held_)
    if (lease.target != lease.type && lease.deadline && *lease.deadline <= now) {
      lease = {lease.holder, lease.target, lease.target, lease.fd, {}};
      any = true;
    }
  if (!any)
    return;
  std::erase_if(held_, [](const Lease &lease) { return lease.type == F_UNLCK; });
  changed_.wake_all();
}

Status LeaseList::set(File &holder, int type, int fd) {
  expire();
  const Ref<Inode> inode = holder.inode();
  if (is_open_in_conflict(holder, *inode, type))
    return Errno{EAGAIN};
  const auto own = std::find_if(held_.begin(), held_.end(),
                                [&holder](const Lease &lease) { return lease.holder == &holder; });
  for (auto lease = held_.begin(); lease != held_.end(); ++lease)
    if (lease != own && (type == F_WRLCK || lease->target == F_UNLCK))
      return Errno{EAGAIN};
  const Lease made{&holder, type, type, fd, {}};
  if (own == held_.end())
    held_.push_back(made);
  else
    *own = made;
  changed_.wake_all();
  return Done{};
}

Status LeaseList::remove(const File &holder) {
  expire();
  if (std::erase_if(held_, [&holder](const Lease &lease) { return lease.holder == &holder; }) == 0)
    return Errno{EAGAIN};
  changed_.wake_all();
  return Done{};
}

int LeaseList::type_of(const File &holder) {
  expire();
  for (const Lease &lease : held_)
    if (lease.holder == &holder)
      return lease.target;
  return F_UNLCK;
}

Status LeaseList::break_for(bool writes) {
  expire();
  bool waits = false;
  for (Lease &lease : held_) {
    if (!writes && lease.type != F_WRLCK)
      continue;
    waits = true;
    const int target = writes ? F_UNLCK : F_RDLCK;
    if (lease.target == F_UNLCK || lease.target == target)
      continue; // told already
    const bool told = lease.target != lease.type;
    lease.target = target;
    const Nanoseconds time = lease.holder->async->sender().lease_break_time();
    if (!told || !lease.deadline)
      lease.deadline = time == 0 ? std::nullopt : std::optional(time::TimerQueue::now() + time);
    lease.holder->async->send(lease.fd, POLL_MSG);
  }
  return waits ? Errno{EAGAIN} : Status(Done{});
}

std::optional<Nanoseconds> LeaseList::deadline() const {
  std::optional<Nanoseconds> earliest;
  for (const Lease &lease : held_)
    if (lease.target != lease.type && lease.deadline)
      earliest = earliest ? std::min(*earliest, *lease.deadline) : *lease.deadline;
  return earliest;
}

} // namespace tine::fs
