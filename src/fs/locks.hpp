// fcntl record locks, open-file-description locks and flock(2).
#pragma once

#include "fs/inode.hpp"
#include "fs/leases.hpp"

#include <fcntl.h>

namespace tine::fs {

/// Who holds a lock: the descriptor table (record locks: POSIX's process) or the description.
using LockOwner = const void *;

struct LockRange {
  u64 first = 0;
  u64 last = ~u64{0}; ///< inclusive
};

struct LockRequest {
  LockOwner owner = nullptr;
  Pid pid; ///< as F_GETLK reports it; -1 for description locks
  bool exclusive = false;
  LockRange range;
};

struct HeldLock {
  LockOwner owner;
  Pid pid;
  bool exclusive;
  LockRange range;
};

/// The locks of one inode. Invariant: ranges of one owner don't overlap; ranges of two owners
/// overlap only if both are shared.
class LockList final : public RefCounted {
public:
  /// The list of the file's inode, or of the description if it has none; made on first use.
  [[nodiscard]] static Ref<LockList> of(File &file, bool create);

  // ---- byte ranges ----
  [[nodiscard]] std::optional<HeldLock> conflict(const LockRequest &request) const;
  /// EAGAIN if it conflicts.
  [[nodiscard]] Status lock(const LockRequest &request);
  void unlock(LockOwner owner, LockRange range);
  /// EDEADLK if waiting for the request would close a circle of waiters.
  [[nodiscard]] Status may_wait(const LockRequest &request) const;
  /// Notes that the owner waits for `blocker` (null: no longer).
  static void note_waiting(LockOwner owner, LockOwner blocker);

  // ---- whole files: flock(2) ----
  [[nodiscard]] Status lock_whole(LockOwner owner, Pid pid, bool exclusive);
  void unlock_whole(LockOwner owner);

  [[nodiscard]] LeaseList &leases() { return leases_; }

  [[nodiscard]] sched::WaitQueue &changed() { return changed_; }
  [[nodiscard]] const std::vector<HeldLock> &held() const { return held_; }
  [[nodiscard]] const std::vector<HeldLock> &held_whole() const { return whole_; }

  /// The locks in the copy of a box: those whose owner was copied, by its copy.
  [[nodiscard]] Ref<LockList> copy(const Copier &copier) const;
  // ---- a saved box ----
  void archive(Archive &archive);

private:
  std::vector<HeldLock> held_;
  std::vector<HeldLock> whole_;
  LeaseList leases_;
  sched::WaitQueue changed_;
};

/// The locks of a descriptor table on the file's inode go.
void release_record_locks(File &file, LockOwner owner);
/// The locks of a description go (it is being destroyed).
void release_description_locks(Inode &inode, LockOwner owner);

} // namespace tine::fs
