// Fills and flushes the TLBs of one vCPU.
#pragma once

#include "cpu/vcpu_context.hpp"
#include "memory/address_space.hpp"

#include <bitset>
#include <vector>

namespace tine::cpu {

/// One of a vCPU's two TLBs, with a log of the entries in use, so that a flush costs what was
/// filled. Changed with the kernel lock held and the vCPU out of guest code.
class Tlb {
public:
  explicit Tlb(std::array<TlbEntry, tlb_entries> &entries) : entries_(entries) {}

  /// Enters the translation for `page` and for its neighbours within the same 64 KiB: runs are cut
  /// there, so that a page's removal has sixteen entries to look at.
  void fill(const memory::Translation &translation, PageNumber page);
  [[nodiscard]] bool is_empty(PageNumber page) const {
    return entries_[page.value % tlb_entries].limit8 == 0;
  }
  void flush();
  void flush(PageRange range);
  /// Removes entries that reach the host page; whether there was one.
  bool flush_host_page(const std::byte *host);
  [[nodiscard]] bool holds_host_page(const std::byte *host) const;
  /// The guest address that a host address was translated from.
  [[nodiscard]] u64 guest_of(u64 host) const;

private:
  static constexpr u64 window_pages = 16;
  void clear(TlbEntry &entry) { entry.limit8 = entry.limit64 = 0; }
  [[nodiscard]] static bool covers(const TlbEntry &entry, const std::byte *host) {
    const u64 offset = reinterpret_cast<u64>(host) - entry.host;
    return entry.limit8 != 0 && offset < entry.limit8 + 7;
  }

  std::array<TlbEntry, tlb_entries> &entries_;
  std::vector<u16> log_;
  std::bitset<tlb_entries> logged_;
};

} // namespace tine::cpu
