// The code cache as a file: what a later run of the same program need not translate again.
#pragma once

#include "cpu/code_cache.hpp"
#include "cpu/translate.hpp"

#include <vector>

namespace tine::cpu {

/// The blocks of one page of code in a saved cache. They hold for a page at the same guest address
/// that comes from the same file and has the same contents.
struct SavedPage {
  u64 page = 0;                       ///< number of the guest's page
  u64 origin = 0;                     ///< identity of the page object: IdentifyObject
  u64 object_page = 0;                ///< which page of the object
  u64 contents = 0;                   ///< ContentHash of its bytes
  u32 code_page = 0;                  ///< its number (CodePages), which chained branches compare
  BlockIndex first = no_index;        ///< list of its blocks through next_of_frame
  BlockIndex first_target = no_index; ///< and through next_target
  u32 unused = 0;
};

/// What must be equal for a saved cache to be of use: this build of tine, the processor, where the
/// shared thunks lie. 0: nothing can be saved, since the build has no id.
[[nodiscard]] u64 saved_code_key(const CodeCache &cache, const Thunks &thunks);

struct SavedPages {
  std::vector<SavedPage> pages;
  u32 last_code_page = 0;
  u32 wasted_runs = 0; ///< in a row, of too little: CodePages::wasted_runs()
};

/// The cache's contents into an empty file. EIO and the like. Blocks of no page of `pages` must be
/// marked as dropped, all others must be in their page's list and have no frame.
[[nodiscard]] Status write_saved_code(int fd, const CodeCache &cache, u64 key,
                                      const SavedPages &saved);

/// The number of wasted runs in a file's header; 0 if there is no header. And another one.
[[nodiscard]] u32 read_wasted_runs(int fd);
[[nodiscard]] Status write_wasted_runs(int fd, u32 wasted_runs);

/// Fills an empty cache; no block can be found before it is activated. EINVAL for a file that is
/// damaged or that another build wrote: the cache is empty then.
[[nodiscard]] Result<SavedPages> read_saved_code(int fd, CodeCache &cache, u64 key);

} // namespace tine::cpu
