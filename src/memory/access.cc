// The kernel's own access to guest memory. It goes the guest's way, resolve_fault, and so breaks
// copy-on-write as the guest does.
#include "memory/address_space.hpp"

#include <algorithm>
#include <cstring>

namespace tine::memory {

Result<std::span<std::byte>> AddressSpace::window(GuestAddress address, u64 length, Access access) {
  if (address.value >= user_address_limit || length > user_address_limit - address.value)
    return Errno{EFAULT};
  FaultResult fault = resolve_fault(address, access);
  if (fault.outcome == FaultOutcome::out_of_memory && frames_.at_limit()) {
    const FrameArena::UseReserve use(frames_);
    fault = resolve_fault(address, access);
  }
  if (!is_resolved(fault.outcome))
    return Errno{fault.outcome == FaultOutcome::out_of_memory ? ENOMEM : EFAULT};
  const Translation &translation = fault.translation;
  const u64 offset = address - address_of(translation.run.first);
  const u64 available = (translation.run.count << page_shift) - offset;
  return std::span(translation.host + offset, std::min(length, available));
}

Status AddressSpace::read(GuestAddress address, std::span<std::byte> to) {
  while (!to.empty()) {
    const std::span<std::byte> piece = TINE_TRY(window(address, to.size(), Access::read));
    std::memcpy(to.data(), piece.data(), piece.size());
    to = to.subspan(piece.size());
    address = address + piece.size();
  }
  return Done{};
}

Status AddressSpace::write(GuestAddress address, std::span<const std::byte> from) {
  while (!from.empty()) {
    const std::span<std::byte> piece = TINE_TRY(window(address, from.size(), Access::write));
    std::memcpy(piece.data(), from.data(), piece.size());
    from = from.subspan(piece.size());
    address = address + piece.size();
  }
  return Done{};
}

Status AddressSpace::force_read(GuestAddress address, std::span<std::byte> to) {
  while (!to.empty()) {
    const std::span<std::byte> rest = TINE_TRY(forced_window(address, Access::read));
    const std::size_t count = std::min(rest.size(), to.size());
    std::memcpy(to.data(), rest.data(), count);
    to = to.subspan(count);
    address = address + count;
  }
  return Done{};
}

Status AddressSpace::force_write(GuestAddress address, std::span<const std::byte> from) {
  while (!from.empty()) {
    const std::span<std::byte> rest = TINE_TRY(forced_window(address, Access::write));
    const std::size_t count = std::min(rest.size(), from.size());
    std::memcpy(rest.data(), from.data(), count);
    from = from.subspan(count);
    address = address + count;
  }
  return Done{};
}

Result<std::string> AddressSpace::read_string(GuestAddress address, u64 limit) {
  std::string text;
  while (text.size() < limit) {
    // No further than to the end of the page, so that a string at the end of memory is no fault.
    const u64 wanted = std::min(limit - text.size(), page_size - address.page_offset());
    const std::span<std::byte> piece = TINE_TRY(window(address, wanted, Access::read));
    const auto *const start = reinterpret_cast<const char *>(piece.data());
    if (const void *const end = std::memchr(start, 0, piece.size())) {
      text.append(start, static_cast<const char *>(end));
      return text;
    }
    text.append(start, piece.size());
    address = address + piece.size();
  }
  return Errno{ENAMETOOLONG};
}

} // namespace tine::memory
