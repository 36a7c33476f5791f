#include "fs/locks.hpp"

#include <algorithm>
#include <unordered_map>

namespace tine::fs {
namespace {

bool overlaps(const LockRange &a, const LockRange &b) {
  return a.first <= b.last && b.first <= a.last;
}

/// Which owner each blocked owner waits for.
std::unordered_map<LockOwner, LockOwner> &waiting() {
  static std::unordered_map<LockOwner, LockOwner> owners;
  return owners;
}

/// The owner's locks without `range`: whole, shortened or split in two.
void cut(std::vector<HeldLock> &held, LockOwner owner, LockRange range) {
  std::vector<HeldLock> rest;
  for (const HeldLock &lock : held) {
    if (lock.owner != owner || !overlaps(lock.range, range)) {
      rest.push_back(lock);
      continue;
    }
    HeldLock piece = lock;
    if (lock.range.first < range.first) {
      piece.range = {lock.range.first, range.first - 1};
      rest.push_back(piece);
    }
    if (lock.range.last > range.last) {
      piece.range = {range.last + 1, lock.range.last};
      rest.push_back(piece);
    }
  }
  held = std::move(rest);
}

/// Neighbouring locks of one owner and kind are one lock, as F_GETLK shows them.
void merge(std::vector<HeldLock> &held, HeldLock lock) {
  for (auto at = held.begin(); at != held.end();) {
    const bool same = at->owner == lock.owner && at->exclusive == lock.exclusive;
    const bool follows = at->range.last != ~u64{0} && at->range.last + 1 == lock.range.first;
    const bool precedes = lock.range.last != ~u64{0} && lock.range.last + 1 == at->range.first;
    if (same && (follows || precedes)) {
      lock.range.first = std::min(lock.range.first, at->range.first);
      lock.range.last = std::max(lock.range.last, at->range.last);
      at = held.erase(at);
    } else {
      ++at;
    }
  }
  held.push_back(lock);
}

} // namespace

Ref<LockList> LockList::of(File &file, bool create) {
  const Ref<Inode> inode = file.inode();
  if (!inode) {
    if (!file.own_locks && create)
      file.own_locks = make_ref<LockList>();
    return Ref<LockList>(static_cast<LockList *>(file.own_locks.get()));
  }
  if (!inode->attachment() && create)
    inode->attach(make_ref<LockList>());
  return Ref<LockList>(static_cast<LockList *>(inode->attachment()));
}

std::optional<HeldLock> LockList::conflict(const LockRequest &request) const {
  for (const HeldLock &lock : held_)
    if (lock.owner != request.owner && overlaps(lock.range, request.range) &&
        (lock.exclusive || request.exclusive))
      return lock;
  return std::nullopt;
}

Status LockList::lock(const LockRequest &request) {
  if (conflict(request))
    return Errno{EAGAIN};
  cut(held_, request.owner, request.range);
  merge(held_, {request.owner, request.pid, request.exclusive, request.range});
  changed_.wake_all(); // an exclusive lock may have become a shared one
  return Done{};
}

void LockList::unlock(LockOwner owner, LockRange range) {
  cut(held_, owner, range);
  changed_.wake_all();
}

Status LockList::may_wait(const LockRequest &request) const {
  const std::optional<HeldLock> blocker = conflict(request);
  if (!blocker)
    return Done{};
  LockOwner at = blocker->owner;
  for (std::size_t steps = 0; steps <= waiting().size(); ++steps) {
    if (at == request.owner)
      return Errno{EDEADLK};
    const auto next = waiting().find(at);
    if (next == waiting().end())
      return Done{};
    at = next->second;
  }
  return Done{};
}

void LockList::note_waiting(LockOwner owner, LockOwner blocker) {
  if (blocker)
    waiting()[owner] = blocker;
  else
    waiting().erase(owner);
}

Status LockList::lock_whole(LockOwner owner, Pid pid, bool exclusive) {
  for (const HeldLock &lock : whole_)
    if (lock.owner != owner && (lock.exclusive || exclusive))
      return Errno{EAGAIN};
  std::erase_if(whole_, [owner](const HeldLock &lock) { return lock.owner == owner; });
  whole_.push_back({owner, pid, exclusive, {}});
  changed_.wake_all();
  return Done{};
}

void LockList::unlock_whole(LockOwner owner) {
  if (std::erase_if(whole_, [owner](const HeldLock &lock) { return lock.owner == owner; }) != 0)
    changed_.wake_all();
}

void release_record_locks(File &file, LockOwner owner) {
  if (Ref<LockList> locks = LockList::of(file, false))
    locks->unlock(owner, {});
}

void release_description_locks(Inode &inode, LockOwner owner) {
  auto *locks = static_cast<LockList *>(inode.attachment());
  if (!locks)
    return;
  locks->unlock(owner, {});
  locks->unlock_whole(owner);
}

} // namespace tine::fs
