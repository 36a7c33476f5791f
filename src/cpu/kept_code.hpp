// Translations that outlive the run: what whoever owns the machine does with them.
#pragma once

#include "cpu/vcpu.hpp"

#include <functional>

namespace tine::cpu {

/// A number for where a page object's contents come from and in which state that is, the same in
/// every run of tine; 0: it has none.
using IdentifyObject = std::function<u64(const memory::PageObject &)>;

/// Pages that `identify` knows can be kept. Kernel lock held, before anything was translated, as
/// for load_code().
void set_identify_object(Machine &machine, IdentifyObject identify);

/// Translations of one key are of no use to a machine with another: it says which build of tine
/// made them, for which processor. 0: this build can't keep any.
[[nodiscard]] u64 kept_code_key(const Machine &machine);

/// Takes over what save_code() wrote; it is used where the same pages of the same objects lie at
/// the same addresses. False: the file is damaged, or not for this machine.
bool load_code(Machine &machine, int fd);

/// How many runs in a row came to pages with less than half of the code in the file, which
/// load_code() reads whole.
[[nodiscard]] u32 wasted_runs(int fd);

/// Writes all translations of pages with an identity into an empty file, and drops all. No vCPU
/// runs any more. ENOENT if there are none, EIO. Kernel lock held.
Status save_code(Machine &machine, int fd);

/// Counts this run in the file that load_code() read; save_code() does that, too. EIO.
Status count_run(const Machine &machine, int fd);

/// How many pages were taken from what load_code() read.
[[nodiscard]] u64 pages_restored(const Machine &machine);

} // namespace tine::cpu
