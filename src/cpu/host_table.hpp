// A growing array of plain records in host memory of its own.
#pragma once

#include "base/types.hpp"

#include <algorithm>
#include <atomic>
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
/// `populated_` are backed by host memory. One thread at a time changes it (the kernel lock says
/// which); size() and the records below it may be read meanwhile.
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
  [[nodiscard]] u32 size() const { return static_cast<u32>(count()); }
  [[nodiscard]] u64 room() const { return capacity_ - count(); }
  T &operator[](u64 index) { return records_[index]; }
  const T &operator[](u64 index) const { return records_[index]; }
  T &back() { return records_[count() - 1]; }
  [[nodiscard]] std::span<T> records() { return {records_, count()}; }
  [[nodiscard]] std::span<const T> records() const { return {records_, count()}; }

  /// There is room. Returns the record's index.
  u32 push_back(const T &record) {
    const u64 index = count();
    if (index == populated_)
      populate();
    records_[index] = record;
    size_.store(index + 1, std::memory_order_release);
    return static_cast<u32>(index);
  }
  void clear() { size_.store(0, std::memory_order_release); }
  /// `more` records whose contents the caller writes; there is room.
  std::span<T> append(u64 more) {
    if (populated_ == 0 && more * sizeof(T) >= large_bytes)
      ::madvise(records_, capacity_ * sizeof(T), MADV_HUGEPAGE);
    const u64 first = count();
    while (first + more > populated_)
      populate();
    size_.store(first + more, std::memory_order_release);
    return {records_ + first, more};
  }

private:
  [[nodiscard]] u64 count() const { return size_.load(std::memory_order_acquire); }

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
  std::atomic<u64> size_{0};
  u64 populated_ = 0, populated_bytes_ = 0;
};

} // namespace tine::cpu
