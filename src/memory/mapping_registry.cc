#include "memory/mapping_registry.hpp"

#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"

#include <algorithm>

namespace tine::memory {

void MappingRegistry::add(AddressSpace &space) {
  AddressSpace *&head = space.frames_.address_spaces();
  space.next_ = head;
  if (head)
    head->previous_ = &space;
  head = &space;
}

void MappingRegistry::remove(AddressSpace &space) {
  if (space.next_)
    space.next_->previous_ = space.previous_;
  if (space.previous_)
    space.previous_->next_ = space.next_;
  else
    space.frames_.address_spaces() = space.next_;
}

/// Calls visit(space, mapping, range) for each piece of a mapping that shows pages of the object
/// from the range of indices.
template <typename Visit>
void MappingRegistry::for_each_window(const PageObject &object, u64 first_index, u64 count,
                                      Visit &&visit) {
  const u64 end_index = count > ~first_index ? ~u64{0} : first_index + count;
  for (AddressSpace *space = object.frames().address_spaces(); space; space = space->next_)
    for (const Mapping &mapping : space->mappings_->all()) {
      if (mapping.object.get() != &object)
        continue;
      const u64 first = std::max(first_index, mapping.object_page);
      const u64 end = std::min(end_index, mapping.object_page + mapping.range.count);
      if (first < end)
        visit(*space, mapping,
              PageRange{mapping.range.first + (first - mapping.object_page), end - first});
    }
}

void MappingRegistry::unmap_object_pages(const PageObject &object, u64 first_index, u64 count) {
  unmap(object, first_index, count, PrivateCopies::kept);
}

void MappingRegistry::unmap_truncated_pages(const PageObject &object, u64 first_gone) {
  unmap(object, first_gone, ~u64{0}, PrivateCopies::dropped);
}

void MappingRegistry::unmap(const PageObject &object, u64 first_index, u64 count,
                            PrivateCopies copies) {
  if (object.reference_count() <= 1)
    return; // only its owner knows it
  // All observers first: the entry of a shared node is gone for every address space at once.
  for_each_window(object, first_index, count,
                  [](AddressSpace &space, const Mapping &mapping, PageRange range) {
                    space.tell(range, TranslationObserver::Change::removed);
                    if (mapping.protection.execute)
                      space.tell_code_changed(range);
                  });
  // A node that several page tables share is changed in place: a page table that reaches the entry
  // maps the same page of the object there (munmap and mmap would have removed it), so it goes for
  // all.
  for_each_window(object, first_index, count,
                  [&](AddressSpace &space, const Mapping &mapping, PageRange range) {
                    space.page_table_->remove_in_place(
                        range, [&](PageNumber page, PageEntry entry) {
                          const u64 index = mapping.object_page + (page - mapping.range.first);
                          return mapping.shared || copies == PrivateCopies::dropped ||
                                 object.present_page(index) == entry.frame();
                        });
                    if (copies == PrivateCopies::dropped && !mapping.shared)
                      space.forget_saved(range);
                  });
}

u64 MappingRegistry::mapping_count(const PageObject &object) {
  u64 count = 0;
  for_each_window(object, 0, ~u64{0}, [&](AddressSpace &, const Mapping &, PageRange) { ++count; });
  return count;
}

bool MappingRegistry::is_writably_mapped(const PageObject &object) {
  bool found = false;
  for_each_window(object, 0, ~u64{0}, [&](AddressSpace &, const Mapping &mapping, PageRange) {
    found = found || (mapping.shared && mapping.may_write);
  });
  return found;
}

} // namespace tine::memory
