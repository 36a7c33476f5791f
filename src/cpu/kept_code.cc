#include "cpu/kept_code.hpp"

#include "cpu/vcpu_impl.hpp"

namespace tine::cpu {
namespace {
MachineImpl &implementation(Machine &machine) {
  return static_cast<MachineImpl &>(machine);
}
const MachineImpl &implementation(const Machine &machine) {
  return static_cast<const MachineImpl &>(machine);
}
} // namespace

void set_identify_object(Machine &machine, IdentifyObject identify) {
  implementation(machine).identify_object = std::move(identify);
}

u64 kept_code_key(const Machine &machine) {
  const MachineImpl &of = implementation(machine);
  return saved_code_key(*of.cache, of.thunks);
}

bool load_code(Machine &machine, int fd) {
  MachineImpl &of = implementation(machine);
  if (!of.cache->is_empty())
    return false;
  const auto saved = read_saved_code(fd, *of.cache, kept_code_key(machine));
  if (!saved)
    return false;
  of.code_pages.take_saved(*saved, of.cache->contents().hot.size());
  return true;
}

Status save_code(Machine &machine, int fd) {
  MachineImpl &of = implementation(machine);
  const SavedPages saved = of.code_pages.collect(of.frames, *of.cache);
  const Status written = saved.pages.empty()
                             ? Status{Errno{ENOENT}}
                             : write_saved_code(fd, *of.cache, kept_code_key(machine), saved);
  of.reset_cache();
  return written;
}

u32 wasted_runs(int fd) {
  return read_wasted_runs(fd);
}

Status count_run(const Machine &machine, int fd) {
  return write_wasted_runs(fd, implementation(machine).code_pages.wasted_runs());
}

u64 pages_restored(const Machine &machine) {
  return implementation(machine).code_pages.restored();
}

} // namespace tine::cpu
