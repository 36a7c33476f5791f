// The numbers of the kernel, each a type of its own: addresses, pages, ids.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace tine {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

inline constexpr u64 page_shift = 12;
inline constexpr u64 page_size = u64{1} << page_shift;
inline constexpr u64 page_mask = page_size - 1;

/// One past the highest address that user code may have: Linux's TASK_SIZE with four page-table
/// levels.
inline constexpr u64 user_address_limit = (u64{1} << 47) - page_size;

/// Number of a page of an address space: address divided by the page size.
struct PageNumber {
  u64 value = 0;
  constexpr auto operator<=>(const PageNumber &) const = default;
  constexpr PageNumber operator+(u64 pages) const { return {value + pages}; }
  constexpr PageNumber operator-(u64 pages) const { return {value - pages}; }
  constexpr u64 operator-(PageNumber other) const { return value - other.value; }
  constexpr PageNumber &operator++() {
    ++value;
    return *this;
  }
};

/// A guest's virtual address. It is not a host pointer and can't be made one except by
/// memory::AddressSpace, which checks it.
struct GuestAddress {
  u64 value = 0;
  constexpr GuestAddress() = default;
  constexpr explicit GuestAddress(u64 address) : value(address) {}
  constexpr auto operator<=>(const GuestAddress &) const = default;
  constexpr GuestAddress operator+(u64 bytes) const { return GuestAddress{value + bytes}; }
  constexpr GuestAddress operator-(u64 bytes) const { return GuestAddress{value - bytes}; }
  constexpr u64 operator-(GuestAddress other) const { return value - other.value; }
  [[nodiscard]] constexpr PageNumber page() const { return {value >> page_shift}; }
  [[nodiscard]] constexpr u64 page_offset() const { return value & page_mask; }
  [[nodiscard]] constexpr bool is_page_aligned() const { return page_offset() == 0; }
  [[nodiscard]] constexpr bool is_null() const { return value == 0; }
};

[[nodiscard]] constexpr GuestAddress address_of(PageNumber page) {
  return GuestAddress{page.value << page_shift};
}
[[nodiscard]] constexpr u64 round_up_to_page(u64 bytes) {
  return (bytes + page_mask) & ~page_mask;
}
[[nodiscard]] constexpr u64 round_down_to_page(u64 bytes) {
  return bytes & ~page_mask;
}

/// A half-open range of pages [first, first + count).
struct PageRange {
  PageNumber first;
  u64 count = 0;
  [[nodiscard]] constexpr PageNumber end() const { return first + count; }
  [[nodiscard]] constexpr bool contains(PageNumber page) const {
    return page >= first && page < end();
  }
  [[nodiscard]] constexpr bool empty() const { return count == 0; }
};

/// Index of a frame in the arena; frame 0 is the common zero frame and is never handed out.
struct FrameNumber {
  u32 value = 0;
  constexpr auto operator<=>(const FrameNumber &) const = default;
};

/// A process or thread id, as the box sees it; 0 is no process.
struct Pid {
  i32 value = 0;
  constexpr auto operator<=>(const Pid &) const = default;
  [[nodiscard]] constexpr bool is_none() const { return value == 0; }
};

/// Nanoseconds on one of the clocks, or a duration.
using Nanoseconds = i64;

} // namespace tine

template <> struct std::hash<tine::Pid> {
  std::size_t operator()(tine::Pid pid) const noexcept { return std::hash<tine::i32>{}(pid.value); }
};
template <> struct std::hash<tine::PageNumber> {
  std::size_t operator()(tine::PageNumber page) const noexcept {
    return std::hash<tine::u64>{}(page.value);
  }
};
