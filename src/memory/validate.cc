#include "memory/validate.hpp"

#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"

#include <unordered_map>
#include <unordered_set>

namespace tine::memory {

std::string AddressSpace::validate() const {
  if (std::string wrong = mappings_->validate(); !wrong.empty())
    return wrong;
  std::string wrong;
  page_table_->for_each_node([&](u32 node, u32, u64) {
    if (frames_.nodes().reference_count(node) == 0)
      wrong = "a page table reaches a node that is free";
  });
  const Mapping *mapping = nullptr;
  page_table_->for_each_present(PageRange{PageNumber{0}, u64{1} << 36}, [&](PageNumber page,
                                                                            PageEntry entry, u64) {
    if (!mapping || !mapping->range.contains(page))
      mapping = mappings_->find(page);
    if (!mapping)
      wrong = "page " + std::to_string(page.value) + " is present but not mapped";
    else if (frames_.reference_count(entry.frame()) == 0)
      wrong = "page " + std::to_string(page.value) + " shows a free frame";
    else if (mapping->shared &&
             mapping->object->present_page(mapping->object_page + (page - mapping->range.first)) !=
                 entry.frame())
      wrong = "page " + std::to_string(page.value) + " of a shared mapping isn't its object's";
  });
  return wrong;
}

namespace {
/// References that were found, by what they refer to.
struct Found {
  std::unordered_map<u32, u32> frames;
  std::unordered_map<u32, u32> nodes;
};

/// Each node's entries count once, however many page tables share it.
void count_tree(NodePool &pool, u32 node, u32 level, Found &found) {
  if (node == 0)
    return; // an empty page table has no root
  if (++found.nodes[node] > 1)
    return;
  for (const u32 entry : pool.node(node)) {
    if (entry == 0)
      continue;
    if (level == 0)
      ++found.frames[PageEntry{entry}.frame().value];
    else
      count_tree(pool, entry, level - 1, found);
  }
}

std::string compare(FrameArena &frames, const Found &found) {
  NodePool &nodes = frames.nodes();
  for (const auto &[node, count] : found.nodes)
    if (nodes.reference_count(node) != count)
      return "node " + std::to_string(node) + " has count " +
             std::to_string(nodes.reference_count(node)) + ", references " + std::to_string(count);
  if (nodes.nodes_in_use() != found.nodes.size())
    return std::to_string(nodes.nodes_in_use()) + " nodes in use, " +
           std::to_string(found.nodes.size()) + " reached";
  u64 used = 0;
  for (const auto &[frame, count] : found.frames) {
    if (frame == FrameArena::zero_frame.value)
      continue;
    ++used;
    if (frames.reference_count(FrameNumber{frame}) != count)
      return "frame " + std::to_string(frame) + " has count " +
             std::to_string(frames.reference_count(FrameNumber{frame})) + ", references " +
             std::to_string(count);
  }
  if (frames.frames_in_use() != used)
    return std::to_string(frames.frames_in_use()) + " frames in use, " + std::to_string(used) +
           " reached";
  return {};
}
} // namespace

std::string validate_all(FrameArena &frames, const ReferenceHolders &holders) {
  Found found;
  for (const AddressSpace *space : holders.spaces) {
    if (std::string wrong = space->validate(); !wrong.empty())
      return wrong;
    count_tree(frames.nodes(), space->page_table().root(), PageTable::levels - 1, found);
  }
  for (const PageObject *object : holders.objects)
    count_tree(frames.nodes(), object->page_table().root(), PageTable::levels - 1, found);
  for (const FrameNumber frame : holders.pins)
    ++found.frames[frame.value];
  return compare(frames, found);
}

} // namespace tine::memory
