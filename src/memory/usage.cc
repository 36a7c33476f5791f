// What /proc tells of an address space.
#include "memory/address_space.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"

#include <algorithm>
#include <cstring>

namespace tine::memory {
namespace {
/// Whether the entry shows the page that the mapping's object holds.
bool is_of_object(const Mapping &mapping, PageNumber page, PageEntry entry) {
  const u64 index = mapping.object_page + (page - mapping.range.first);
  return mapping.object && mapping.object->present_page(index) == entry.frame();
}

/// How many page tables reach a page, by the counts on the path and of the frame. (The product is
/// an upper bound where nodes were shared and unshared again; it is exact for one.)
u64 reached_by(u64 path_count, u32 frame_count, bool of_object) {
  return path_count * std::max<u64>(1, of_object ? frame_count - 1 : frame_count);
}

void add_page(MemoryUsage &usage, const Mapping &mapping, PageNumber page, PageEntry entry,
              u64 path_count, u32 frame_count) {
  if (entry.frame() == FrameArena::zero_frame)
    return; // as Linux: the zero page belongs to nobody
  const bool of_object = is_of_object(mapping, page, entry);
  const u64 mapped_by = reached_by(path_count, frame_count, of_object);
  const bool dirty = !of_object || !mapping.file || entry.written();
  usage.resident += page_size;
  if (mapped_by > 1)
    (dirty ? usage.shared_dirty : usage.shared_clean) += page_size;
  else
    (dirty ? usage.private_dirty : usage.private_clean) += page_size;
  if (!of_object)
    usage.anonymous += page_size;
  else
    (mapping.file ? usage.file : usage.shmem) += page_size;
  usage.proportional += page_size / mapped_by;
}

void add_mapping(MemoryUsage &usage, const Mapping &mapping) {
  const u64 bytes = mapping.range.count << page_shift;
  usage.virtual_size += bytes;
  if (mapping.locked)
    usage.locked += bytes;
  if (mapping.grows_down)
    usage.stack += bytes;
  else if (mapping.protection.execute && !mapping.protection.write)
    usage.code += bytes;
  else if (is_data(mapping))
    usage.data += bytes;
}
} // namespace

MemoryUsage AddressSpace::usage_of(const Mapping &mapping) const {
  MemoryUsage usage;
  add_mapping(usage, mapping);
  page_table_->for_each_present(
      mapping.range, [&](PageNumber page, PageEntry entry, u64 path_count) {
        add_page(usage, mapping, page, entry, path_count, frames_.reference_count(entry.frame()));
      });
  return usage;
}

MemoryUsage AddressSpace::usage() const {
  MemoryUsage usage;
  for (const Mapping &mapping : mappings_->all()) {
    add_mapping(usage, mapping);
    page_table_->for_each_present(
        mapping.range, [&](PageNumber page, PageEntry entry, u64 path_count) {
          add_page(usage, mapping, page, entry, path_count, frames_.reference_count(entry.frame()));
        });
  }
  page_table_->for_each_node([&](u32, u32, u64 path_count) {
    usage.page_table_total += sizeof(NodePool::Node);
    if (path_count == 1)
      usage.page_table_own += sizeof(NodePool::Node);
  });
  return usage;
}

Footprint AddressSpace::footprint(SharedNodePages &known) const {
  Footprint footprint;
  const auto visit = [&](PageNumber page, PageEntry entry) {
    if (entry.frame() == FrameArena::zero_frame)
      return;
    const Mapping *const mapping = mappings_->find(page);
    const bool of_object = mapping && is_of_object(*mapping, page, entry);
    const bool alone = reached_by(1, frames_.reference_count(entry.frame()), of_object) == 1;
    (alone ? footprint.owned : footprint.shared) += page_size;
  };
  const auto own_node = [&] { footprint.owned += sizeof(NodePool::Node); };
  const auto shared = [&](u32 node, u32 level) {
    const auto [place, is_new] = known.emplace(node, 0);
    if (is_new)
      place->second = page_table_->pages_below(node, level);
    footprint.shared += place->second * page_size;
  };
  page_table_->for_each_exclusive(visit, own_node, shared);
  return footprint;
}

/// A walk costs as much as there are pages: one is made only after as many faults as are a
/// sixteenth of the peak, and if they can have exceeded it. What a fork shares is never walked
/// over.
void AddressSpace::note_peak() {
  if (peak_.is_forked)
    return;
  const u64 faults = made_resident();
  const u64 since = faults - peak_.walked_faults;
  if (peak_.walked_pages + since <= peak_.pages || since < peak_.pages / 16)
    return;
  u64 resident = 0;
  for (const Mapping &mapping : mappings_->all())
    page_table_->for_each_present(mapping.range, [&](PageNumber, PageEntry entry, u64) {
      resident += entry.frame() == FrameArena::zero_frame ? 0 : 1;
    });
  peak_ = {std::max(peak_.pages, resident), resident, faults, false};
}

u64 AddressSpace::locked_bytes() const {
  u64 bytes = 0;
  for (const Mapping &mapping : mappings_->all())
    if (mapping.locked)
      bytes += mapping.range.count << page_shift;
  return bytes;
}

void AddressSpace::for_each_mapping(const std::function<void(const Mapping &)> &visit) const {
  const std::shared_ptr<const MappingSet> mappings = mappings_; // the visitor may change them
  for (const Mapping &mapping : mappings->all())
    visit(mapping);
}

std::optional<Mapping> AddressSpace::mapping_at(GuestAddress address) const {
  const Mapping *const mapping = mappings_->find(address.page());
  return mapping ? std::optional(*mapping) : std::nullopt;
}

} // namespace tine::memory
