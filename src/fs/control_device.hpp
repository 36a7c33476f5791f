// /dev/tine: how a program asks for a fork of its own box.
//
//   write "fork"   blocks until the box was forked; both the original and the copy go on from there
//   read           "0" in the original, the copy's number in the copy
//
// include/tine/inside.h and python/tine.py do that.
#pragma once

#include "fs/pseudo_fs.hpp"

#include <vector>

namespace tine::fs {

class ControlFile;

/// One for each box; keeps those who wait for an answer. Guarded by the kernel lock.
class BoxControl final : public RefCounted {
public:
  /// Called with the kernel lock, in a system call of the box: has the box forked soon. Whoever
  /// forks a box answers on both sides.
  using Request = void (*)(void *keeper, BoxControl &control);
  BoxControl(Request request, void *keeper) : request_(request), keeper_(keeper) {}

  /// Right after a fork of the box, to those who were waiting when it happened: their read gives 0
  /// here, and `number` in the copy. Whoever has asked since waits for another. The copy's control;
  /// null if nothing in the copy refers to one.
  [[nodiscard]] Ref<BoxControl> answer_fork(i64 number);
  /// To all who wait: their write fails.
  void refuse(Errno error);
  [[nodiscard]] bool is_asked() const { return !waiting_.empty(); }
  [[nodiscard]] Result<Ref<BoxControl>> copy(Copier &copier);

  sched::WaitQueue answered;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, BoxControl *saved);

private:
  friend class ControlFile;
  void answer(i64 number);

  Request request_;
  void *keeper_;
  std::vector<ControlFile *> waiting_; ///< leave it when they go
  std::vector<ControlFile *> forked_;  ///< those of them who waited at the latest fork
  BoxControl *latest_copy_ = nullptr;  ///< of that fork; valid only right after it
};

void add_control_device(PseudoFs &dev, const Ref<BoxControl> &control);

} // namespace tine::fs
