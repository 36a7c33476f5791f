// What the three kinds of System V objects share: keys, ids, owners, permissions (svipc(7)).
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"
#include "fs/credentials.hpp"

#include <map>
#include <sys/ipc.h>
#include <unordered_map>

namespace tine::process {

/// svipc(7)'s struct ipc_perm, and the object's id.
struct IpcPermissions {
  i32 id = -1;
  i32 key = IPC_PRIVATE;
  u32 uid = 0, gid = 0, creator_uid = 0, creator_gid = 0;
  u32 mode = 0; ///< nine permission bits; of a segment also SHM_DEST and SHM_LOCKED
  u16 sequence = 0;
  void archive(Archive &archive) {
    archive(id, key, uid, gid, creator_uid, creator_gid, mode, sequence);
  }

  /// As the system calls return it.
  [[nodiscard]] ipc_perm to_guest() const;
  /// svipc(7), "IPC object permissions": `wanted` has read (0444) and write (0222) bits. EACCES.
  [[nodiscard]] Status check(const fs::Credentials &who, u32 wanted) const;
  /// IPC_SET and IPC_RMID are for the owner, the creator and the privileged: EPERM.
  [[nodiscard]] Status check_owner(const fs::Credentials &who) const;
  /// IPC_SET: owner and the nine permission bits. EINVAL for an id of nobody.
  [[nodiscard]] Status set(const ipc_perm &wanted);
};

/// The seconds that the objects' times are kept in.
[[nodiscard]] i64 ipc_now();

/// The numbers of one kind of object. An id is an index and a sequence number, so that the id of an
/// object that was removed names no other one for a long time. Invariant: next_index and sequence
/// never make an id that is in use.
class IpcNumbers {
public:
  /// Linux's IPCMNI and its cycle: indices are used in turn, within a window that grows with use.
  static constexpr i32 index_limit = 32768;
  static constexpr i32 shortest_cycle = 64;

  template <typename Objects> [[nodiscard]] IpcPermissions allocate(const Objects &objects) {
    if (next_id >= 0)
      return allocate_wanted(objects);
    const auto in_use = static_cast<i32>(objects.size());
    const i32 cycle = std::min(index_limit, std::max(in_use * 3 / 2, shortest_cycle));
    i32 index = last_index_;
    do
      index = index + 1 < cycle ? index + 1 : 0;
    while (objects.contains(index));
    if (index <= last_index_)
      ++sequence_;
    last_index_ = index;
    IpcPermissions result;
    result.sequence = sequence_;
    result.id = static_cast<i32>(u32{sequence_} << 15) | index;
    return result;
  }

  void archive(Archive &archive) { archive(last_index_, sequence_, next_id); }

  /// /proc/sys/kernel/*_next_id: the id that the next object is to have; -1: any. Used up.
  i32 next_id = -1;

private:
  /// As Linux: where the index is in use, the next one that is free.
  template <typename Objects> [[nodiscard]] IpcPermissions allocate_wanted(const Objects &objects) {
    IpcPermissions result;
    result.sequence = static_cast<u16>(next_id / index_limit);
    i32 index = next_id % index_limit;
    while (objects.contains(index))
      index = (index + 1) % index_limit;
    result.id = static_cast<i32>(u32{result.sequence} * index_limit) | index;
    next_id = -1;
    return result;
  }

  i32 last_index_ = -1;
  u16 sequence_ = 0;
};

/// shmget, semget, msgget: what is asked for.
struct IpcRequest {
  i32 key;
  int flags; ///< IPC_CREAT, IPC_EXCL, permission bits
};

/// Objects of one kind, by index. T has a member `permissions`.
template <typename T> class IpcTable {
public:
  [[nodiscard]] T *find(i32 id) {
    const auto found = id < 0 ? objects_.end() : objects_.find(id % IpcNumbers::index_limit);
    return found != objects_.end() && found->second.permissions.id == id ? &found->second : nullptr;
  }
  /// SHM_STAT and the like name an index. Null if it isn't in use.
  [[nodiscard]] T *at_index(i32 index) {
    const auto found = objects_.find(index);
    return found == objects_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] T *find_key(i32 key) {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : at_index(found->second);
  }
  /// The object is found by its key no longer.
  void forget_key(T &object) {
    if (object.permissions.key != IPC_PRIVATE)
      by_key_.erase(object.permissions.key);
    object.permissions.key = IPC_PRIVATE;
  }
  /// The object that a *get call means: null if a new one is to be made. ENOENT, EEXIST.
  [[nodiscard]] Result<T *> look_up(const IpcRequest &request) {
    if (request.key == IPC_PRIVATE)
      return nullptr;
    T *found = find_key(request.key);
    if (found == nullptr && (request.flags & IPC_CREAT) == 0)
      return Errno{ENOENT};
    if (found != nullptr && (request.flags & IPC_CREAT) != 0 && (request.flags & IPC_EXCL) != 0)
      return Errno{EEXIST};
    return found;
  }
  /// A new object with its permissions filled in.
  T &create(const IpcRequest &request, const fs::Credentials &who) {
    IpcPermissions permissions = numbers_.allocate(objects_);
    permissions.key = request.key;
    permissions.mode = static_cast<u32>(request.flags) & 0777;
    permissions.uid = permissions.creator_uid = who.euid;
    permissions.gid = permissions.creator_gid = who.egid;
    T &object = objects_[permissions.id % IpcNumbers::index_limit];
    object.permissions = permissions;
    note_key(object);
    return object;
  }
  [[nodiscard]] i32 &next_id() { return numbers_.next_id; }
  void remove(i32 id) {
    const auto found = objects_.find(id % IpcNumbers::index_limit);
    if (found == objects_.end())
      return;
    forget_key(found->second);
    objects_.erase(found);
  }
  [[nodiscard]] std::size_t size() const { return objects_.size(); }
  /// The highest index in use: what SEM_INFO and the like return.
  [[nodiscard]] i32 highest_index() const {
    return objects_.empty() ? 0 : objects_.rbegin()->first;
  }
  /// For the fork of a box, into an empty table: the same numbers; copy(object) is what the copy
  /// has in the object's place.
  template <typename Copy> [[nodiscard]] Status copy_from(const IpcTable &original, Copy &&copy) {
    numbers_ = original.numbers_;
    for (const auto &[index, object] : original.objects_)
      note_key(objects_.emplace(index, TINE_TRY(copy(object))).first->second);
    return Done{};
  }
  /// For a saved box: `each(archive, object)` does an object.
  template <typename Each> void archive(Archive &archive, Each &&each) {
    numbers_.archive(archive);
    u64 count = archive.count(objects_.size());
    auto next = objects_.begin();
    for (; count > 0 && archive.ok(); --count) {
      if (!archive.is_reading()) {
        next->second.permissions.archive(archive);
        each(archive, next++->second);
        continue;
      }
      IpcPermissions permissions;
      permissions.archive(archive);
      if (permissions.id < 0 || objects_.contains(permissions.id % IpcNumbers::index_limit))
        return archive.fail("it has two System V objects of one number");
      if (!archive.ok())
        return;
      T &object = objects_[permissions.id % IpcNumbers::index_limit];
      object.permissions = permissions;
      note_key(object);
      each(archive, object);
    }
  }
  /// In the order of the indices, as /proc/sysvipc lists them.
  [[nodiscard]] std::map<i32, T> &all() { return objects_; }

private:
  void note_key(const T &object) {
    if (object.permissions.key != IPC_PRIVATE)
      by_key_.emplace(object.permissions.key, object.permissions.id % IpcNumbers::index_limit);
  }

  std::map<i32, T> objects_;
  std::unordered_map<i32, i32> by_key_; ///< indices of those that have a key
  IpcNumbers numbers_;
};

} // namespace tine::process
