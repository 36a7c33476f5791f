// An address space: what CLONE_VM shares. Mappings say what is allowed, the page table says which
// frame.
//
// The copy-on-write rule, kept by PageTable and resolve_fault and nowhere else: a frame may be
// written through a page table only if every node on the path to it and the frame itself have a
// count of one (entries of a MAP_SHARED mapping apart). fork() shares the root; the first write
// walks down and unshares node by node.
#pragma once

#include "base/archive.hpp"
#include "base/kernel_lock.hpp"
#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/types.hpp"
#include "memory/frame_arena.hpp"
#include "memory/mapping.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace tine::memory {

class PageTable;
class MappingSet;
class SavedRanges;
struct Leaf;
struct PageEntry;

/// The two mechanisms of fork (`--page-tables`).
enum class ForkMechanism : u8 {
  shared, ///< the child shares the root of the page table: O(1)
  copied, ///< page tables are copied, each frame's count is incremented: the classic mechanism
};

/// What a guest access can be translated to: a run of pages with one protection, whose frames are
/// neighbours, so that host = guest + delta over the whole run. At least one page, at most 16,
/// within the same 64 KiB.
struct Translation {
  PageRange run;
  std::byte *host = nullptr; ///< of the run's first page
  bool writable = false;     ///< may be written through this translation without a further fault
  bool executable = false;
};

/// How a fault ended.
enum class FaultOutcome : u8 {
  zero_filled, ///< a new zero frame, or the common zero frame for a read
  file_page,   ///< from the page object
  copied,      ///< a private copy was made
  reused,      ///< the sole owner's page was made writable without a copy
  spurious,    ///< the page table allowed the access already (a TLB miss)
  maperr,      ///< SIGSEGV, SEGV_MAPERR: nothing is mapped there
  accerr,      ///< SIGSEGV, SEGV_ACCERR: the mapping forbids it
  bus,         ///< SIGBUS, BUS_ADRERR: past the end of the object
  out_of_memory,
};
[[nodiscard]] constexpr bool is_resolved(FaultOutcome outcome) {
  return outcome < FaultOutcome::maperr;
}

struct FaultResult {
  FaultOutcome outcome = FaultOutcome::maperr;
  Translation translation; ///< only when resolved
};

/// The pages that mmap gives: from vm.mmap_min_addr to the end of user space, exclusive.
inline constexpr PageNumber lowest_page{16};
inline constexpr PageNumber user_end{user_address_limit >> page_shift};

/// Counters of one address space's faults, for --stats, getrusage and /proc.
struct FaultCounters {
  u64 zero_filled = 0, file_pages = 0, copied = 0, reused = 0, major = 0;

  FaultCounters &operator+=(const FaultCounters &other) {
    zero_filled += other.zero_filled;
    file_pages += other.file_pages;
    copied += other.copied;
    reused += other.reused;
    major += other.major;
    return *this;
  }
  /// Those that took no reading from a file system: getrusage's ru_minflt.
  [[nodiscard]] u64 minor_faults() const { return zero_filled + file_pages + copied + reused; }
};

/// Told before a translation stops being true; it must not return before no vCPU uses it any more.
/// Implemented by cpu/.
class TranslationObserver {
public:
  virtual ~TranslationObserver() = default;
  enum class Change : u8 {
    removed,         ///< the translations of the range are gone, or show another frame
    write_protected, ///< reads stay valid, writes must fault
  };
  virtual void translations_changed(PageRange range, Change change) = 0;
  /// The executable mappings of the range changed: what code lies at an address may differ.
  virtual void code_layout_changed(PageRange range) = 0;
};

struct MapRequest {
  GuestAddress address; ///< hint, or the place with `fixed`
  u64 length = 0;       ///< bytes; rounded up to pages
  Protection protection;
  bool fixed = false;            ///< MAP_FIXED
  bool fixed_no_replace = false; ///< MAP_FIXED_NOREPLACE: EEXIST
  bool shared = false;
  bool grows_down = false;
  bool no_reserve = false;
  bool droppable = false; ///< MAP_DROPPABLE
  bool populate = false;  ///< MAP_POPULATE
  bool below_4g = false;  ///< MAP_32BIT
  bool may_write = true;
  Ref<MappedFile> file;   ///< null: anonymous
  Ref<PageObject> object; ///< null: file's pages, or new anonymous memory
  u64 object_offset = 0;  ///< bytes, page-aligned
  const char *name = "";
};

/// Totals for /proc/PID/smaps_rollup, statm and status, in bytes.
struct MemoryUsage {
  u64 virtual_size = 0, resident = 0, shared_clean = 0, shared_dirty = 0, private_clean = 0,
      private_dirty = 0, anonymous = 0, file = 0, shmem = 0, locked = 0, stack = 0, data = 0,
      code = 0, page_table_own = 0, page_table_total = 0;
  u64 proportional = 0;
};

/// Bytes of pages and page tables that nobody else can reach, and of the other pages.
struct Footprint {
  u64 owned = 0, shared = 0;
};
/// How many pages nodes show that several page tables share: what one footprint has counted the
/// next one needn't. Good as long as nothing changes.
using SharedNodePages = std::unordered_map<u32, u64>;

/// Owned by the threads that run in it (Ref), its users; whoever else holds a Ref for longer than a
/// call is counted as a viewer. Guarded by the kernel lock. Addresses given to it are
/// checked by it: any value is safe.
class AddressSpace final : public RefCounted {
public:
  struct Limits {
    u64 address_space = ~u64{0}; ///< RLIMIT_AS, bytes
    u64 data = ~u64{0};          ///< RLIMIT_DATA
    u64 stack = u64{8} << 20;    ///< RLIMIT_STACK: how far a grows_down mapping may grow
  };

  static Result<Ref<AddressSpace>> create(FrameArena &frames);
  ~AddressSpace() override;

  /// The child's address space in fork(2): the same memory, copy on write; MADV_DONTFORK ranges
  /// absent, MADV_WIPEONFORK ranges empty, locks not inherited. Write translations of this one are
  /// gone (the observer was told) before it returns. ENOMEM.
  [[nodiscard]] Result<Ref<AddressSpace>> fork(ForkMechanism mechanism);
  /// The address space in the copy of a box: the same memory, copy on write, shared mappings too;
  /// MADV_WIPEONFORK ranges empty, all else as it is. No vCPU may be in guest code of the box.
  /// ENOMEM, ENOTSUP.
  [[nodiscard]] Result<Ref<AddressSpace>> copy(Copier &copier);

  /// A saved box: mappings, layout and which image has the pages; the image's pages are read when
  /// they are used. An image that can't be right ends the archive.
  static Ref<RefCounted> archive_head(Archive &archive, AddressSpace *saved);
  void archive_body(Archive &archive);
  /// The private pages that no object gives back, ascending: the frame, or what the image has that
  /// they are still in. Of a box that never runs, without the kernel lock. EIO.
  struct PrivatePage {
    PageNumber page;
    std::optional<FrameNumber> frame;
    u32 saved = 0;
  };
  [[nodiscard]] Status for_each_private_page(KernelLock &lock,
                                             const std::function<void(const PrivatePage &)> &visit);
  /// Null: nothing is in an image any more.
  [[nodiscard]] const SavedRanges *saved_ranges() const { return saved_.get(); }
  /// Equal for address spaces that share all of their memory.
  [[nodiscard]] std::array<const void *, 3> identity_of_memory() const;

  // ---- mappings; each returns what the system call of its name returns, errors included ----
  /// What of map()'s errors depends on neither the file nor the mappings that are there.
  [[nodiscard]] Status check_request(const MapRequest &request) const;
  [[nodiscard]] Result<GuestAddress> map(const MapRequest &request);
  [[nodiscard]] Status unmap(GuestAddress address, u64 length);
  [[nodiscard]] Status protect(GuestAddress address, u64 length, Protection protection);
  [[nodiscard]] Result<GuestAddress> remap(GuestAddress old_address, u64 old_length, u64 new_length,
                                           int flags, GuestAddress new_address);
  [[nodiscard]] Status advise(GuestAddress address, u64 length, int advice);
  /// msync: writes what shared mappings may have changed back to their objects.
  [[nodiscard]] Status sync(GuestAddress address, u64 length, int flags);
  /// One byte a page, bit 0 = resident. ENOMEM for unmapped pages.
  [[nodiscard]] Result<std::vector<u8>> resident_pages(GuestAddress address, u64 length) const;
  /// MLOCK_ONFAULT, MCL_ONFAULT: pages that are absent stay so until they are used.
  enum class Lock : u8 { none, now, on_fault };
  [[nodiscard]] Status lock(GuestAddress address, u64 length, Lock lock);
  /// mlockall(MCL_FUTURE): new mappings are locked. Not inherited by a child.
  void set_lock_future(Lock lock) {
    lock_future_ = lock != Lock::none;
    lock_future_on_fault_ = lock == Lock::on_fault;
  }
  [[nodiscard]] bool locks_future() const { return lock_future_; }
  /// Bytes of locked mappings, for RLIMIT_MEMLOCK.
  [[nodiscard]] u64 locked_bytes() const;

  /// The heap. set_break returns the break that is in force afterwards, as brk(2) does.
  void set_heap_start(GuestAddress start);
  [[nodiscard]] GuestAddress set_break(GuestAddress requested);

  // ---- faults ----
  /// Makes an access of the page of `address` possible, or says which signal it is.
  [[nodiscard]] FaultResult resolve_fault(GuestAddress address, Access access);
  /// The translation if there is one already, without changing anything.
  [[nodiscard]] std::optional<Translation> lookup(GuestAddress address) const;
  /// The frame behind the page if present (futex keys, code cache).
  [[nodiscard]] std::optional<FrameNumber> frame_of(PageNumber page) const;

  // ---- the kernel's own access; breaks copy-on-write like the guest's ----
  /// EFAULT if not all bytes can be read / written; bytes before the bad page may have been copied.
  [[nodiscard]] Status read(GuestAddress address, std::span<std::byte> to);
  [[nodiscard]] Status write(GuestAddress address, std::span<const std::byte> from);
  /// The longest piece of [address, address + length) that is contiguous in host memory and
  /// accessible; at least one byte. EFAULT. Valid until the kernel lock is released or a mapping
  /// changes.
  [[nodiscard]] Result<std::span<std::byte>> window(GuestAddress address, u64 length,
                                                    Access access);
  /// As read and write, but regardless of the mapping's protection (ptrace, /proc/PID/mem, the
  /// loader).
  [[nodiscard]] Status force_read(GuestAddress address, std::span<std::byte> to);
  [[nodiscard]] Status force_write(GuestAddress address, std::span<const std::byte> from);
  /// A NUL-terminated string of less than `limit` bytes: EFAULT, ENAMETOOLONG.
  [[nodiscard]] Result<std::string> read_string(GuestAddress address, u64 limit);

  /// A trivially copyable object at a guest address.
  template <typename T> [[nodiscard]] Result<T> read_object(GuestAddress address) {
    static_assert(std::is_trivially_copyable_v<T>);
    T object;
    TINE_TRY(read(address, std::as_writable_bytes(std::span<T, 1>(&object, 1))));
    return object;
  }
  template <typename T> [[nodiscard]] Status write_object(GuestAddress address, const T &object) {
    static_assert(std::is_trivially_copyable_v<T>);
    return write(address, std::as_bytes(std::span<const T, 1>(&object, 1)));
  }

  // ---- what /proc shows ----
  void for_each_mapping(const std::function<void(const Mapping &)> &visit) const;
  [[nodiscard]] std::optional<Mapping> mapping_at(GuestAddress address) const;
  [[nodiscard]] MemoryUsage usage() const;
  [[nodiscard]] MemoryUsage usage_of(const Mapping &mapping) const;
  /// Costs as much as it owns.
  [[nodiscard]] Footprint footprint(SharedNodePages &known) const;
  [[nodiscard]] const FaultCounters &counters() const { return counters_; }
  /// The most bytes that were resident before pages were removed, within a sixteenth: Linux's
  /// hiwater_rss, but for what is resident now. 0 in an address space that a fork made.
  [[nodiscard]] u64 peak_resident() const { return peak_.pages << page_shift; }
  void forget_peak() { peak_.pages = 0; }
  /// Whether it began with pages of another one, which fork(2) or the fork of its box gave it: a
  /// walk would go over what it shares.
  [[nodiscard]] bool is_forked() const { return peak_.is_forked; }
  /// At most what became resident by faults, without a walk: what a fork gave it isn't in it, and
  /// what a forked address space removed again is.
  [[nodiscard]] u64 resident_by_faults() const {
    return (peak_.walked_pages + made_resident() - peak_.walked_faults) << page_shift;
  }
  [[nodiscard]] Limits &limits() { return limits_; }
  [[nodiscard]] FrameArena &frames() const { return frames_; }

  /// Layout that exec fixed, for /proc/PID/{stat,cmdline,environ}.
  struct Layout {
    GuestAddress code_start, code_end, data_start, data_end, heap_start, heap_break, stack_start,
        arguments_start, arguments_end, environment_start, environment_end;
    /// Null before the first exec; shared with forks.
    std::shared_ptr<const std::vector<u64>> auxiliary_vector;
  };
  [[nodiscard]] Layout &layout() { return layout_; }
  [[nodiscard]] const Layout &layout() const { return layout_; }

  /// Viewers keep the object, not the memory: open files of /proc/PID (Linux's mm_count beside
  /// mm_users).
  void add_viewer() { ++viewers_; }
  void drop_viewer() { --viewers_; }
  [[nodiscard]] std::size_t user_count() const { return reference_count() - viewers_; }

  void set_observer(TranslationObserver *observer) { observer_ = observer; }
  /// For the owner of the observer: state that cpu/ keeps with the address space.
  [[nodiscard]] TranslationObserver *observer() const { return observer_; }

  /// Checks every invariant of this address space; an empty string, or what is wrong.
  [[nodiscard]] std::string validate() const;

  /// The commands that membarrier(2) registered this address space for.
  [[nodiscard]] u32 &membarrier_registrations() { return membarrier_registrations_; }

  [[nodiscard]] const PageTable &page_table() const { return *page_table_; }

private:
  friend class MappingRegistry;

  explicit AddressSpace(FrameArena &frames);

  // ---- address_space.cc ----
  /// The mappings, to be changed: copied first if a fork shares them.
  [[nodiscard]] MappingSet &own_mappings();
  void tell(PageRange range, TranslationObserver::Change change);
  void tell_code_changed(PageRange range);
  [[nodiscard]] Status apply_fork_exceptions();
  [[nodiscard]] Result<std::shared_ptr<MappingSet>> copy_mappings(Copier &copier);
  /// All write translations are gone when it returns.
  void revoke_write_translations();
  /// Makes the pages absent; the mappings stay. ENOMEM: nothing was changed.
  [[nodiscard]] Status remove_pages(PageRange range);
  /// The ranges, to be changed: copied first if a fork shares them.
  [[nodiscard]] SavedRanges &own_saved();
  void forget_saved(PageRange range);
  void check() const;

  // ---- save_memory.cc ----
  void archive_mappings(Archive &archive);
  void archive_layout(Archive &archive);

  // ---- mapping_calls.cc ----
  [[nodiscard]] Status check_limits(const MapRequest &request, u64 pages) const;
  [[nodiscard]] Result<PageRange> choose_place(const MapRequest &request, u64 pages) const;
  [[nodiscard]] PageNumber mmap_base() const;
  [[nodiscard]] Result<PageRange> checked_range(GuestAddress address, u64 length) const;
  [[nodiscard]] Status remove_mappings(PageRange range);
  void protect_piece(PageRange piece, Protection before, Protection after);
  void populate(PageRange range);

  // ---- remap.cc ----
  struct Move;
  [[nodiscard]] Result<PageRange> place_for_move(const Move &move) const;
  [[nodiscard]] Result<GuestAddress> move_mapping(const Move &move);
  void populate_if_locked(PageRange range);
  [[nodiscard]] Result<GuestAddress> move_several(PageRange old, GuestAddress place);
  [[nodiscard]] bool can_expand(const Mapping &mapping, PageRange old, u64 pages) const;

  // ---- advise.cc ----
  [[nodiscard]] Status advise_mapping(const Mapping &mapping, PageRange range, int advice);
  [[nodiscard]] Status discard(const Mapping &mapping, PageRange range, int advice);
  [[nodiscard]] Status install_guard(const Mapping &mapping, PageRange range);
  [[nodiscard]] Status populate_pages(PageRange range, Access access);

  // ---- fault.cc ----
  struct Resolution;
  [[nodiscard]] const Mapping *mapping_for(GuestAddress address);
  [[nodiscard]] const Mapping *grow_stack(PageNumber page);
  /// The frame of an absent page that is still in an image; nothing if it isn't. ENOMEM, EIO.
  [[nodiscard]] Result<std::optional<FrameNumber>> saved_frame(PageNumber page) const;
  [[nodiscard]] Resolution resolve(const Mapping &mapping, PageNumber page, Access access);
  [[nodiscard]] Resolution resolve_read(const Mapping &mapping, PageNumber page);
  [[nodiscard]] Resolution resolve_shared_write(const Mapping &mapping, PageNumber page);
  [[nodiscard]] Resolution resolve_private_write(const Mapping &mapping, PageNumber page);
  void map_around(const Mapping &mapping, const Leaf &leaf, PageNumber page);
  void map_saved_around(const Mapping &mapping, const Leaf &leaf, PageNumber page);
  void count_fault(FaultOutcome outcome);
  [[nodiscard]] bool is_writable_now(const Mapping &mapping, const Leaf &leaf,
                                     PageEntry entry) const;
  [[nodiscard]] Translation translation_of(const Mapping &mapping, const Leaf &leaf,
                                           PageNumber page) const;

  // ---- usage.cc ----
  [[nodiscard]] u64 made_resident() const {
    return counters_.zero_filled + counters_.file_pages + counters_.copied;
  }
  /// Pages are about to be removed by the program: what is resident may be the most there ever was.
  void note_peak();

  // ---- access.cc ----
  /// The rest of the page behind the address, whatever the mapping's protection.
  [[nodiscard]] Result<std::span<std::byte>> forced_window(GuestAddress address, Access access);

  FrameArena &frames_;
  std::unique_ptr<PageTable> page_table_;
  std::shared_ptr<MappingSet> mappings_; ///< shared with forks until one side changes it
  /// Absent pages of private mappings that are still in a saved box's file; likewise shared. Mostly
  /// null.
  std::shared_ptr<SavedRanges> saved_;
  TranslationObserver *observer_ = nullptr;
  u32 viewers_ = 0;
  FaultCounters counters_;
  /// Of note_peak(): what the last walk found, and the faults until then. A page that became
  /// resident since took a fault.
  struct Peak {
    u64 pages = 0, walked_pages = 0, walked_faults = 0;
    bool is_forked = false;
  } peak_;
  Limits limits_;
  Layout layout_;
  /// A translation that may be written through was handed out since the last fork.
  mutable bool gave_write_translations_ = false;
  /// Tells writes since the last fork from those before (NodePool::test_and_set_written).
  u32 epoch_ = 0;
  u32 membarrier_registrations_ = 0;
  bool lock_future_ = false;
  bool lock_future_on_fault_ = false;
  AddressSpace *previous_ = nullptr; ///< the registry's list
  AddressSpace *next_ = nullptr;
};

/// x86-64 has no page that can be written or executed but not read.
[[nodiscard]] constexpr bool is_readable(Protection protection) {
  return protection.read || protection.write || protection.execute;
}
[[nodiscard]] constexpr bool allows(Protection protection, Access access) {
  switch (access) {
  case Access::read:
    return is_readable(protection);
  case Access::write:
    return protection.write;
  case Access::execute:
    return protection.execute;
  }
  return false;
}

} // namespace tine::memory
