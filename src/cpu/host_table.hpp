// A growing array of plain records in host memory of its own.
#pragma once

#include "base/types.hpp"

#include <algorithm>
#include <span>
#include <sys/mman.h>
#include <type_traits>

namespace tine::cpu {

/// Populates [from, from + bytes) with one system call: a host fault for each page costs more than
/// all the rest of a translation.
inline void populate_host_memory(void *from, u64 bytes) {
#ifdef MADV_POPULATE_WRITE
  ::madvise(from, bytes, MADV_POPULATE_WRITE);
#else
  (void)from, (void)bytes;
#endif
}

/// Like a vector of plain records, but that it never moves: its address space is reserved at the
/// start, and host memory is taken in growing steps. Owns the reservation. Invariant: records up to
/// `populated_` are backed by host memory.
template <typename T> class HostTable {
public:
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  explicit HostTable(u64 capacity) : capacity_(capacity) {
    void *memory = ::mmap(nullptr, capacity * sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
      records_ = static_cast<T *>(memory);
  }
  ~HostTable() {
    if (records_)
      ::munmap(records_, capacity_ * sizeof(T));
  }
  HostTable(const HostTable &) = delete;
  HostTable &operator=(const HostTable &) = delete;

  [[nodiscard]] bool is_reserved() const { return records_ != nullptr; }
  [[nodiscard]] u32 size() const { return static_cast<u32>(size_); }
  [[nodiscard]] u64 room() const { return capacity_ - size_; }
  T &operator[](u64 index) { return records_[index]; }
  const T &operator[](u64 index) const { return records_[index]; }
  T &back() { return records_[size_ - 1]; }
  [[nodiscard]] std::span<T> records() { return {records_, size_}; }
  [[nodiscard]] std::span<const T> records() const { return {records_, size_}; }

  /// There is room. Returns the record's index.
  u32 push_back(const T &record) {
    if (size_ == populated_)
      populate();
    records_[size_] = record;
    return static_cast<u32>(size_++);
  }
  void clear() { size_ = 0; }
  /// `count` records whose contents the caller writes; there is room.
  std::span<T> append(u64 count) {
    if (populated_ == 0 && count * sizeof(T) >= large_bytes)
      ::madvise(records_, capacity_ * sizeof(T), MADV_HUGEPAGE);
    while (size_ + count > populated_)
      populate();
    size_ += count;
    return {records_ + (size_ - count), count};
  }

private:
  static constexpr u64 first_step = u64{64} << 10, last_step = u64{1} << 20;
  /// Worth a huge page: a virtual machine's host may charge as much for the first use of a small
  /// one.
  static constexpr u64 large_bytes = u64{512} << 10;

  void populate() {
    const u64 done = populated_bytes_;
    const u64 step = std::min(std::clamp(done, first_step, last_step),
                              capacity_ * sizeof(T) / 4096 * 4096 - done);
    if (step == 0) { // the last, partial page
      populated_ = capacity_;
      return;
    }
    populate_host_memory(reinterpret_cast<u8 *>(records_) + done, step);
    populated_bytes_ = done + step;
    populated_ = populated_bytes_ / sizeof(T);
  }

  T *records_ = nullptr;
  u64 capacity_;
  u64 size_ = 0, populated_ = 0, populated_bytes_ = 0;
};

} // namespace tine::cpu
