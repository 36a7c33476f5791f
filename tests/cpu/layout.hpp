// Where code, data and stack lie in a test: the same guest addresses for the host processor and for
// tine.
#pragma once

#include "base/types.hpp"

#include <array>
#include <span>
#include <vector>

namespace tine::test {

struct Region {
  u64 address;
  u64 pages;
  bool writable;
  [[nodiscard]] constexpr u64 size() const { return pages * page_size; }
};

/// Code. Not part of the memory that is compared: a test writes it by itself.
inline constexpr Region code_region{0x1000'0000, 64, false};

/// A window of four writable pages, then a read-only page, then nothing, then one writable page
/// alone, then nothing; and a stack with nothing on either side.
inline constexpr std::array<Region, 4> data_regions{{
    {0x2000'0000, 4, true},
    {0x2000'4000, 1, false},
    {0x2000'6000, 1, true},
    {0x3000'0000, 2, true},
}};
inline constexpr Region window = data_regions[0];
inline constexpr Region read_only = data_regions[1];
inline constexpr Region island = data_regions[2];
inline constexpr Region stack = data_regions[3];
inline constexpr u64 stack_top = stack.address + stack.size() - 1024;

inline constexpr u64 data_pages = [] {
  u64 pages = 0;
  for (const Region &region : data_regions)
    pages += region.pages;
  return pages;
}();

/// The bytes of all data regions, one behind the other.
struct MemoryImage {
  std::vector<u8> bytes = std::vector<u8>(data_pages * page_size);

  /// Offset of a guest address in `bytes`; the address must be in a region.
  static u64 offset_of(u64 address) {
    u64 offset = 0;
    for (const Region &region : data_regions) {
      if (address - region.address < region.size())
        return offset + (address - region.address);
      offset += region.size();
    }
    return ~u64{0};
  }
  static u64 address_of(u64 offset) {
    for (const Region &region : data_regions) {
      if (offset < region.size())
        return region.address + offset;
      offset -= region.size();
    }
    return 0;
  }
  /// True if all of [address, address + length) lies in one region.
  static bool contains(u64 address, u64 length) {
    for (const Region &region : data_regions)
      if (address - region.address <= region.size() &&
          address - region.address + length <= region.size())
        return true;
    return false;
  }
  std::span<u8> at(u64 address, u64 length) {
    return std::span<u8>(bytes).subspan(offset_of(address), length);
  }
};

} // namespace tine::test
