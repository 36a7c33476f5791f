// A mapping: a range of pages with its permissions and its source. Linux's VMA.
#pragma once

#include "base/ref.hpp"
#include "memory/page_object.hpp"

#include <string>

namespace tine::memory {

/// PROT_READ, PROT_WRITE, PROT_EXEC as on x86-64: write implies read, execute implies read.
struct Protection {
  bool read = false;
  bool write = false;
  bool execute = false;
  constexpr bool operator==(const Protection &) const = default;
};

enum class Access : u8 { read, write, execute };

/// What a mapping of a file knows of the file beyond its pages, for /proc/PID/maps and for the
/// write permission of a later mprotect. Implemented by fs/.
class MappedFile : public RefCounted {
public:
  [[nodiscard]] virtual Ref<PageObject> pages() = 0;
  /// The path as /proc/PID/maps shows it, " (deleted)" included.
  [[nodiscard]] virtual std::string path() const = 0;
  [[nodiscard]] virtual u64 device() const = 0;
  [[nodiscard]] virtual u64 inode() const = 0;
  /// A shared mapping made a page writable: "the st_ctime and st_mtime field will be updated after
  /// a write to the mapped region" (mmap(2)).
  virtual void written() {}
  /// What the mapping knows in the copy of a box. ENOTSUP.
  [[nodiscard]] virtual Result<Ref<MappedFile>> copy(Copier &copier) {
    return copier.refuse(path());
  }
};

struct Mapping {
  PageRange range;
  Protection protection;
  /// MAP_SHARED: writes go to the source and are seen by all; otherwise private, copy on write.
  bool shared = false;
  /// A shared mapping of a file that isn't open for writing can't be made writable: EACCES.
  bool may_write = true;
  bool grows_down = false;
  bool dont_fork = false;     ///< MADV_DONTFORK
  bool wipe_on_fork = false;  ///< MADV_WIPEONFORK
  bool locked = false;        ///< mlock; accounting only
  bool lock_on_fault = false; ///< MLOCK_ONFAULT
  bool no_reserve = false;
  bool dont_dump = false; ///< MADV_DONTDUMP
  bool droppable = false; ///< MAP_DROPPABLE
  /// MADV_GUARD_INSTALL: no page, whatever the protection; an access is SIGSEGV.
  bool guarded = false;
  /// Null for private anonymous memory.
  Ref<PageObject> object;
  /// Page of the object that the mapping's first page shows.
  u64 object_page = 0;
  /// Null for anonymous memory.
  Ref<MappedFile> file;
  /// "[heap]", "[stack]", "" ...
  const char *name = "";
};

} // namespace tine::memory
