// System V semaphores: semget(2), semop(2), semctl(2).
#pragma once

#include "base/copier.hpp"
#include "base/ref.hpp"
#include "process/ipc/ipc_table.hpp"

#include <list>
#include <optional>
#include <sys/sem.h>
#include <vector>

namespace tine::process {

class Kernel;
class Thread;

/// /proc/sys/kernel/sem: SEMMSL, SEMMNS, SEMOPM, SEMMNI.
struct SemaphoreLimits {
  i32 per_set = 32000, total = 1024000000, operations = 500, sets = 32000;
};
inline constexpr i32 largest_semaphore_value = 32767;

/// Names the adjustments of a process (of all that share them by CLONE_SYSVSEM). The adjustments
/// are in the sets.
class SemaphoreUndo final : public RefCounted {
public:
  explicit SemaphoreUndo(u64 number_) : number(number_) {}
  /// The same number: the adjustments are copied with their sets.
  [[nodiscard]] Result<Ref<SemaphoreUndo>> copy(Copier &) const {
    return make_ref<SemaphoreUndo>(number);
  }
  const u64 number;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, SemaphoreUndo *saved);
};

struct Semaphore {
  i32 value = 0;
  Pid last; ///< the last that changed it
};

/// A thread that sleeps in semop(2). Plain data: valid while the thread's SyscallState has the
/// ticket in scratch[0]; a call that was interrupted leaves it to be found stale.
struct WaitingOperation {
  Pid thread, process;
  u64 ticket = 0;
  std::vector<sembuf> operations;
  u64 undo = 0;     ///< SemaphoreUndo::number; 0: no operation has SEM_UNDO
  u32 blocking = 0; ///< index of the operation that can't be done
};

struct SemaphoreSet {
  IpcPermissions permissions;
  std::vector<Semaphore> semaphores;
  i64 operation_time = 0, change_time = 0;
  std::list<WaitingOperation> waiting;         ///< first come, first served
  std::map<u64, std::vector<i32>> adjustments; ///< semadj, by SemaphoreUndo::number

  [[nodiscard]] semid_ds to_guest() const;
};

/// Guarded by the kernel lock.
class Semaphores {
public:
  explicit Semaphores(Kernel &kernel) : kernel_(kernel) {}

  SemaphoreLimits limits;

  /// semget(2): EINVAL, ENOSPC, ENOENT, EEXIST, EACCES.
  [[nodiscard]] Result<i32> get(const IpcRequest &request, i32 count, const fs::Credentials &who);
  /// All operations at once or none. nullopt: `waiting.blocking` can't be done yet. EAGAIN with
  /// IPC_NOWAIT, ERANGE.
  [[nodiscard]] std::optional<Status> operate(SemaphoreSet &set, WaitingOperation &operation);
  /// The thread sleeps; it is told by SyscallState::woken, with an errno in scratch[1].
  void wait(SemaphoreSet &set, WaitingOperation operation);
  void stop_waiting(SemaphoreSet &set, u64 ticket);
  /// Values changed: does what waiting threads ask for, in their order.
  void values_changed(SemaphoreSet &set);
  /// SETVAL, SETALL: "undo entries are cleared for altered semaphores in all processes".
  void set_value(SemaphoreSet &set, i32 index, i32 value, Pid who);
  /// GETNCNT, GETZCNT.
  enum class WaitFor : u8 { increase, zero };
  [[nodiscard]] i32 count_waiting(SemaphoreSet &set, i32 index, WaitFor what);
  /// IPC_RMID: EIDRM for those that wait.
  void remove(SemaphoreSet &set);

  [[nodiscard]] Ref<SemaphoreUndo> make_undo() { return make_ref<SemaphoreUndo>(++last_undo_); }
  /// The last that shared it is gone: "semadj … is applied".
  void apply_undo(const SemaphoreUndo &undo, Pid who);
  [[nodiscard]] u64 new_ticket() { return ++last_ticket_; }
  /// Those that wait go on waiting in the copy.
  [[nodiscard]] Status copy_from(const Semaphores &original);
  void archive(Archive &archive);
  [[nodiscard]] IpcTable<SemaphoreSet> &sets() { return sets_; }
  [[nodiscard]] i64 total();

private:
  [[nodiscard]] Thread *waiter(const WaitingOperation &waiting) const;
  void tell(const WaitingOperation &waiting, int error) const;

  Kernel &kernel_;
  IpcTable<SemaphoreSet> sets_;
  u64 last_undo_ = 0, last_ticket_ = 0;
  std::optional<i64> known_total_; ///< what total() is, unless a set went since it was counted
};

} // namespace tine::process
