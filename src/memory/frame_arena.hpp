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

/// Holds frames that nobody needs for now. Implemented by the page cache of host files.
class Reclaimer {
public:
  virtual ~Reclaimer() = default;
  /// Asked when the limit is reached, in the middle of any allocation: drops what nothing else
  /// refers to, and nothing else.
  virtual void reclaim() = 0;
};

/// Owns every frame. Invariants: a frame's count is the number of references to it (page-table
/// entries in distinct nodes, page objects, pipe buffers, pins); a frame with count zero is on its
/// chunk's free list, in the fresh range, or in a chunk that was given back to the host; frame 0 is
/// the common zero frame, which isn't counted: it is never free and never writable. Guarded by the
/// kernel lock.
///
/// A chunk is what is taken from the host and given back at once. Frames come from chunks that are
/// partly in use before those that are wholly free, so that the latter can be given back.
class FrameArena final {
public:
  struct Options {
    /// Most frames that may be in use at once (`--memory`); beyond it allocate() is ENOMEM, but for
    /// what UseReserve says.
    u64 limit_bytes = u64{64} << 30;
    /// Bytes of a chunk, rounded up to a power of two of at least two pages. It is populated at
    /// once: a host fault costs 10 to 20 µs.
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
    const u32 chunk = chunk_with_free_frames();
    return chunk != no_chunk ? Result<FrameNumber>(take_free(chunk)) : allocate_fresh();
  }
  /// A frame with count 1 that reads zero (cheaper where the host's memory is known to be zero).
  [[nodiscard]] Result<FrameNumber> allocate_zeroed() {
    TINE_TRY(admit(1));
    const u32 chunk = chunk_with_free_frames();
    if (chunk == no_chunk)
      return allocate_fresh();
    const FrameNumber frame = take_free(chunk);
    std::memset(pointer(frame), 0, page_size);
    return frame;
  }
  /// As the two above, but the frame `wanted` if it is free: pages that are neighbours are reached
  /// by one translation if their frames are neighbours, too. Any number may be asked for.
  [[nodiscard]] Result<FrameNumber> allocate_near(FrameNumber wanted, bool zeroed);
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
  /// The same for `count` neighbouring frames, each of which has a reference already.
  void add_references(FrameNumber first, u32 count) {
    u32 *const counts = counts_ + first.value;
    for (u32 i = 0; i < count; ++i)
      counts[i] += (counts[i] & count_mask) != saturated ? 1 : 0;
  }
  /// The last one first, so that the frames are handed out again in ascending order.
  void drop_references(FrameNumber first, u32 count);

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

  void add_reclaimer(Reclaimer &reclaimer) { reclaimers_.push_back(&reclaimer); }
  void remove_reclaimer(Reclaimer &reclaimer) { std::erase(reclaimers_, &reclaimer); }

  /// While one exists, allocations may go beyond the limit by a reserve: for what the kernel writes
  /// for a process in the middle of a call, where Linux waits until its OOM killer has made room.
  /// Whoever is the owner of the vCPUs must make room then: over_limit().
  class UseReserve {
  public:
    explicit UseReserve(FrameArena &frames) : frames_(frames) { ++frames_.reserve_users_; }
    ~UseReserve() { --frames_.reserve_users_; }
    UseReserve(const UseReserve &) = delete;
    UseReserve &operator=(const UseReserve &) = delete;

  private:
    FrameArena &frames_;
  };
  [[nodiscard]] bool at_limit() const { return in_use_ >= limit_frames_; }
  [[nodiscard]] bool over_limit() const { return in_use_ > limit_frames_; }

  /// Gives wholly free chunks back to the host, `most` of them, as long as more than `keep_bytes`
  /// are wholly free. Costs some 20 µs each.
  void trim(u64 keep_bytes = 0, u64 most = ~u64{0});
  /// To be called every trim_period or so: gives back what was wholly free ever since the last
  /// call, a reserve for the next program apart.
  void trim_unused();
  /// Whether trim_unused() may have something to do: whoever calls it can't sleep for long yet.
  [[nodiscard]] bool may_trim() const { return empty_chunks_ > reserve_chunks(); }
  static constexpr i64 trim_period = 100'000'000; ///< ns
  [[nodiscard]] u64 wholly_free_bytes() const { return u64{empty_chunks_} << chunk_byte_shift(); }

  /// The nodes of the page tables whose entries are frames of this arena.
  [[nodiscard]] NodePool &nodes() { return *nodes_; }

  /// For tests of undoing: the n-th allocation of a frame or page-table node from now on fails with
  /// ENOMEM, once. 0: none.
  void fail_allocation(u64 n) { until_failure_ = n == 0 ? ~u64{0} : n; }
  /// True if an allocation that fail_allocation() or a test asked to fail is the present one.
  [[nodiscard]] bool must_fail() { return --until_failure_ == 0; }
  /// How many allocations of frames or nodes were refused so far: tells an ENOMEM of theirs from
  /// that of a limit of the caller's.
  [[nodiscard]] u64 refusals() const { return refusals_; }
  [[nodiscard]] Errno refuse() {
    ++refusals_;
    return Errno{ENOMEM};
  }

  /// The address spaces whose pages are in this arena; see mapping_registry.hpp.
  [[nodiscard]] AddressSpace *&address_spaces() { return address_spaces_; }

private:
  static constexpr u32 code_mark = u32{1} << 31;
  static constexpr u32 count_mask = code_mark - 1;
  static constexpr u32 saturated = count_mask;

  FrameArena() = default;
  [[nodiscard]] Status admit(u64 count) {
    if (must_fail()) [[unlikely]]
      return refuse();
    return in_use_ + count <= limit_frames_ ? Status{Done{}} : admit_at_limit(count);
  }
  [[nodiscard]] Status admit_at_limit(u64 count);
  static constexpr u32 no_chunk = ~u32{0};
  static constexpr u32 most_passed_over = 16; ///< fresh frames, for a wanted one behind them
  /// Invariant: on the list `partial_` if some but not all frames are free, on `empty_` if all are,
  /// on no list otherwise (none is free, or the chunk has no host memory).
  struct Chunk {
    u32 first_free = 0; ///< a frame, then by next_free_ in a circle; 0: none
    u32 free_frames = 0;
    u32 previous = no_chunk, next = no_chunk;
  };
  [[nodiscard]] u32 chunk_byte_shift() const { return chunk_shift_ + page_shift; }
  [[nodiscard]] u32 chunk_frames() const { return u32{1} << chunk_shift_; }
  [[nodiscard]] u64 chunk_bytes() const { return u64{1} << chunk_byte_shift(); }
  [[nodiscard]] u32 chunk_with_free_frames() const {
    return partial_ != no_chunk ? partial_ : empty_;
  }
  /// What trim_unused() leaves: an eighth of what is in use, 32 MiB at least.
  [[nodiscard]] u64 reserve_chunks() const {
    const u64 bytes = (in_use_ << page_shift) / 8;
    return (bytes > least_reserve ? bytes : least_reserve) >> chunk_byte_shift();
  }
  static constexpr u64 least_reserve = u64{32} << 20;

  /// Passes over the fresh frames before it. False: it is too far ahead, or none of them.
  [[nodiscard]] bool make_next_fresh(u32 frame);
  FrameNumber take(u32 frame) {
    counts_[frame] = 1;
    ++in_use_;
    return FrameNumber{frame};
  }
  /// The frame of the chunk that was freed last.
  FrameNumber take_free(u32 index) {
    const u32 frame = chunks_[index].first_free;
    take_from_list(index, frame);
    return take(frame);
  }
  void take_from_list(u32 index, u32 frame) {
    Chunk &chunk = chunks_[index];
    const u32 next = next_free_[frame], previous = previous_free_[frame];
    next_free_[previous] = next;
    previous_free_[next] = previous;
    if (chunk.first_free == frame)
      chunk.first_free = next;
    if (chunk.free_frames-- == chunk_frames()) [[unlikely]]
      leave_empty(index);
    if (chunk.free_frames == 0) [[unlikely]] {
      chunk.first_free = 0;
      unlink(partial_, index);
    }
  }
  void release(FrameNumber frame) {
    put_on_free_list(frame.value);
    chunks_[frame.value >> chunk_shift_].first_free = frame.value;
    --in_use_;
  }
  /// As the one that is taken last.
  void put_on_free_list(u32 frame) {
    const u32 index = frame >> chunk_shift_;
    Chunk &chunk = chunks_[index];
    if (chunk.first_free == 0)
      chunk.first_free = next_free_[frame] = previous_free_[frame] = frame;
    const u32 first = chunk.first_free, last = previous_free_[first];
    next_free_[frame] = first;
    previous_free_[frame] = last;
    next_free_[last] = previous_free_[first] = frame;
    if (chunk.free_frames++ == 0) [[unlikely]]
      link(partial_, index);
    if (chunk.free_frames == chunk_frames()) [[unlikely]]
      become_empty(index);
  }
  void link(u32 &list, u32 index);
  void unlink(u32 &list, u32 index);
  void become_empty(u32 index);
  void leave_empty(u32 index);
  void give_back(u32 index);

  Result<FrameNumber> allocate_fresh();
  /// Makes [fresh_, fresh_end_) hold at least `count` frames.
  Status refill(u64 count);
  /// The rest of the fresh range goes to the free lists.
  void retire_fresh();

  std::byte *base_ = nullptr;
  u32 *counts_ = nullptr;    ///< by frame: references, and code_mark
  u32 *next_free_ = nullptr; ///< by frame, while it is free: what was freed last is warm
  u32 *previous_free_ = nullptr;
  Chunk *chunks_ = nullptr;                   ///< by frame >> chunk_shift_
  u32 partial_ = no_chunk, empty_ = no_chunk; ///< lists of chunks
  u32 empty_chunks_ = 0;                      ///< on the list
  u32 least_empty_chunks_ = 0;                ///< since the last trim_unused()
  u32 chunk_shift_ = 0;
  u64 in_use_ = 0;
  u64 limit_frames_ = 0;
  u64 reserve_frames_ = 0; ///< beyond the limit
  u32 reserve_users_ = 0;
  u64 until_failure_ = ~u64{0};
  u64 refusals_ = 0;

  u32 fresh_ = 0; ///< [fresh_, fresh_end_) are populated, zero and were not handed out
  u32 fresh_end_ = 0;
  u32 committed_ = 0; ///< frames from here on have no host memory yet
  u32 reserved_ = 0;
  std::vector<u32> given_back_; ///< chunks
  u64 host_bytes_ = 0;

  CodeObserver *code_observer_ = nullptr;
  std::vector<Reclaimer *> reclaimers_; ///< not owned
  AddressSpace *address_spaces_ = nullptr;
  HostRange memory_, count_memory_, next_memory_, previous_memory_, chunk_memory_;
  std::unique_ptr<NodePool> nodes_;
};

} // namespace tine::memory
