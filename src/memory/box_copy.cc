// The fork of a box: its address spaces are copied as fork(2) copies one, and its shared memory
// too.
#include "memory/address_space.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"

namespace tine::memory {

/// The mappings with the copies of what they show. Address spaces that share their mappings share
/// the copy.
Result<std::shared_ptr<MappingSet>> AddressSpace::copy_mappings(Copier &copier) {
  if (auto known = copier.shared_counterpart(*mappings_))
    return known;
  auto made = std::make_shared<MappingSet>(*mappings_);
  bool differs = false;
  Status status = Done{};
  made->replace_sources([&](Mapping &mapping) {
    if (!status.ok() || (!mapping.object && !mapping.file))
      return;
    Result<Ref<PageObject>> object = copier.copy(mapping.object);
    Result<Ref<MappedFile>> file = copier.copy(mapping.file);
    if (!object || !file) {
      status = !object ? object.error() : file.error();
      return;
    }
    differs = differs || *object != mapping.object || *file != mapping.file;
    mapping.object = std::move(*object);
    mapping.file = std::move(*file);
  });
  TINE_TRY(std::move(status));
  if (!differs)
    made = mappings_;
  copier.note_counterpart(*mappings_, made);
  return made;
}

/// The mappings first: cloning an object removes what mappings show of it, before the page table is
/// shared. Both sides fault, and find the page that their object holds.
Result<Ref<AddressSpace>> AddressSpace::copy(Copier &copier) {
  std::shared_ptr<MappingSet> mappings = TINE_TRY(copy_mappings(copier));
  auto page_table = page_table_->share();
  Ref<AddressSpace> made(new AddressSpace(frames_));
  made->page_table_ = std::move(page_table);
  made->mappings_ = std::move(mappings);
  made->saved_ = saved_;
  made->limits_ = limits_;
  made->layout_ = layout_;
  made->membarrier_registrations_ = membarrier_registrations_;
  made->lock_future_ = lock_future_;
  made->lock_future_on_fault_ = lock_future_on_fault_;
  made->counters_ = counters_;
  made->peak_ = peak_;
  made->peak_.is_forked = true;
  made->epoch_ = frames_.nodes().new_epoch();
  if (made->mappings_->has_fork_exceptions())
    for (const Mapping &mapping : made->mappings_->all())
      if (mapping.wipe_on_fork)
        TINE_TRY(made->remove_pages(mapping.range));
  revoke_write_translations();
  epoch_ = frames_.nodes().new_epoch();
  return made;
}

} // namespace tine::memory
