#include "process/procfs/procfs.hpp"
#include "process/saved_classes.hpp"

#include "fs/caller.hpp"
#include "process/procfs/subject.hpp"

#include <charconv>
#include <dirent.h>
#include <fmt/format.h>
#include <linux/magic.h>

namespace tine::process {
namespace {

/// A number as a directory's name: decimal, without sign or leading zeros; 0 if it isn't one.
Pid pid_of(std::string_view name) {
  i32 value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc{} || end != name.data() + name.size() || value < 0 || name.front() == '0')
    return Pid{};
  return Pid{value};
}

/// Processes by number; threads can be looked up as well, but aren't listed (proc(5)).
void add_processes(fs::PseudoFs &fs, Kernel &kernel, const Ref<PidNamespace> &space) {
  fs.root_directory()->set_dynamic(
      [&fs, &kernel, space](std::string_view name) -> Result<Ref<fs::Inode>> {
        const Pid pid = kernel.pid_numbers.find(space.get(), pid_of(name));
        if (pid.is_none() || (!kernel.find_process(pid) && !kernel.find_thread(pid)))
          return Errno{ENOENT};
        return make_process_directory(fs, {kernel, pid, false, space.get()});
      },
      [&kernel, space]() -> Result<std::vector<fs::DirectoryEntry>> {
        std::vector<fs::DirectoryEntry> list;
        for (const auto &[pid, process] : kernel.processes())
          if (const Pid number = kernel.pid_numbers.number(space.get(), pid); !number.is_none())
            list.push_back(
                {entry_number({kernel, pid}, 0), 0, DT_DIR, fmt::format("{}", number.value)});
        return list;
      });
}

/// ENOENT for a reader that isn't in the pid namespace.
Result<std::string> self_target(const Kernel &kernel, const PidNamespace *space) {
  const fs::Caller *caller = fs::current_caller();
  const Pid number = caller ? kernel.pid_numbers.number(space, caller->process()) : Pid{};
  return !number.is_none() ? Result<std::string>{fmt::format("{}", number.value)} : Errno{ENOENT};
}

Result<std::string> thread_self_target(const Kernel &kernel, const PidNamespace *space) {
  std::string process = TINE_TRY(self_target(kernel, space));
  const Pid number = kernel.pid_numbers.number(space, fs::current_caller()->thread());
  return fmt::format("{}/task/{}", process, number.value);
}

} // namespace

namespace {

void fill_procfs(fs::PseudoFs &procfs, Kernel &kernel, const Ref<PidNamespace> &space) {
  fs::PseudoDirectory &root = *procfs.root_directory();
  root.add("self", procfs.link([&kernel, space] { return self_target(kernel, space.get()); }));
  root.add("thread-self",
           procfs.link([&kernel, space] { return thread_self_target(kernel, space.get()); }));
  root.add("mounts", procfs.link_to("self/mounts"));
  root.add("net", procfs.link_to("self/net"));
  root.directory("tty");
  root.directory("fs");
  root.directory("driver");
  add_system_files(procfs, kernel);
  add_sysctl(procfs, kernel);
  add_system_v_ipc(procfs, kernel);
  add_processes(procfs, kernel, space);
}

} // namespace

void set_up_generated(fs::PseudoFs &fs, Kernel &kernel, FillTree fill) {
  fs.root_directory()->set_populate([&fs, &kernel, fill] { fill(fs, kernel); });
  fs.set_save([](Archive &) {});
  fs.set_rebuild([&fs, &kernel, fill](Copier &copier) -> Result<Ref<fs::FileSystem>> {
    Ref<fs::PseudoFs> made = make_ref<fs::PseudoFs>(fs.type_name(), fs.magic(), fs.device());
    set_up_generated(*made, *copier.counterpart(kernel), fill);
    return Ref<fs::FileSystem>(made);
  });
}

namespace {

void set_up_procfs(fs::PseudoFs &fs, Kernel &kernel, const Ref<PidNamespace> &space) {
  fs.root_directory()->set_populate([&fs, &kernel, space] { fill_procfs(fs, kernel, space); });
  fs.set_save([space](Archive &archive) {
    Ref<PidNamespace> saved = space;
    archive(saved);
  });
  fs.set_rebuild([&fs, &kernel, space](Copier &copier) -> Result<Ref<fs::FileSystem>> {
    Ref<fs::PseudoFs> made = make_ref<fs::PseudoFs>(fs.type_name(), fs.magic(), fs.device());
    set_up_procfs(*made, *copier.counterpart(kernel), TINE_TRY(copier.copy(space)));
    return Ref<fs::FileSystem>(made);
  });
}

} // namespace

Ref<fs::PseudoFs> make_procfs(Kernel &kernel, const Ref<PidNamespace> &space) {
  Ref<fs::PseudoFs> procfs = make_ref<fs::PseudoFs>("proc", u64{PROC_SUPER_MAGIC});
  set_up_procfs(*procfs, kernel, space);
  return procfs;
}

void add_saved_procfs(fs::PseudoTrees &trees, Kernel &kernel) {
  trees.makers.emplace("proc", [&kernel](Archive &archive, u64 device) {
    Ref<PidNamespace> space;
    archive(space);
    Ref<fs::PseudoFs> made = make_ref<fs::PseudoFs>("proc", u64{PROC_SUPER_MAGIC}, device);
    set_up_procfs(*made, kernel, space);
    return made;
  });
}

} // namespace tine::process
