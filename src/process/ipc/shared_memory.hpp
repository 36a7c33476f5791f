// System V shared memory: shmget(2), shmop(2), shmctl(2).
#pragma once

#include "memory/address_space.hpp"
#include "process/ipc/ipc_table.hpp"

#include <string>
#include <sys/shm.h>

namespace tine::process {

class SharedMemory;

/// /proc/sys/kernel/shm*.
struct SharedMemoryLimits {
  u64 largest_segment = 18446744073692774399ULL; ///< shmmax, bytes
  u64 total_pages = 18446744073692774399ULL;     ///< shmall
  u64 segments = 4096;                           ///< shmmni
};

/// A segment, as its mappings know it. It lives as long as its table or a mapping has it: "the
/// segment will actually be destroyed only after the last process detaches it". How often it is
/// attached is not counted but looked up among the mappings, so a fork or an exit that shares or
/// drops thousands of mappings has nothing to keep up to date.
class Segment final : public memory::MappedFile {
public:
  Segment(SharedMemory &table, memory::FrameArena &frames, u64 size);
  ~Segment() override;

  [[nodiscard]] Ref<memory::PageObject> pages() override { return pages_; }
  [[nodiscard]] std::string path() const override;
  [[nodiscard]] u64 device() const override { return 1; } // 00:01, Linux's shm_mnt
  [[nodiscard]] u64 inode() const override { return static_cast<u64>(id); }
  /// Of the same number in the copy's table, with the same contents.
  [[nodiscard]] Result<Ref<memory::MappedFile>> copy(Copier &copier) override;

  /// Mappings of it in all address spaces: shm_nattch.
  [[nodiscard]] u64 attachments() const;
  [[nodiscard]] u64 size() const { return size_; }
  [[nodiscard]] u64 resident_pages() const { return pages_->pages_present(); }

  i32 id = -1;
  i32 first_key = 0; ///< as /proc/PID/maps shows it, also after IPC_RMID
  SharedMemory *table;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Segment *saved);
  void archive_body(Archive &archive);

private:
  Segment(SharedMemory *table_, Ref<memory::AnonymousPageObject> pages)
      : table(table_), pages_(std::move(pages)), size_(0) {}
  Segment(SharedMemory *table, const Segment &original, Ref<memory::AnonymousPageObject> pages);

  Ref<memory::AnonymousPageObject> pages_;
  u64 size_; ///< bytes as asked for
};

/// The table's part of a segment: struct shmid_ds.
struct SegmentEntry {
  IpcPermissions permissions;
  Segment *segment = nullptr;
  Ref<Segment> keep; ///< null once it is marked to be destroyed
  i64 attach_time = 0, detach_time = 0, change_time = 0;
  Pid creator, last;

  [[nodiscard]] shmid_ds to_guest() const;
};

/// Owned by the IPC namespace; outlived by segments that are still mapped.
class SharedMemory {
public:
  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(const SharedMemory &) = delete;
  SharedMemory &operator=(const SharedMemory &) = delete;

  SharedMemoryLimits limits;

  /// shmget(2): EINVAL, ENOSPC, ENOENT, EEXIST, EACCES.
  [[nodiscard]] Result<i32> get(memory::FrameArena &frames, const IpcRequest &request, u64 size,
                                const fs::Credentials &who, Pid creator);
  /// IPC_RMID.
  void remove(SegmentEntry &entry);
  /// The address space is about to go, or was forked: what is attached in it notes time and pid.
  enum class Event : u8 { attached, detached };
  void note(const memory::AddressSpace &space, Event event, Pid who);
  [[nodiscard]] Status copy_from(const SharedMemory &original, Copier &copier);
  void archive(Archive &archive);
  [[nodiscard]] IpcTable<SegmentEntry> &segments() { return segments_; }
  /// The segment of a mapping; null if it shows something else.
  [[nodiscard]] static Segment *segment_of(const memory::Mapping &mapping);
  /// Sums for SHM_INFO.
  [[nodiscard]] u64 total_pages();

private:
  friend class Segment;
  IpcTable<SegmentEntry> segments_;
};

} // namespace tine::process
