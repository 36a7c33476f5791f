#include "process/ipc/shared_memory.hpp"

#include "memory/mapping_registry.hpp"

#include <fmt/format.h>

namespace tine::process {

Segment::Segment(SharedMemory &table_, memory::FrameArena &frames, u64 size)
    : table(&table_), pages_(make_ref<memory::AnonymousPageObject>(frames, round_up_to_page(size))),
      size_(size) {}

Segment::~Segment() {
  if (table != nullptr)
    table->segments_.remove(id);
}

std::string Segment::path() const {
  return fmt::format("/SYSV{:08x} (deleted)", static_cast<u32>(first_key));
}

u64 Segment::attachments() const {
  return memory::MappingRegistry::mapping_count(*pages_);
}

shmid_ds SegmentEntry::to_guest() const {
  shmid_ds result{};
  result.shm_perm = permissions.to_guest();
  result.shm_segsz = segment->size();
  result.shm_atime = attach_time;
  result.shm_dtime = detach_time;
  result.shm_ctime = change_time;
  result.shm_cpid = creator.value;
  result.shm_lpid = last.value;
  result.shm_nattch = segment->attachments();
  return result;
}

SharedMemory::~SharedMemory() {
  // Their destructors take them off the table.
  std::vector<Ref<Segment>> kept;
  for (auto &[index, entry] : segments_.all()) {
    if (entry.segment != nullptr) // else a saved box's file ended before
      entry.segment->table = nullptr;
    kept.push_back(std::move(entry.keep));
  }
}

Result<i32> SharedMemory::get(memory::FrameArena &frames, const IpcRequest &request, u64 size,
                              const fs::Credentials &who, Pid creator) {
  SegmentEntry *found = TINE_TRY(segments_.look_up(request));
  if (found != nullptr) {
    if (found->segment->size() < size)
      return Errno{EINVAL};
    TINE_TRY(found->permissions.check(who, static_cast<u32>(request.flags)));
    return found->permissions.id;
  }
  if (size == 0 || size > limits.largest_segment)
    return Errno{EINVAL};
  const u64 pages = round_up_to_page(size) >> page_shift;
  if (round_up_to_page(size) < size)
    return Errno{ENOSPC};
  if (segments_.size() >= std::min<u64>(limits.segments, IpcNumbers::index_limit) ||
      pages > limits.total_pages || total_pages() > limits.total_pages - pages)
    return Errno{ENOSPC};
  // There are no huge pages; and without SHM_NORESERVE it may not exceed all memory by itself.
  const bool exceeds = (request.flags & SHM_NORESERVE) == 0 && size > frames.limit_bytes();
  if ((request.flags & SHM_HUGETLB) != 0 || exceeds)
    return Errno{ENOMEM};
  const Ref<Segment> segment = make_ref<Segment>(*this, frames, size);
  SegmentEntry &entry = segments_.create(request, who);
  segment->id = entry.permissions.id;
  segment->first_key = request.key;
  entry.segment = segment.get();
  entry.keep = segment;
  entry.creator = creator;
  entry.change_time = ipc_now();
  return entry.permissions.id;
}

void SharedMemory::remove(SegmentEntry &entry) {
  entry.permissions.mode |= SHM_DEST;
  segments_.forget_key(entry);
  // The entry goes with the segment: now, or with the last mapping.
  const Ref<Segment> last = std::move(entry.keep);
  entry.keep = nullptr;
}

void SharedMemory::note(const memory::AddressSpace &space, Event event, Pid who) {
  const i64 now = ipc_now();
  space.for_each_mapping([&](const memory::Mapping &mapping) {
    const Segment *segment = segment_of(mapping);
    SegmentEntry *entry =
        segment != nullptr && segment->table == this ? segments_.find(segment->id) : nullptr;
    if (entry == nullptr)
      return;
    (event == Event::attached ? entry->attach_time : entry->detach_time) = now;
    entry->last = who;
  });
}

Segment *SharedMemory::segment_of(const memory::Mapping &mapping) {
  return dynamic_cast<Segment *>(mapping.file.get());
}

u64 SharedMemory::total_pages() {
  u64 pages = 0;
  for (const auto &[index, entry] : segments_.all())
    pages += round_up_to_page(entry.segment->size()) >> page_shift;
  return pages;
}

} // namespace tine::process
