// User namespaces: user_namespaces(7). Inside the kernel all ids are the box's; what a program
// passes and sees goes through the maps of its namespace.
#pragma once

#include "base/archive.hpp"
#include "base/copier.hpp"
#include "base/ref.hpp"
#include "base/types.hpp"

#include <vector>

namespace tine::fs {

/// What stands for an id without a counterpart: /proc/sys/kernel/overflowuid.
inline constexpr u32 overflow_id = 65534;
/// -1: no id. (uid_t)-1 leaves an id as it is in chown(2) and the like.
inline constexpr u32 no_id = ~u32{0};

/// `count` ids from `inside` on are the box's from `outside` on.
struct IdRange {
  u32 inside = 0, outside = 0, count = 0;
  void archive(Archive &archive) { archive(inside, outside, count); }
};

/// /proc/PID/uid_map or gid_map. Invariant: no two ranges overlap, on either side.
class IdMap {
public:
  /// no_id if it isn't mapped.
  [[nodiscard]] u32 to_box(u32 inside) const;
  [[nodiscard]] u32 from_box(u32 id) const;

  std::vector<IdRange> ranges;
};

/// The box's first user namespace is no object: a null pointer stands for it, and maps each id to
/// itself. Guarded by the kernel lock.
class UserNamespace final : public RefCounted {
public:
  u64 id = 0; ///< inode number of /proc/PID/ns/user
  Ref<UserNamespace> parent;
  u32 level = 1;            ///< of the first: 0
  u32 owner = 0, group = 0; ///< the box's ids of who made it
  IdMap users, groups;
  bool may_set_groups = true; ///< /proc/PID/setgroups
  /// In the copy of a box.
  [[nodiscard]] Result<Ref<UserNamespace>> copy(Copier &copier) const;

  /// Linux's levels end here: "ENOSPC (since Linux 4.9; beforehand EUSERS)" beyond.
  static constexpr u32 deepest_level = 32;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, UserNamespace *saved);
  void archive_body(Archive &archive);
};

/// Whether `inner` is `outer` or was made below it; null is the first of the box.
[[nodiscard]] bool is_within(const UserNamespace *inner, const UserNamespace *outer);

// ---- ids as a namespace (null: the box's first) has them; no_id if not mapped ----
[[nodiscard]] u32 user_to_box(const UserNamespace *space, u32 id);
[[nodiscard]] u32 group_to_box(const UserNamespace *space, u32 id);
[[nodiscard]] u32 user_from_box(const UserNamespace *space, u32 id);
[[nodiscard]] u32 group_from_box(const UserNamespace *space, u32 id);
/// The same, overflow_id if not mapped: Linux's from_kuid_munged.
[[nodiscard]] u32 shown_user(const UserNamespace *space, u32 id);
[[nodiscard]] u32 shown_group(const UserNamespace *space, u32 id);

} // namespace tine::fs
