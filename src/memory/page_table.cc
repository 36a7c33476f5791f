#include "memory/page_table.hpp"

#include <algorithm>
#include <cassert>

namespace tine::memory {

namespace {
/// Calls visit(first, count) for the runs of neighbouring frames among the entries of a leaf, the
/// last one first.
template <typename Visit>
void for_each_run_backwards(const NodePool::Node &entries, Visit &&visit) {
  u64 left = NodePool::present_mask(entries);
  while (left != 0) {
    u32 first = 63 - static_cast<u32>(std::countl_zero(left));
    left &= ~(u64{1} << first);
    u32 frame = PageEntry{entries[first]}.frame().value;
    u32 count = 1;
    while (first > 0 && (left >> (first - 1) & 1) != 0 && frame > 1 &&
           PageEntry{entries[first - 1]}.frame().value == frame - 1) {
      --first, --frame, ++count;
      left &= ~(u64{1} << first);
    }
    visit(FrameNumber{frame}, count);
  }
}
} // namespace

PageTable::~PageTable() {
  if (root_ != 0)
    release_tree(root_, levels - 1);
}

std::unique_ptr<PageTable> PageTable::share() const {
  forget();
  if (root_ != 0)
    nodes_.add_reference(root_);
  return std::unique_ptr<PageTable>(new PageTable(frames_, root_));
}

void PageTable::become_share_of(const PageTable &other) {
  assert(root_ == 0);
  other.forget();
  root_ = other.root_;
  if (root_ != 0)
    nodes_.add_reference(root_);
}

Result<std::unique_ptr<PageTable>> PageTable::copy() const {
  const u32 root = root_ == 0 ? 0 : TINE_TRY(copy_tree(root_, levels - 1));
  return std::unique_ptr<PageTable>(new PageTable(frames_, root));
}

Leaf PageTable::walk(PageNumber page) const {
  u32 node = root_;
  if (node == 0)
    return {};
  u32 shared = nodes_.reference_count(node) - 1;
  for (u32 level = levels - 1; level > 0; --level) {
    node = nodes_.node(node)[index_at(page, level)];
    if (node == 0)
      return {};
    shared |= nodes_.reference_count(node) - 1;
  }
  const Leaf leaf{nodes_.node(node).data(), node, shared == 0};
  if (leaf.exclusive) {
    remembered_ = leaf;
    remembered_group_ = page.value / NodePool::entries_per_node;
  }
  return leaf;
}

Result<Leaf> PageTable::unshare_path(PageNumber page) {
  u32 *link = &root_;
  for (u32 level = levels - 1;; --level) {
    if (*link == 0)
      *link = TINE_TRY(nodes_.allocate());
    else if (nodes_.reference_count(*link) > 1) {
      const u32 own = TINE_TRY(copy_node(*link, level));
      nodes_.drop_reference(*link);
      *link = own;
    }
    NodePool::Node &node = nodes_.node(*link);
    if (level == 0) {
      remembered_ = Leaf{node.data(), *link, true};
      remembered_group_ = page.value / NodePool::entries_per_node;
      return remembered_;
    }
    link = &node[index_at(page, level)];
  }
}

/// A node with the same entries; what they name has one more reference.
Result<u32> PageTable::copy_node(u32 node, u32 level) {
  const u32 own = TINE_TRY(nodes_.allocate());
  const NodePool::Node &from = nodes_.node(node);
  nodes_.node(own) = from;
  if (level == 0) {
    for_each_run_backwards(
        from, [this](FrameNumber first, u32 count) { frames_.add_references(first, count); });
    return own;
  }
  for (u64 left = NodePool::present_mask(from); left != 0; left &= left - 1)
    nodes_.add_reference(from[static_cast<u32>(std::countr_zero(left))]);
  return own;
}

/// Copies a whole subtree. At most `levels` calls deep.
Result<u32> PageTable::copy_tree(u32 node, u32 level) const {
  const u32 own = TINE_TRY(nodes_.allocate());
  const NodePool::Node &from = nodes_.node(node);
  if (level == 0) {
    nodes_.node(own) = from;
    for_each_run_backwards(
        from, [this](FrameNumber first, u32 count) { frames_.add_references(first, count); });
    return own;
  }
  for (u64 left = NodePool::present_mask(from); left != 0; left &= left - 1) {
    const u32 i = static_cast<u32>(std::countr_zero(left));
    const Result<u32> child = copy_tree(from[i], level - 1);
    if (!child) {
      release_tree(own, level);
      return child.error();
    }
    nodes_.node(own)[i] = *child;
  }
  return own;
}

/// Drops one reference; the last one takes the subtree along. Stops at nodes that others share. At
/// most `levels` calls deep. Backwards, so that the frames are handed out again in ascending order.
u64 PageTable::pages_below(u32 node, u32 level) const {
  u64 pages = 0;
  for (const u32 entry : nodes_.node(node))
    if (entry != 0 && level > 0)
      pages += pages_below(entry, level - 1);
    else if (entry != 0 && PageEntry{entry}.frame() != FrameArena::zero_frame)
      ++pages;
  return pages;
}

void PageTable::release_tree(u32 node, u32 level) const {
  if (nodes_.drop_reference(node) > 0)
    return;
  NodePool::Node &entries = nodes_.node(node);
  if (level == 0) {
    for_each_run_backwards(
        entries, [this](FrameNumber first, u32 count) { frames_.drop_references(first, count); });
  } else {
    for (u64 left = NodePool::present_mask(entries); left != 0;) {
      const u32 i = 63 - static_cast<u32>(std::countl_zero(left));
      left &= ~(u64{1} << i);
      release_tree(entries[i], level - 1);
    }
  }
  entries.fill(0);
  nodes_.free(node);
}

bool PageTable::any_present_in(u32 node, u32 level, PageNumber node_first, PageRange range) const {
  const u64 span = entry_span(level);
  const NodePool::Node &entries = nodes_.node(node);
  const u64 first = range.first > node_first ? (range.first - node_first) / span : 0;
  for (u64 i = first; i < NodePool::entries_per_node; ++i) {
    const PageNumber page = node_first + i * span;
    if (page >= range.end())
      return false;
    if (entries[i] != 0 && (level == 0 || any_present_in(entries[i], level - 1, page, range)))
      return true;
  }
  return false;
}

Status PageTable::prepare_removal(PageRange range) {
  forget();
  if (!any_present(range))
    return Done{};
  TINE_TRY(prepare_edge(range.first, range));
  return prepare_edge(range.end() - 1, range);
}

/// Makes the nodes on the path to `edge` exclusive, down to the first that the range covers wholly.
Status PageTable::prepare_edge(PageNumber edge, PageRange range) {
  u32 *link = &root_;
  for (u32 level = levels - 1; *link != 0; --level) {
    const u64 node_span = entry_span(level) * NodePool::entries_per_node;
    const PageNumber node_first{edge.value / node_span * node_span};
    if (range.first <= node_first && node_first + node_span <= range.end())
      return Done{};
    if (nodes_.reference_count(*link) > 1) {
      const u32 own = TINE_TRY(copy_node(*link, level));
      nodes_.drop_reference(*link);
      *link = own;
    }
    if (level == 0)
      return Done{};
    link = &nodes_.node(*link)[index_at(edge, level)];
  }
  return Done{};
}

void PageTable::remove(PageRange range) {
  forget();
  if (!any_present(range))
    return;
  if (range.first.value == 0 && range.count >= page_limit) { // the root may be shared, too
    release_tree(root_, levels - 1);
    root_ = 0;
    return;
  }
  remove_in(root_, levels - 1, PageNumber{0}, range);
}

/// True if the node has no entry left.
bool PageTable::remove_in(u32 node, u32 level, PageNumber node_first, PageRange range) {
  NodePool::Node &entries = nodes_.node(node);
  const u64 span = entry_span(level);
  for (u32 i = NodePool::entries_per_node; i-- > 0;) {
    const PageNumber first = node_first + i * span;
    if (entries[i] == 0 || first >= range.end() || first + span <= range.first)
      continue;
    if (level == 0) {
      frames_.drop_reference(PageEntry{entries[i]}.frame());
      entries[i] = 0;
    } else if (range.first <= first && first + span <= range.end()) {
      release_tree(entries[i], level - 1);
      entries[i] = 0;
    } else if (remove_in(entries[i], level - 1, first, range)) {
      nodes_.drop_reference(entries[i]);
      nodes_.free(entries[i]);
      entries[i] = 0;
    }
  }
  return std::all_of(entries.begin(), entries.end(), [](u32 entry) { return entry == 0; });
}

/// Makes the whole leaf visible at `to` as well, where no page is present.
Status PageTable::graft_leaf(u32 leaf, PageNumber to) {
  const Leaf empty = TINE_TRY(exclusive_leaf(to));
  u32 *link = &root_;
  for (u32 level = levels - 1; level > 0; --level)
    link = &nodes_.node(*link)[index_at(to, level)];
  nodes_.add_reference(leaf);
  *link = leaf;
  nodes_.drop_reference(empty.node);
  nodes_.free(empty.node);
  forget(); // neither of the two leaves is exclusive
  return Done{};
}

Status PageTable::duplicate(PageRange from, PageNumber to) {
  forget();
  const u64 leaf_pages = NodePool::entries_per_node;
  for (u64 done = 0; done < from.count;) {
    const PageNumber source = from.first + done;
    const PageNumber target = to + done;
    const u64 in_leaf = leaf_pages - Leaf::index_of(source);
    const u64 count = std::min(in_leaf, from.count - done);
    const Leaf leaf = find(source);
    done += count;
    if (!leaf.entries)
      continue;
    if (count == leaf_pages && Leaf::index_of(target) == 0) {
      TINE_TRY(graft_leaf(leaf.node, target));
      continue;
    }
    for (u64 i = 0; i < count; ++i) {
      const PageEntry entry = leaf.at(source + i);
      if (!entry.present())
        continue;
      const Leaf own = TINE_TRY(exclusive_leaf(target + i));
      own.set(target + i, entry);
      frames_.add_reference(entry.frame());
    }
  }
  return Done{};
}

} // namespace tine::memory
