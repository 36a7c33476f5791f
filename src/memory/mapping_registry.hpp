// Which address spaces map an object: what truncation and hole punching must ask. Linux's i_mmap
// and unmap_mapping_range.
#pragma once

#include "memory/address_space.hpp"

namespace tine::memory {

/// The address spaces of one arena, as a list through the spaces themselves.
class MappingRegistry {
public:
  static void add(AddressSpace &space);
  static void remove(AddressSpace &space);

  /// Makes the pages [first_index, first_index + count) of `object` absent wherever they are
  /// mapped, the private copies that were made of them apart: the next access faults. Call it
  /// before PageObject::drop_pages. Never fails.
  static void unmap_object_pages(const PageObject &object, u64 first_index, u64 count = ~u64{0});
  /// The same for the end of an object that becomes shorter, and private copies go as well: once
  /// the object has grown again, they read as the object does (Linux's even_cows).
  static void unmap_truncated_pages(const PageObject &object, u64 first_gone);

  /// Whether an address space has a shared mapping of the object that is writable or may be made so
  /// by mprotect (Linux's mapping_writably_mapped).
  [[nodiscard]] static bool is_writably_mapped(const PageObject &object);
  /// Mappings that show the object, in all address spaces.
  [[nodiscard]] static u64 mapping_count(const PageObject &object);

private:
  enum class PrivateCopies : u8 { kept, dropped };
  static void unmap(const PageObject &object, u64 first_index, u64 count, PrivateCopies copies);
  template <typename Visit>
  static void for_each_window(const PageObject &object, u64 first_index, u64 count, Visit &&visit);
};

} // namespace tine::memory
