// The life of an address space, and fork.
#include "memory/address_space.hpp"

#include "memory/mapping_registry.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"
#include "memory/saved_image.hpp"

#include <cstdio>
#include <cstdlib>

namespace tine::memory {
namespace {
constexpr PageRange whole_range{PageNumber{0}, user_address_limit >> page_shift};
}

AddressSpace::AddressSpace(FrameArena &frames) : frames_(frames) {
  MappingRegistry::add(*this);
}

AddressSpace::~AddressSpace() {
  MappingRegistry::remove(*this);
}

Result<Ref<AddressSpace>> AddressSpace::create(FrameArena &frames) {
  Ref<AddressSpace> space(new AddressSpace(frames));
  space->page_table_ = std::make_unique<PageTable>(frames);
  space->mappings_ = std::make_shared<MappingSet>();
  space->epoch_ = frames.nodes().new_epoch();
  return space;
}

Result<Ref<AddressSpace>> AddressSpace::fork(ForkMechanism mechanism) {
  auto page_table =
      mechanism == ForkMechanism::shared ? page_table_->share() : TINE_TRY(page_table_->copy());
  Ref<AddressSpace> child(new AddressSpace(frames_));
  child->page_table_ = std::move(page_table);
  child->mappings_ = mappings_;
  child->saved_ = saved_;
  child->limits_ = limits_;
  child->layout_ = layout_;
  child->membarrier_registrations_ = membarrier_registrations_;
  child->epoch_ = frames_.nodes().new_epoch();
  child->peak_.is_forked = true;
  if (mappings_->has_fork_exceptions())
    TINE_TRY(child->apply_fork_exceptions());
  // Every frame is shared from here on: the parent may not write through what it was given before.
  revoke_write_translations();
  epoch_ = frames_.nodes().new_epoch();
  return child;
}

/// What fork(2), madvise(2) and mlock(2) say of the child, in the child: "MADV_DONTFORK: Do not
/// make the pages in this range available to the child"; "MADV_WIPEONFORK: Present the child
/// process with zero-filled memory in this range"; "Memory locks are not inherited by a child".
Status AddressSpace::apply_fork_exceptions() {
  const std::shared_ptr<const MappingSet> parents = mappings_;
  MappingSet &own = own_mappings();
  for (const Mapping &mapping : parents->all()) {
    if (mapping.dont_fork || mapping.wipe_on_fork)
      TINE_TRY(remove_pages(mapping.range));
    if (mapping.dont_fork)
      own.erase(mapping.range);
    else if (mapping.locked)
      own.change(mapping.range, [](Mapping &one) { one.locked = one.lock_on_fault = false; });
  }
  return Done{};
}

MappingSet &AddressSpace::own_mappings() {
  if (mappings_.use_count() > 1)
    mappings_ = std::make_shared<MappingSet>(*mappings_);
  return *mappings_;
}

void AddressSpace::tell(PageRange range, TranslationObserver::Change change) {
  if (observer_)
    observer_->translations_changed(range, change);
}

void AddressSpace::tell_code_changed(PageRange range) {
  if (observer_)
    observer_->code_layout_changed(range);
}

void AddressSpace::revoke_write_translations() {
  if (gave_write_translations_)
    tell(whole_range, TranslationObserver::Change::write_protected);
  gave_write_translations_ = false;
}

Status AddressSpace::remove_pages(PageRange range) {
  TINE_TRY(page_table_->prepare_removal(range));
  tell(range, TranslationObserver::Change::removed);
  page_table_->remove(range);
  forget_saved(range);
  return Done{};
}

SavedRanges &AddressSpace::own_saved() {
  if (saved_.use_count() > 1)
    saved_ = std::make_shared<SavedRanges>(*saved_);
  return *saved_;
}

void AddressSpace::forget_saved(PageRange range) {
  if (!saved_ || !saved_->overlaps(range))
    return;
  own_saved().erase(range);
  if (saved_->empty())
    saved_ = nullptr;
}

std::optional<FrameNumber> AddressSpace::frame_of(PageNumber page) const {
  if (page.value >= whole_range.count)
    return std::nullopt;
  const PageEntry entry = page_table_->find(page).at(page);
  return entry.present() ? std::optional(entry.frame()) : std::nullopt;
}

void AddressSpace::check() const {
#ifdef TINE_CHECKED
  if (const std::string wrong = validate(); !wrong.empty()) {
    std::fprintf(stderr, "tine: address space: %s\n", wrong.c_str());
    std::abort();
  }
#endif
}

} // namespace tine::memory
