// Frames: the physical memory of all boxes of this host process.
//
// One large reserved range of host memory, cut into 4 KiB frames that are addressed by index, so
// that a frame is a host pointer and its reference count is an array entry.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"
#include "memory/host_range.hpp"

#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace tine::memory {

class AddressSpace;
class NodePool;

/// Told when translated code loses its source. Implemented by the code cache.
class CodeObserver {
public:
  virtual ~CodeObserver() = default;
  /// The frame is about to become writable, or was freed: drop the translations made from it.
  /// The frame's code mark is already cleared.
  virtual void code_frame_changed(FrameNumber frame) = 0;
};

/// Owns every frame. Invariants: a frame's count is the number of references to it (page-table
/// entries in distinct nodes, page objects, pipe buffers, pins); a frame with count zero is on the
/// free list, in the fresh range, or in a chunk that was given back to the host; frame 0 is the
/// common zero frame, which isn't counted: it is never free and never writable. Guarded by the
/// kernel lock.
class FrameArena final {
public:
  struct Options {
    /// Most frames that may be in use at once (`--memory`); beyond it allocate() is ENOMEM.
    u64 limit_bytes = u64{64} << 30;
    /// Host memory is taken in steps of this size, populated at once: a host fault costs 10 to 20
    /// µs.
    u64 populate_step = u64{2} << 20;
  };

  /// ENOMEM if the host has no address space for it; a smaller limit than asked for if it has too
  /// little. EINVAL for a limit above 1 TiB.
  static Result<std::unique_ptr<FrameArena>> create(const Options &options);
  ~FrameArena();
  FrameArena(const FrameArena &) = delete;
  FrameArena &operator=(const FrameArena &) = delete;

  /// A frame with count 1 and unspecified contents. ENOMEM at the limit.
  [[nodiscard]] Result<FrameNumber> allocate() {
    TINE_TRY(admit(1));
    if (free_count_ > 0)
      return take(free_list_[--free_count_]);
    return allocate_fresh();
  }
  /// A frame with count 1 that reads zero (cheaper where the host's memory is known to be zero).
  [[nodiscard]] Result<FrameNumber> allocate_zeroed() {
    TINE_TRY(admit(1));
    if (free_count_ == 0)
      return allocate_fresh();
    const FrameNumber frame = take(free_list_[--free_count_]);
    std::memset(pointer(frame), 0, page_size);
    return frame;
  }
  /// `count` neighbouring frames, each with count 1, zeroed; fewer than asked for is ENOMEM.
  [[nodiscard]] Result<FrameNumber> allocate_run_zeroed(u64 count);

  /// A count that would overflow sticks at its maximum: the frame is then never freed or written.
  void add_reference(FrameNumber frame) {
    u32 &count = counts_[frame.value];
    if ((count & count_mask) != saturated) [[likely]]
      ++count;
  }
  /// Frees the frame when this was the last reference.
  void drop_reference(FrameNumber frame) {
    u32 &count = counts_[frame.value];
    assert((count & count_mask) != 0);
    if ((count & count_mask) == saturated) [[unlikely]]
      return;
    if (--count == 0) {
      release(frame);
      return;
    }
    if (count == code_mark) [[unlikely]] {
      clear_code(frame);
      release(frame);
    }
  }
  /// The common zero frame's count is the largest there is.
  [[nodiscard]] u32 reference_count(FrameNumber frame) const {
    return counts_[frame.value] & count_mask;
  }
  /// One reference, and no translated code: whoever holds the reference may write.
  [[nodiscard]] bool is_writable_by_sole_owner(FrameNumber frame) const {
    return counts_[frame.value] == 1;
  }

  /// Marks that translated code was made from the frame; the write path must clear it first.
  void mark_code(FrameNumber frame) { counts_[frame.value] |= code_mark; }
  [[nodiscard]] bool has_code(FrameNumber frame) const {
    return (counts_[frame.value] & code_mark) != 0;
  }
  /// Clears the mark and tells the observer; nothing if the frame isn't marked.
  void clear_code(FrameNumber frame);
  void set_code_observer(CodeObserver *observer) { code_observer_ = observer; }

  [[nodiscard]] std::byte *pointer(FrameNumber frame) const {
    return base_ + (u64{frame.value} << page_shift);
  }
  [[nodiscard]] std::span<std::byte, page_size> bytes(FrameNumber frame) const {
    return std::span<std::byte, page_size>(pointer(frame), page_size);
  }
  static constexpr FrameNumber zero_frame{0};

  /// Frames in use (the zero frame apart), and bytes of host memory that back the arena (used or
  /// kept for reuse).
  [[nodiscard]] u64 frames_in_use() const { return in_use_; }
  [[nodiscard]] u64 host_bytes() const { return host_bytes_; }
  [[nodiscard]] u64 limit_bytes() const { return limit_frames_ << page_shift; }
  /// All frames that ever held something have numbers below this one.
  [[nodiscard]] u32 frame_bound() const { return committed_; }

  /// Gives chunks of populate_step bytes that are wholly free back to the host. Visits every frame.
  void trim();

  /// The nodes of the page tables whose entries are frames of this arena.
  [[nodiscard]] NodePool &nodes() { return *nodes_; }

  /// For tests of undoing: the n-th allocation of a frame or page-table node from now on fails with
  /// ENOMEM, once. 0: none.
  void fail_allocation(u64 n) { until_failure_ = n == 0 ? ~u64{0} : n; }
  /// True if an allocation that fail_allocation() or a test asked to fail is the present one.
  [[nodiscard]] bool must_fail() { return --until_failure_ == 0; }

  /// The address spaces whose pages are in this arena; see mapping_registry.hpp.
  [[nodiscard]] AddressSpace *&address_spaces() { return address_spaces_; }

private:
  static constexpr u32 code_mark = u32{1} << 31;
  static constexpr u32 count_mask = code_mark - 1;
  static constexpr u32 saturated = count_mask;

  FrameArena() = default;
  [[nodiscard]] Status admit(u64 count) {
    if (must_fail() || in_use_ + count > limit_frames_) [[unlikely]]
      return Errno{ENOMEM};
    return Done{};
  }
  FrameNumber take(u32 frame) {
    counts_[frame] = 1;
    ++in_use_;
    return FrameNumber{frame};
  }
  void release(FrameNumber frame) {
    free_list_[free_count_++] = frame.value;
    --in_use_;
  }
  Result<FrameNumber> allocate_fresh();
  /// Makes [fresh_, fresh_end_) hold at least `count` frames.
  Status refill(u64 count);
  [[nodiscard]] bool is_wholly_free(u32 chunk_first, u32 chunk_frames) const;

  std::byte *base_ = nullptr;
  u32 *counts_ = nullptr;    ///< by frame: references, and code_mark
  u32 *free_list_ = nullptr; ///< a stack: what was freed last is warm
  u64 free_count_ = 0;
  u64 in_use_ = 0;
  u64 limit_frames_ = 0;
  u64 until_failure_ = ~u64{0};

  u32 fresh_ = 0; ///< [fresh_, fresh_end_) are populated, zero and were not handed out
  u32 fresh_end_ = 0;
  u32 committed_ = 0; ///< frames from here on have no host memory yet
  u32 reserved_ = 0;
  u32 step_frames_ = 0;
  std::vector<u32> given_back_; ///< first frames of chunks that trim() gave back
  u64 host_bytes_ = 0;

  CodeObserver *code_observer_ = nullptr;
  AddressSpace *address_spaces_ = nullptr;
  HostRange memory_, count_memory_, free_list_memory_;
  std::unique_ptr<NodePool> nodes_;
};

} // namespace tine::memory
