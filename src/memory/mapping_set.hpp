// The mappings of one address space, in order. Linux's mm->mm_mt with its VMAs.
#pragma once

#include "base/two_ended_vector.hpp"
#include "memory/mapping.hpp"

#include <span>
#include <string>

namespace tine::memory {

/// Linux keeps 256 pages below a stack free of other mappings (stack_guard_gap).
inline constexpr u64 stack_guard_pages = 256;
/// vm.max_map_count.
inline constexpr std::size_t most_mappings = 65530;

/// A value: copyable, shared between forks until one side changes it. Invariants: mappings are not
/// empty, ascend, and don't overlap; neighbours that could be one mapping are one.
class MappingSet {
public:
  [[nodiscard]] std::span<const Mapping> all() const { return mappings_.all(); }
  [[nodiscard]] std::size_t count() const { return mappings_.size(); }

  /// The mapping that holds the page; null if there is none.
  [[nodiscard]] const Mapping *find(PageNumber page) const {
    if (last_found_ < mappings_.size() && mappings_[last_found_].range.contains(page))
      return &mappings_[last_found_];
    const std::size_t index = first_ending_after(page);
    if (index == mappings_.size() || mappings_[index].range.first > page)
      return nullptr;
    last_found_ = index;
    return &mappings_[index];
  }
  /// Index of the first mapping that ends after the page: it holds the page or lies above it.
  [[nodiscard]] std::size_t first_ending_after(PageNumber page) const;
  /// The mappings that overlap the range.
  [[nodiscard]] std::span<const Mapping> overlapping(PageRange range) const;
  /// Whether the range is covered without a hole.
  [[nodiscard]] bool covers(PageRange range) const;

  /// Mappings that there would be after cutting at both ends of the range.
  [[nodiscard]] std::size_t count_after_cutting(PageRange range) const;

  /// Adds a mapping where there is none, and merges it with its neighbours where Linux would.
  void insert(Mapping mapping);
  /// Makes the range free; mappings that cross its ends are cut.
  void erase(PageRange range);
  /// Calls change(mapping) for each mapping in the range, cut at its ends; merges afterwards. The
  /// change may not touch `range`.
  template <typename Change> void change(PageRange range, Change &&change_one) {
    cut(range.first);
    cut(range.end());
    for (std::size_t i = first_ending_after(range.first);
         i < mappings_.size() && mappings_[i].range.first < range.end(); ++i)
      change_one(mappings_[i]);
    forget_summaries();
    merge_around(range);
  }
  /// Calls replace(mapping) for each mapping, which may change its source, to a copy of it, and
  /// nothing else.
  template <typename Replace> void replace_sources(Replace &&replace) {
    for (Mapping &mapping : mappings_)
      replace(mapping);
  }
  /// Moves the start of the mapping that begins at `first` down by `pages` (a growing stack).
  void grow_down(PageNumber first, u64 pages);

  /// The highest free range of `pages` pages that ends at or below `top` and begins at or above
  /// `bottom`; empty if there is none. Guard gaps of stacks are not free.
  [[nodiscard]] PageRange find_free_below(PageNumber top, PageNumber bottom, u64 pages) const;
  /// The lowest such range.
  [[nodiscard]] PageRange find_free_above(PageNumber bottom, PageNumber top, u64 pages) const;
  /// Whether nothing is in the range, guard gaps counted in.
  [[nodiscard]] bool is_free(PageRange range) const;

  /// What fork() has to treat apart: MADV_DONTFORK, MADV_WIPEONFORK or a lock somewhere.
  [[nodiscard]] bool has_fork_exceptions() const;

  [[nodiscard]] u64 total_pages() const { return total_pages_; }
  /// What RLIMIT_DATA counts: private, writable, not a stack.
  [[nodiscard]] u64 data_pages() const;

  /// An empty string, or which invariant is broken.
  [[nodiscard]] std::string validate() const;

private:
  void cut(PageNumber page);
  void forget_summaries() { fork_exceptions_ = Known::unknown; }
  void merge_around(PageRange range);
  [[nodiscard]] static bool can_merge(const Mapping &lower, const Mapping &upper);
  /// Where the mapping's claim begins: the guard gap below a stack belongs to it.
  [[nodiscard]] static PageNumber claim_of(const Mapping &mapping);

  /// Most of them are made below those that are there: mmap goes downwards.
  TwoEndedVector<Mapping> mappings_;
  u64 total_pages_ = 0;
  mutable std::size_t last_found_ = 0; ///< where the next find() looks first; may be wrong
  /// No `pages` free pages lie between `bottom` and `top`: find_free_below() was there. Holds until
  /// something is erased.
  struct Searched {
    PageNumber top, bottom;
    u64 pages = ~u64{0};
  };
  mutable Searched searched_;
  /// has_fork_exceptions() is asked by every fork and changes rarely.
  enum class Known : u8 { unknown, no, yes };
  mutable Known fork_exceptions_ = Known::no;
};

[[nodiscard]] constexpr bool is_data(const Mapping &mapping) {
  return !mapping.shared && mapping.protection.write && !mapping.grows_down;
}

} // namespace tine::memory
