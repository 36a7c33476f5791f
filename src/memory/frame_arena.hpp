// Frames: the physical memory of all boxes of this host process.
//
// One large reserved range of host memory, cut into 4 KiB frames that are addressed by index, so that a
// frame is a host pointer and its reference count is an array entry.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace tine::memory {

/// Told when translated code loses its source. Implemented by the code cache.
class CodeObserver {
public:
  virtual ~CodeObserver() = default;
  /// The frame is about to become writable, or was freed: drop the translations made from it.
  /// The frame's code mark is already cleared.
  virtual void code_frame_changed(FrameNumber frame) = 0;
};

/// Owns every frame. Invariants: a frame's count is the number of references to it (page-table entries
/// in distinct nodes, page objects, pipe buffers, pins); a frame with count zero is on the free list;
/// frame 0 is the common zero frame, whose count is never zero. Guarded by the kernel lock.
class FrameArena {
public:
  struct Options {
    /// Most frames that may be in use at once (`--memory`); beyond it allocate() is ENOMEM.
    u64 limit_bytes = u64{64} << 30;
    /// Host memory is taken in steps of this size, populated at once: a host fault costs 10 to 20 µs.
    u64 populate_step = u64{2} << 20;
  };

  static Result<std::unique_ptr<FrameArena>> create(const Options &options);
  virtual ~FrameArena() = default;

  /// A frame with count 1 and unspecified contents. ENOMEM at the limit.
  [[nodiscard]] virtual Result<FrameNumber> allocate() = 0;
  /// A frame with count 1 that reads zero (cheaper where the host's memory is known to be zero).
  [[nodiscard]] virtual Result<FrameNumber> allocate_zeroed() = 0;
  /// `count` neighbouring frames, each with count 1, zeroed; fewer than asked for is ENOMEM.
  [[nodiscard]] virtual Result<FrameNumber> allocate_run_zeroed(u64 count) = 0;

  virtual void add_reference(FrameNumber frame) = 0;
  /// Frees the frame when this was the last reference.
  virtual void drop_reference(FrameNumber frame) = 0;
  [[nodiscard]] virtual u32 reference_count(FrameNumber frame) const = 0;

  /// Marks that translated code was made from the frame; the write path must clear it first.
  virtual void mark_code(FrameNumber frame) = 0;
  [[nodiscard]] virtual bool has_code(FrameNumber frame) const = 0;
  /// Clears the mark and tells the observer; nothing if the frame isn't marked.
  virtual void clear_code(FrameNumber frame) = 0;
  virtual void set_code_observer(CodeObserver *observer) = 0;

  [[nodiscard]] std::byte *pointer(FrameNumber frame) const {
    return base_ + (u64{frame.value} << page_shift);
  }
  [[nodiscard]] std::span<std::byte, page_size> bytes(FrameNumber frame) const {
    return std::span<std::byte, page_size>(pointer(frame), page_size);
  }
  static constexpr FrameNumber zero_frame{0};

  /// Frames in use, and bytes of host memory that back the arena (used or kept for reuse).
  [[nodiscard]] virtual u64 frames_in_use() const = 0;
  [[nodiscard]] virtual u64 host_bytes() const = 0;
  [[nodiscard]] virtual u64 limit_bytes() const = 0;

protected:
  std::byte *base_ = nullptr;
};

} // namespace tine::memory
