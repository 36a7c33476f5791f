#include "memory/frame_arena.hpp"

#include "memory/node_pool.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace tine::memory {
namespace {
/// Frame numbers take 28 bits of a page-table entry (see page_table.hpp).
constexpr u64 most_frames = u64{1} << 28;
constexpr u64 least_bytes = u64{16} << 20;
/// Chunks that one call of trim_unused() gives back: a millisecond or two under the kernel lock.
constexpr u64 most_trimmed = 64;
/// The reserve, as a part of the limit; 256 KiB at least.
constexpr u64 reserve_divisor = 32;
constexpr u64 least_reserve_frames = 64;
} // namespace

Result<std::unique_ptr<FrameArena>> FrameArena::create(const Options &options) {
  const u64 step = std::bit_ceil(std::max(options.populate_step, 2 * page_size));
  u64 limit = round_up_to_page(std::max(options.limit_bytes, page_size));
  if (limit > most_frames / 2 * page_size)
    return Errno{EINVAL};
  std::unique_ptr<FrameArena> arena(new FrameArena);
  // A quarter more numbers than frames, so that a run can be found when the rest is scattered.
  for (;; limit /= 2) {
    const u64 reserve = (limit + limit / 4 + 2 * step - 1) / step * step;
    auto memory = HostRange::reserve(reserve, HostRange::Pages::huge);
    if (memory) {
      arena->memory_ = std::move(*memory);
      break;
    }
    if (limit <= least_bytes)
      return Errno{ENOMEM};
  }
  const u64 frames = arena->memory_.bytes() >> page_shift;
  const auto reserve_array = [](HostRange &array, u64 bytes) -> Status {
    array = TINE_TRY(HostRange::reserve(round_up_to_page(bytes), HostRange::Pages::normal));
    return array.make_accessible(0, array.bytes());
  };
  const u64 chunks = arena->memory_.bytes() / step;
  TINE_TRY(reserve_array(arena->count_memory_, frames * sizeof(u32)));
  TINE_TRY(reserve_array(arena->next_memory_, frames * sizeof(u32)));
  TINE_TRY(reserve_array(arena->previous_memory_, frames * sizeof(u32)));
  TINE_TRY(reserve_array(arena->chunk_memory_, chunks * sizeof(Chunk)));
  arena->base_ = arena->memory_.base();
  arena->counts_ = reinterpret_cast<u32 *>(arena->count_memory_.base());
  arena->next_free_ = reinterpret_cast<u32 *>(arena->next_memory_.base());
  arena->previous_free_ = reinterpret_cast<u32 *>(arena->previous_memory_.base());
  arena->chunks_ = reinterpret_cast<Chunk *>(arena->chunk_memory_.base());
  arena->chunk_shift_ = static_cast<u32>(std::countr_zero(step >> page_shift));
  arena->reserved_ = static_cast<u32>(frames);
  arena->limit_frames_ = limit >> page_shift;
  arena->reserve_frames_ = std::max(arena->limit_frames_ / reserve_divisor, least_reserve_frames);
  TINE_TRY(arena->refill(1));
  arena->counts_[zero_frame.value] = saturated;
  arena->fresh_ = 1;
  arena->nodes_ = TINE_TRY(NodePool::create(*arena));
  return arena;
}

FrameArena::~FrameArena() = default;

Status FrameArena::admit_at_limit(u64 count) {
  for (Reclaimer *const reclaimer : reclaimers_)
    reclaimer->reclaim();
  const u64 most = limit_frames_ + (reserve_users_ != 0 ? reserve_frames_ : 0);
  return in_use_ + count <= most ? Status{Done{}} : refuse();
}

Result<FrameNumber> FrameArena::allocate_fresh() {
  if (fresh_ == fresh_end_)
    TINE_TRY(refill(1));
  return take(fresh_++);
}

bool FrameArena::make_next_fresh(u32 frame) {
  if (frame < fresh_ || frame >= fresh_end_ || frame - fresh_ > most_passed_over)
    return false;
  while (fresh_ < frame)
    put_on_free_list(fresh_++);
  return true;
}

Result<FrameNumber> FrameArena::allocate_near(FrameNumber wanted, bool zeroed) {
  const u32 frame = wanted.value;
  if (frame >= committed_ || counts_[frame] != 0)
    return zeroed ? allocate_zeroed() : allocate();
  if (make_next_fresh(frame)) {
    TINE_TRY(admit(1));
    return take(fresh_++);
  }
  const u32 chunk = frame >> chunk_shift_;
  const bool is_fresh = frame >= fresh_ && frame < fresh_end_;
  if (is_fresh || chunks_[chunk].free_frames == 0) // too far off, or with the host
    return zeroed ? allocate_zeroed() : allocate();
  TINE_TRY(admit(1));
  take_from_list(chunk, frame);
  if (zeroed)
    std::memset(pointer(wanted), 0, page_size);
  return take(frame);
}

Result<FrameNumber> FrameArena::allocate_run_zeroed(u64 count) {
  if (count == 0)
    return Errno{EINVAL};
  TINE_TRY(admit(count));
  if (fresh_end_ - fresh_ < count)
    TINE_TRY(refill(count));
  const FrameNumber first{fresh_};
  for (u64 i = 0; i < count; ++i)
    take(fresh_++);
  return first;
}

void FrameArena::retire_fresh() {
  while (fresh_ < fresh_end_)
    put_on_free_list(--fresh_end_);
}

Status FrameArena::refill(u64 count) {
  if (count <= chunk_frames() && !given_back_.empty()) {
    const u32 chunk = given_back_.back();
    TINE_TRY(memory_.commit(u64{chunk} << chunk_byte_shift(), chunk_bytes()));
    given_back_.pop_back();
    retire_fresh();
    fresh_ = chunk << chunk_shift_;
    fresh_end_ = fresh_ + chunk_frames();
    host_bytes_ += chunk_bytes();
    return Done{};
  }
  const bool adjacent = fresh_end_ == committed_;
  const u64 missing = adjacent ? count - (fresh_end_ - fresh_) : count;
  const u64 chunks = (missing + chunk_frames() - 1) >> chunk_shift_;
  const u64 frames = chunks << chunk_shift_;
  if (frames > reserved_ - committed_)
    return Errno{ENOMEM};
  TINE_TRY(memory_.commit(u64{committed_} << page_shift, frames << page_shift));
  for (u64 chunk = 0; chunk < chunks; ++chunk)
    new (chunks_ + (committed_ >> chunk_shift_) + chunk) Chunk;
  if (!adjacent) {
    retire_fresh();
    fresh_ = committed_;
  }
  committed_ += static_cast<u32>(frames);
  fresh_end_ = committed_;
  host_bytes_ += frames << page_shift;
  return Done{};
}

void FrameArena::link(u32 &list, u32 index) {
  Chunk &chunk = chunks_[index];
  chunk.previous = no_chunk;
  chunk.next = list;
  if (list != no_chunk)
    chunks_[list].previous = index;
  list = index;
}

void FrameArena::unlink(u32 &list, u32 index) {
  const Chunk &chunk = chunks_[index];
  if (chunk.next != no_chunk)
    chunks_[chunk.next].previous = chunk.previous;
  if (chunk.previous != no_chunk)
    chunks_[chunk.previous].next = chunk.next;
  else
    list = chunk.next;
}

void FrameArena::become_empty(u32 index) {
  unlink(partial_, index);
  link(empty_, index);
  ++empty_chunks_;
}

void FrameArena::leave_empty(u32 index) {
  unlink(empty_, index);
  link(partial_, index);
  --empty_chunks_;
  least_empty_chunks_ = std::min(least_empty_chunks_, empty_chunks_);
}

void FrameArena::drop_references(FrameNumber first, u32 count) {
  u32 *const counts = counts_ + first.value;
  u32 last = 0;
  for (u32 i = 0; i < count; ++i)
    last |= (counts[i] & count_mask) == 1 ? 1 : 0;
  if (last != 0) {
    for (u32 i = count; i-- > 0;)
      drop_reference(FrameNumber{first.value + i});
    return;
  }
  for (u32 i = 0; i < count; ++i)
    counts[i] -= (counts[i] & count_mask) != saturated ? 1 : 0;
}

void FrameArena::clear_code(FrameNumber frame) {
  if (!has_code(frame))
    return;
  counts_[frame.value] &= ~code_mark;
  if (code_observer_)
    code_observer_->code_frame_changed(frame);
}

void FrameArena::give_back(u32 index) {
  unlink(empty_, index);
  --empty_chunks_;
  new (chunks_ + index) Chunk;
  memory_.give_back(u64{index} << chunk_byte_shift(), chunk_bytes());
  host_bytes_ -= chunk_bytes();
  given_back_.push_back(index);
}

void FrameArena::trim(u64 keep_bytes, u64 most) {
  const u64 keep = keep_bytes >> chunk_byte_shift();
  for (; most > 0 && empty_chunks_ > keep; --most)
    give_back(empty_);
  least_empty_chunks_ = std::min(least_empty_chunks_, empty_chunks_);
}

void FrameArena::trim_unused() {
  const u64 unused = least_empty_chunks_;
  const u64 reserve = reserve_chunks();
  if (unused > reserve)
    trim(reserve << chunk_byte_shift(), std::min(unused - reserve, most_trimmed));
  least_empty_chunks_ = empty_chunks_;
}

} // namespace tine::memory
