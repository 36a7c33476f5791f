// A range of host addresses, reserved at once and given memory piece by piece.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"

#include <cstddef>
#include <utility>

namespace tine::memory {

/// Owns a reservation (PROT_NONE, no swap or commit charge); unmapped by its destructor. Committed
/// pieces are readable, writable and read zero until written.
class HostRange {
public:
  HostRange() = default;
  HostRange(HostRange &&other) noexcept
      : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  HostRange &operator=(HostRange &&other) noexcept {
    std::swap(base_, other.base_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  HostRange(const HostRange &) = delete;
  HostRange &operator=(const HostRange &) = delete;
  ~HostRange();

  enum class Pages : u8 { normal, huge };
  /// `bytes` of address space, aligned to 2 MiB. ENOMEM (RLIMIT_AS, for one).
  static Result<HostRange> reserve(u64 bytes, Pages pages);
  /// Makes [offset, offset + bytes) usable without touching it: the host fills it on first use.
  [[nodiscard]] Status make_accessible(u64 offset, u64 bytes);
  /// The same, and takes the memory from the host now, since a host fault for each page costs far
  /// more. ENOMEM leaves the range unusable there.
  [[nodiscard]] Status commit(u64 offset, u64 bytes);
  /// Gives the memory of [offset, offset + bytes) back to the host; it reads zero afterwards.
  void give_back(u64 offset, u64 bytes);

  [[nodiscard]] std::byte *base() const { return base_; }
  [[nodiscard]] u64 bytes() const { return bytes_; }

private:
  std::byte *base_ = nullptr;
  u64 bytes_ = 0;
};

} // namespace tine::memory
