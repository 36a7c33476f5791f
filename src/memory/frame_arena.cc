#include "memory/frame_arena.hpp"

#include "memory/node_pool.hpp"

#include <algorithm>

namespace tine::memory {
namespace {
/// Frame numbers take 28 bits of a page-table entry (see page_table.hpp).
constexpr u64 most_frames = u64{1} << 28;
constexpr u64 least_bytes = u64{16} << 20;
} // namespace

Result<std::unique_ptr<FrameArena>> FrameArena::create(const Options &options) {
  const u64 step = std::max(round_up_to_page(options.populate_step), page_size);
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
  const u64 array_bytes = round_up_to_page(frames * sizeof(u32));
  for (HostRange *array : {&arena->count_memory_, &arena->free_list_memory_}) {
    *array = TINE_TRY(HostRange::reserve(array_bytes, HostRange::Pages::normal));
    TINE_TRY(array->make_accessible(0, array_bytes));
  }
  arena->base_ = arena->memory_.base();
  arena->counts_ = reinterpret_cast<u32 *>(arena->count_memory_.base());
  arena->free_list_ = reinterpret_cast<u32 *>(arena->free_list_memory_.base());
  arena->reserved_ = static_cast<u32>(frames);
  arena->step_frames_ = static_cast<u32>(step >> page_shift);
  arena->limit_frames_ = limit >> page_shift;
  TINE_TRY(arena->refill(1));
  arena->counts_[zero_frame.value] = saturated;
  arena->fresh_ = 1;
  arena->nodes_ = TINE_TRY(NodePool::create(*arena));
  return arena;
}

FrameArena::~FrameArena() = default;

Result<FrameNumber> FrameArena::allocate_fresh() {
  if (fresh_ == fresh_end_)
    TINE_TRY(refill(1));
  return take(fresh_++);
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

Status FrameArena::refill(u64 count) {
  const u64 have = fresh_end_ - fresh_;
  if (count <= step_frames_ && !given_back_.empty()) {
    const u32 chunk = given_back_.back();
    TINE_TRY(memory_.commit(u64{chunk} << page_shift, u64{step_frames_} << page_shift));
    given_back_.pop_back();
    while (fresh_ < fresh_end_)
      free_list_[free_count_++] = fresh_++;
    fresh_ = chunk;
    fresh_end_ = chunk + step_frames_;
    host_bytes_ += u64{step_frames_} << page_shift;
    return Done{};
  }
  const bool adjacent = fresh_end_ == committed_;
  const u64 missing = adjacent ? count - have : count;
  const u64 steps = (missing + step_frames_ - 1) / step_frames_;
  const u64 frames = steps * step_frames_;
  if (frames > reserved_ - committed_)
    return Errno{ENOMEM};
  TINE_TRY(memory_.commit(u64{committed_} << page_shift, frames << page_shift));
  if (!adjacent) {
    while (fresh_ < fresh_end_)
      free_list_[free_count_++] = fresh_++;
    fresh_ = committed_;
  }
  committed_ += static_cast<u32>(frames);
  fresh_end_ = committed_;
  host_bytes_ += frames << page_shift;
  return Done{};
}

void FrameArena::clear_code(FrameNumber frame) {
  if (!has_code(frame))
    return;
  counts_[frame.value] &= ~code_mark;
  if (code_observer_)
    code_observer_->code_frame_changed(frame);
}

bool FrameArena::is_wholly_free(u32 chunk_first, u32 chunk_frames) const {
  const u32 chunk_end = chunk_first + chunk_frames;
  if (fresh_ < chunk_end && chunk_first < fresh_end_)
    return false;
  return std::all_of(counts_ + chunk_first, counts_ + chunk_end,
                     [](u32 count) { return count == 0; });
}

void FrameArena::trim() {
  std::vector<bool> was_given_back(committed_ / step_frames_, false);
  for (const u32 chunk : given_back_)
    was_given_back[chunk / step_frames_] = true;
  std::vector<bool> gone = was_given_back;
  for (u32 chunk = 0; chunk < committed_; chunk += step_frames_) {
    if (was_given_back[chunk / step_frames_] || !is_wholly_free(chunk, step_frames_))
      continue;
    memory_.give_back(u64{chunk} << page_shift, u64{step_frames_} << page_shift);
    host_bytes_ -= u64{step_frames_} << page_shift;
    given_back_.push_back(chunk);
    gone[chunk / step_frames_] = true;
  }
  u32 *const kept = std::remove_if(free_list_, free_list_ + free_count_,
                                   [&](u32 frame) { return gone[frame / step_frames_]; });
  free_count_ = static_cast<u64>(kept - free_list_);
}

} // namespace tine::memory
