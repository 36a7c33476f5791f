// The page table: which frame a page shows. What may be done with it is the mapping's to say.
//
// A radix tree: six levels of nodes with 64 entries, for 36 bits of page number. The entries of a
// leaf are pages; those of the other levels name nodes. Nodes are counted, and shared between the
// page tables of a parent and its children.
//
// The copy-on-write rule, on which both mechanisms of fork rest:
//
//   A frame may be written through a page table only if every node on the path to it, and the frame
//   itself, have a count of one. (Frames of a MAP_SHARED mapping apart: writes to them are meant to
//   be seen by all, so neither path nor frame needs to be exclusive.)
//
//   And no entry of a node is ever changed unless every node on the path to it has a count of one
//   (PageEntry::written and truncation apart, which concern every page table that shares the node).
//
//   parent   root(2) ---- node(1) ---- leaf(1) ---- frame(1)      after share(): one count was
//   changed child ----^
//
//   parent   root(1) ---- node(2) ---- leaf(1) ---- frame(1)      exclusive_leaf() in the child
//   copied the child    root'(1) -----^                                      root; next the node,
//   then the leaf
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"
#include "memory/frame_arena.hpp"
#include "memory/node_pool.hpp"

#include <bit>
#include <memory>

namespace tine::memory {

/// One entry of a leaf. 0: absent.
struct PageEntry {
  u32 bits = 0;
  static constexpr u32 shared_bit = u32{1} << 29;
  static constexpr u32 present_bit = u32{1} << 30;
  static constexpr u32 written_bit = u32{1} << 31;

  static constexpr PageEntry of(FrameNumber frame) { return {frame.value | present_bit}; }
  [[nodiscard]] constexpr bool present() const { return bits != 0; }
  [[nodiscard]] constexpr FrameNumber frame() const { return {bits & (shared_bit - 1)}; }
  /// Of a page of a shared mapping: a write was let through here, so the object knows of it.
  [[nodiscard]] constexpr bool written() const { return (bits & written_bit) != 0; }
  /// Of a page of an object: a clone of the object may hold the frame too (page_object.hpp).
  [[nodiscard]] constexpr bool shared() const { return (bits & shared_bit) != 0; }
};

/// The 64 entries around a page, and whether the path to them is exclusive. Valid until the page
/// table changes.
struct Leaf {
  u32 *entries = nullptr; ///< null: no page near is present
  u32 node = 0;
  bool exclusive = false; ///< every node on the path has a count of one

  static constexpr u32 index_of(PageNumber page) {
    return static_cast<u32>(page.value % NodePool::entries_per_node);
  }
  [[nodiscard]] PageEntry at(PageNumber page) const {
    return entries ? PageEntry{entries[index_of(page)]} : PageEntry{};
  }
  void set(PageNumber page, PageEntry entry) const { entries[index_of(page)] = entry.bits; }
};

/// Owns one reference to its root, if it has one: an empty page table needs none. Invariants: the
/// rule above; each present entry of a node holds one reference to what it names.
class PageTable {
public:
  static constexpr u32 levels = 6;
  static constexpr u32 bits_per_level = 6;
  /// Pages beyond can't be in it.
  static constexpr u64 page_limit = u64{1} << (levels * bits_per_level);

  explicit PageTable(FrameArena &frames) : frames_(frames), nodes_(frames.nodes()) {}

  ~PageTable();
  PageTable(const PageTable &) = delete;
  PageTable &operator=(const PageTable &) = delete;

  /// The mechanisms of fork. Shared: one more reference to the root. Copied: all nodes are copied
  /// and each frame's count is incremented. ENOMEM.
  [[nodiscard]] std::unique_ptr<PageTable> share() const;
  [[nodiscard]] Result<std::unique_ptr<PageTable>> copy() const;

  /// Makes this table, which is empty, one more that shares the other's root.
  void become_share_of(const PageTable &other);

  /// The leaf of the page as it is.
  [[nodiscard]] Leaf find(PageNumber page) const {
    return is_remembered(page) ? remembered_ : walk(page);
  }
  /// The leaf of the page, its path made exclusive: missing nodes are made, shared nodes copied.
  /// ENOMEM: part of the path may have been made exclusive, which changes nothing that can be seen.
  [[nodiscard]] Result<Leaf> exclusive_leaf(PageNumber page) {
    return is_remembered(page) ? Result<Leaf>(remembered_) : unshare_path(page);
  }

  /// Whether a page of the range is present.
  [[nodiscard]] bool any_present(PageRange range) const {
    return !range.empty() && root_ != 0 && any_present_in(root_, levels - 1, PageNumber{0}, range);
  }
  /// All that remove() of the range needs and that can fail: copies the shared nodes on the paths
  /// to nodes that the range covers in part. ENOMEM.
  [[nodiscard]] Status prepare_removal(PageRange range);
  /// Makes the pages absent and drops their references; subtrees that the range covers go as a
  /// whole. Prepared by prepare_removal(). The observer has been told.
  void remove(PageRange range);

  /// Makes those present pages of the range absent for which which(page, entry) is true, in this
  /// page table and in all that share nodes with it: truncation. The observers of all of them have
  /// been told.
  template <typename Which> void remove_in_place(PageRange range, Which &&which) {
    for_each_present(range, [&](PageNumber page, PageEntry entry, u64) {
      if (!which(page, entry))
        return;
      find(page).set(page, PageEntry{});
      frames_.drop_reference(entry.frame());
    });
  }

  /// Makes the pages of `from` visible at `to` as well, each with one more reference; nothing is
  /// present in [to, to + from.count). ENOMEM: some may be visible already.
  [[nodiscard]] Status duplicate(PageRange from, PageNumber to);

  /// Calls visit(page, entry, path_count) for the present pages in ascending order; path_count is
  /// the product of the counts of the nodes on the path: an upper bound for the address spaces that
  /// reach the page by it, exactly one if the path is exclusive.
  template <typename Visit> void for_each_present(PageRange range, Visit &&visit) const {
    if (!range.empty() && root_ != 0)
      visit_pages<true>(root_, levels - 1, PageNumber{0}, range, 1, visit);
  }
  /// visit(page, entry) alone: reference counts, which change with other page tables, aren't looked
  /// at. Without the kernel lock while nobody changes this page table: shared nodes are copied
  /// before they change, but for pages of objects.
  template <typename Visit> void for_each_entry(PageRange range, Visit &&visit) const {
    const auto without_count = [&visit](PageNumber page, PageEntry entry, u64) {
      visit(page, entry);
    };
    if (!range.empty() && root_ != 0)
      visit_pages<false>(root_, levels - 1, PageNumber{0}, range, 1, without_count);
  }
  /// The same for those pages alone whose path is exclusive, own_node() for each node on such a
  /// path, and shared(node, level) for the others at the top: what several page tables reach by
  /// them is not walked over.
  template <typename Visit, typename OwnNode, typename Shared>
  void for_each_exclusive(Visit &&visit, OwnNode &&own_node, Shared &&shared) const {
    if (root_ != 0)
      visit_exclusive(root_, levels - 1, PageNumber{0}, visit, own_node, shared);
  }
  /// Calls visit(node, level, path_count) for every node.
  template <typename Visit> void for_each_node(Visit &&visit) const {
    if (root_ != 0)
      visit_nodes(root_, levels - 1, 1, visit);
  }

  /// Present pages that a node of it shows, the zero page apart.
  [[nodiscard]] u64 pages_below(u32 node, u32 level) const;

  /// 0: none.
  [[nodiscard]] u32 root() const { return root_; }
  [[nodiscard]] NodePool &nodes() const { return nodes_; }

  /// Pages that one entry of a node of `level` stands for.
  static constexpr u64 entry_span(u32 level) { return u64{1} << (bits_per_level * level); }
  static constexpr u32 index_at(PageNumber page, u32 level) {
    return static_cast<u32>(page.value >> (bits_per_level * level)) % NodePool::entries_per_node;
  }

private:
  PageTable(FrameArena &frames, u32 root) : frames_(frames), nodes_(frames.nodes()), root_(root) {}

  [[nodiscard]] bool is_remembered(PageNumber page) const {
    return page.value / NodePool::entries_per_node == remembered_group_;
  }
  void forget() const { remembered_group_ = ~u64{0}; }
  [[nodiscard]] Leaf walk(PageNumber page) const;
  [[nodiscard]] Result<Leaf> unshare_path(PageNumber page);
  [[nodiscard]] Result<u32> copy_node(u32 node, u32 level);
  [[nodiscard]] Result<u32> copy_tree(u32 node, u32 level) const;
  void release_tree(u32 node, u32 level) const;
  [[nodiscard]] bool any_present_in(u32 node, u32 level, PageNumber node_first,
                                    PageRange range) const;
  [[nodiscard]] Status prepare_edge(PageNumber edge, PageRange range);
  bool remove_in(u32 node, u32 level, PageNumber node_first, PageRange range);
  [[nodiscard]] Status graft_leaf(u32 leaf, PageNumber to);

  template <bool counts, typename Visit>
  void visit_pages(u32 node, u32 level, PageNumber node_first, PageRange range, u64 path_count,
                   Visit &visit) const {
    if constexpr (counts)
      path_count *= nodes_.reference_count(node);
    const NodePool::Node &entries = nodes_.node(node);
    const u64 span = entry_span(level);
    const u64 first = range.first > node_first ? (range.first - node_first) / span : 0;
    for (u64 i = first; i < NodePool::entries_per_node; ++i) {
      const PageNumber page = node_first + i * span;
      if (page >= range.end())
        return;
      if (entries[i] == 0)
        continue;
      if (level == 0)
        visit(page, PageEntry{entries[i]}, path_count);
      else
        visit_pages<counts>(entries[i], level - 1, page, range, path_count, visit);
    }
  }
  template <typename Visit, typename OwnNode, typename Shared>
  void visit_exclusive(u32 node, u32 level, PageNumber first, Visit &visit, OwnNode &own_node,
                       Shared &shared) const {
    if (nodes_.reference_count(node) > 1)
      return shared(node, level);
    own_node();
    const NodePool::Node &entries = nodes_.node(node);
    for (u64 i = 0; i < NodePool::entries_per_node; ++i) {
      const PageNumber page = first + i * entry_span(level);
      if (entries[i] == 0)
        continue;
      if (level == 0)
        visit(page, PageEntry{entries[i]});
      else
        visit_exclusive(entries[i], level - 1, page, visit, own_node, shared);
    }
  }
  template <typename Visit>
  void visit_nodes(u32 node, u32 level, u64 path_count, Visit &visit) const {
    path_count *= nodes_.reference_count(node);
    visit(node, level, path_count);
    if (level == 0)
      return;
    for (const u32 child : nodes_.node(node))
      if (child != 0)
        visit_nodes(child, level - 1, path_count, visit);
  }

  FrameArena &frames_;
  NodePool &nodes_;
  u32 root_ = 0;
  /// The leaf that was last found to be exclusive; it stays so until this table shares its root or
  /// takes nodes away.
  mutable u64 remembered_group_ = ~u64{0};
  mutable Leaf remembered_;
};

} // namespace tine::memory
