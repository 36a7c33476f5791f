// Pid namespaces: pid_namespaces(7). Inside the kernel a pid is the box's, always; what a program
// in a namespace passes and sees is translated where it enters and leaves (namespaces.hpp).
#pragma once

#include "base/result.hpp"
#include "fs/user_namespace.hpp"

#include <map>
#include <span>
#include <vector>

namespace tine::process {

/// The box's own pid space is no object: null stands for it. Guarded by the kernel lock.
class PidNamespace final : public RefCounted {
public:
  PidNamespace(u64 id_, Ref<PidNamespace> parent_, Ref<fs::UserNamespace> owner_)
      : id(id_), parent(std::move(parent_)), owner(std::move(owner_)),
        level(parent ? parent->level + 1 : 1) {}

  const u64 id; ///< inode number of /proc/PID/ns/pid
  const Ref<PidNamespace> parent;
  const Ref<fs::UserNamespace> owner; ///< null: the box's first
  const u32 level;                    ///< the box's: 0
  /// Process 1, as the box numbers it; none until the first process is made.
  Pid init;
  /// "If the init process of a PID namespace terminates …, subsequent forks into it fail with
  /// ENOMEM".
  bool ended = false;

  static constexpr u32 deepest_level = 32; // MAX_PID_NS_LEVEL

  [[nodiscard]] std::size_t size() const { return by_number_.size(); }
  /// In the copy of a box, where pids are the same.
  [[nodiscard]] Result<Ref<PidNamespace>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PidNamespace *saved);
  void archive_body(Archive &archive);

private:
  friend class PidNumbers;
  std::map<i32, Pid> by_number_; ///< its number of each pid in it and below it
  i32 last_ = 0;
};

/// Whether `inner` is `outer` or below it; null is the box's own.
[[nodiscard]] bool is_within(const PidNamespace *inner, const PidNamespace *outer);

/// The numbers that the namespaces have for pids. Invariant: a pid has a number in its namespace
/// and in each above it, from its allocation until nobody holds it; the box's own are not here.
class PidNumbers {
public:
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// Numbers for a new pid of `space`: those wanted (innermost first), or the next ones. ENOMEM if
  /// the namespace has ended, EEXIST, EINVAL (process 1 must be the first), EAGAIN.
  [[nodiscard]] Status assign(Pid pid, const Ref<PidNamespace> &space, std::span<const Pid> wanted);
  void forget(Pid pid);

  /// The namespace that the pid was made in; null: the box's.
  [[nodiscard]] PidNamespace *space_of(Pid pid) const;
  /// The pid's number as `viewer` has it; none if it isn't there.
  [[nodiscard]] Pid number(const PidNamespace *viewer, Pid pid) const;
  /// The pid with that number; none if there is none.
  [[nodiscard]] Pid find(const PidNamespace *viewer, Pid number) const;
  /// From `viewer` down to the pid's own namespace: NSpid of /proc/PID/status.
  [[nodiscard]] std::vector<Pid> numbers_below(const PidNamespace *viewer, Pid pid) const;
  [[nodiscard]] Status copy_from(const PidNumbers &original, Copier &copier);
  void archive(Archive &archive);

private:
  struct Entry {
    Ref<PidNamespace> space;
    std::vector<i32> numbers; ///< by level - 1
  };
  std::map<Pid, Entry> entries_;
};

} // namespace tine::process
