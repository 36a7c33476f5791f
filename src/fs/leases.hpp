// File leases: fcntl(2), F_SETLEASE.
#pragma once

#include "fs/file.hpp"

#include <fcntl.h>
#include <optional>

namespace tine::fs {

/// A lease of a description. A breaker has told its owner, who is to bring it down to `target`
/// until `deadline`; then the kernel does.
struct Lease {
  File *holder;
  int type;   ///< F_RDLCK, F_WRLCK
  int target; ///< `type` while nobody breaks it, else F_RDLCK or F_UNLCK
  int fd;     ///< of the siginfo
  std::optional<Nanoseconds> deadline = {}; ///< monotonic; none: there is no limit
};

/// The leases of one inode, part of its locks (locks.hpp). Invariant: a description has at most
/// one; a write lease is the only one. Guarded by the kernel lock.
class LeaseList {
public:
  /// EAGAIN if others have the file open in a way that conflicts, or a lease that is being broken.
  /// The holder has signals (File::async), with an owner.
  [[nodiscard]] Status set(File &holder, int type, int fd);
  /// EAGAIN if it has none.
  [[nodiscard]] Status remove(const File &holder);
  /// What the holder's lease is to be: F_UNLCK, also if it has none.
  [[nodiscard]] int type_of(const File &holder);
  /// Somebody opens the file, or changes its size (`writes`): the holders of leases that conflict
  /// are told, once. EAGAIN while there are any.
  [[nodiscard]] Status break_for(bool writes);
  /// Until when the holders may take; none: there is no limit.
  [[nodiscard]] std::optional<Nanoseconds> deadline() const;
  [[nodiscard]] sched::WaitQueue &changed() { return changed_; }
  [[nodiscard]] const std::vector<Lease> &held() const { return held_; }
  /// In the copy of a box.
  void add_copy(const Lease &lease) { held_.push_back(lease); }

private:
  void expire();

  std::vector<Lease> held_;
  sched::WaitQueue changed_;
};

/// LeaseList::break_for() for an inode that may have none.
[[nodiscard]] Status break_leases(Inode &inode, bool writes);
/// The inode's leases; null if it has none.
[[nodiscard]] LeaseList *leases_of(const Inode &inode);

} // namespace tine::fs
