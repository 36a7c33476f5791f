// /proc/PID/maps, smaps and smaps_rollup: proc(5).
#include "process/procfs/subject.hpp"

#include <array>
#include <charconv>
#include <dirent.h>
#include <fmt/format.h>
#include <string_view>
#include <sys/sysmacros.h>

namespace tine::process {
namespace {

using memory::Mapping;
using memory::MemoryUsage;

/// Column of the path, as seq_setwidth in show_vma_header_prefix has it.
constexpr std::size_t path_column = 73;

std::string path_of_mapping(const Mapping &mapping) {
  if (mapping.file)
    return escape(mapping.file->path(), "\n");
  if (mapping.name[0] != '\0')
    return mapping.name;
  // Shared anonymous memory is a file without a name: mmap(2) of /dev/zero.
  return mapping.shared ? "/dev/zero (deleted)" : "";
}

void add_header(std::string &text, const Mapping &mapping) {
  const u64 device = mapping.file ? mapping.file->device() : mapping.shared ? 1 : 0;
  const u64 inode = mapping.file ? mapping.file->inode() : 0;
  const u64 offset = mapping.object ? mapping.object_page << page_shift : 0;
  std::string line = fmt::format(
      "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {} ", address_of(mapping.range.first).value,
      address_of(mapping.range.end()).value, mapping.protection.read ? 'r' : '-',
      mapping.protection.write ? 'w' : '-', mapping.protection.execute ? 'x' : '-',
      mapping.shared ? 's' : 'p', offset, gnu_dev_major(device), gnu_dev_minor(device), inode);
  const std::string path = path_of_mapping(mapping);
  if (!path.empty() && line.size() < path_column)
    line.resize(path_column, ' ');
  text += line;
  text += path;
  text += '\n';
}

/// "{:<16}{:>8} kB": a program with many mappings has many lines, and fmt takes ten times as long.
void add_line(std::string &text, std::string_view name, u64 bytes) {
  constexpr std::size_t name_width = 16, number_width = 8;
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes >> 10).ptr;
  const std::string_view number(digits.data(), static_cast<std::size_t>(end - digits.data()));
  text += name;
  text += ':';
  text.append(name.size() + 1 < name_width ? name_width - name.size() - 1 : 0, ' ');
  text.append(number.size() < number_width ? number_width - number.size() : 0, ' ');
  text += number;
  text += " kB\n";
}

/// The lines that smaps and smaps_rollup have in common after Rss and Pss.
void add_usage(std::string &text, const MemoryUsage &usage, u64 locked) {
  add_line(text, "Shared_Clean", usage.shared_clean);
  add_line(text, "Shared_Dirty", usage.shared_dirty);
  add_line(text, "Private_Clean", usage.private_clean);
  add_line(text, "Private_Dirty", usage.private_dirty);
  add_line(text, "Referenced", usage.resident);
  add_line(text, "Anonymous", usage.anonymous);
  for (const std::string_view name :
       {"KSM", "LazyFree", "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb",
        "Private_Hugetlb", "Swap", "SwapPss"})
    add_line(text, name, 0);
  add_line(text, "Locked", locked);
}

std::string flags_of(const Mapping &mapping) {
  std::string flags;
  const auto add = [&](bool holds, const char *flag) {
    if (holds)
      flags += flag;
  };
  add(mapping.protection.read, "rd ");
  add(mapping.protection.write, "wr ");
  add(mapping.protection.execute, "ex ");
  add(mapping.shared && mapping.may_write, "sh "); // Linux's VM_SHARED: only if it may be written
  add(true, "mr ");
  add(mapping.may_write, "mw ");
  add(true, "me ");
  add(mapping.shared, "ms ");
  add(mapping.grows_down, "gd ");
  add(mapping.guarded, "gu ");
  add(mapping.locked, "lo ");
  add(mapping.dont_fork, "dc ");
  add(mapping.lock_on_fault, "lf ");
  add(!mapping.shared && mapping.protection.write && !mapping.no_reserve, "ac ");
  add(mapping.no_reserve, "nr ");
  add(mapping.wipe_on_fork, "wf ");
  add(mapping.dont_dump, "dd ");
  add(mapping.droppable, "dp ");
  return flags;
}

} // namespace

Result<std::string> maps_text(const Subject &subject) {
  TINE_TRY(subject.process());
  TINE_TRY(check_reader(subject));
  std::string text;
  if (const Result<memory::AddressSpace *> space = subject.memory())
    (*space)->for_each_mapping([&](const Mapping &mapping) { add_header(text, mapping); });
  return text;
}

Result<std::string> smaps_text(const Subject &subject) {
  TINE_TRY(subject.process());
  TINE_TRY(check_reader(subject));
  std::string text;
  const Result<memory::AddressSpace *> space = subject.memory();
  if (!space)
    return text;
  (*space)->for_each_mapping([&](const Mapping &mapping) {
    const MemoryUsage usage = (*space)->usage_of(mapping);
    add_header(text, mapping);
    add_line(text, "Size", usage.virtual_size);
    add_line(text, "KernelPageSize", page_size);
    add_line(text, "MMUPageSize", page_size);
    add_line(text, "Rss", usage.resident);
    add_line(text, "Pss", usage.proportional);
    add_usage(text, usage, mapping.locked ? usage.proportional : 0);
    text += fmt::format("THPeligible:    {:>8}\nVmFlags: {}\n", 0, flags_of(mapping));
  });
  return text;
}

Result<std::string> smaps_rollup_text(const Subject &subject) {
  const memory::AddressSpace &space = *TINE_TRY(subject.memory());
  TINE_TRY(check_reader(subject));
  u64 first = 0, end = 0, locked = 0;
  space.for_each_mapping([&](const Mapping &mapping) {
    if (mapping.locked)
      locked += space.usage_of(mapping).proportional;
    if (end == 0)
      first = address_of(mapping.range.first).value;
    end = address_of(mapping.range.end()).value;
  });
  const MemoryUsage usage = space.usage();
  std::string text = fmt::format("{:08x}-{:08x} ---p 00000000 00:00 0 ", first, end);
  text.resize(std::max(text.size(), path_column), ' ');
  text += "[rollup]\n";
  add_line(text, "Rss", usage.resident);
  add_line(text, "Pss", usage.proportional);
  add_usage(text, usage, locked);
  return text;
}

Result<std::string> numa_maps_text(const Subject &subject) {
  const memory::AddressSpace &space = *TINE_TRY(subject.memory());
  TINE_TRY(check_reader(subject));
  std::string text;
  space.for_each_mapping([&](const Mapping &mapping) {
    const std::string_view name = mapping.name;
    text += fmt::format("{:08x} default", address_of(mapping.range.first).value);
    if (mapping.file)
      text += " file=" + escape(mapping.file->path(), "\n\t= ");
    else if (name == "[heap]" || name == "[stack]")
      text += fmt::format(" {}", name.substr(1, name.size() - 2));
    const MemoryUsage usage = space.usage_of(mapping);
    if (usage.anonymous != 0)
      text += fmt::format(" anon={0} dirty={0}", usage.anonymous >> page_shift);
    else if (usage.resident != 0)
      text += fmt::format(" mapped={}", usage.resident >> page_shift);
    if (usage.resident != 0)
      text += fmt::format(" N0={} kernelpagesize_kB=4", usage.resident >> page_shift);
    text += '\n';
  });
  return text;
}

Result<Ref<fs::Inode>> make_map_files(fs::PseudoFs &fs, const Subject &subject,
                                      fs::PseudoAttributes attributes) {
  const auto name_of = [](const Mapping &mapping) {
    return fmt::format("{:x}-{:x}", address_of(mapping.range.first).value,
                       address_of(mapping.range.end()).value);
  };
  Ref<fs::PseudoDirectory> directory = fs.directory(attributes);
  directory->set_dynamic(
      [&fs, subject, name_of](std::string_view name) -> Result<Ref<fs::Inode>> {
        const memory::AddressSpace &space = *TINE_TRY(subject.memory());
        Ref<fs::Inode> found;
        space.for_each_mapping([&](const Mapping &mapping) {
          if (mapping.file && name_of(mapping) == name)
            found = fs.link_to(mapping.file->path(),
                               {.mode = mapping.protection.write ? 0700U : 0500U});
        });
        return found ? Result<Ref<fs::Inode>>(found) : Errno{ENOENT};
      },
      [subject, name_of]() -> Result<std::vector<fs::DirectoryEntry>> {
        std::vector<fs::DirectoryEntry> list;
        const Result<memory::AddressSpace *> memory = subject.memory();
        if (!memory)
          return list; // of a process without memory
        const memory::AddressSpace &space = **memory;
        space.for_each_mapping([&](const Mapping &mapping) {
          if (mapping.file)
            list.push_back({mapping.range.first.value, 0, DT_LNK, name_of(mapping)});
        });
        return list;
      });
  return Ref<fs::Inode>(std::move(directory));
}

} // namespace tine::process
