#include "process/procfs/subject.hpp"

#include "process/ptrace.hpp"

#include <dirent.h>
#include <fmt/format.h>

namespace tine::process {

Result<Process *> Subject::process() const {
  if (Process *found = kernel.find_process(id))
    return found;
  if (Thread *found = kernel.find_thread(id))
    return found->process;
  return Errno{ESRCH};
}

Result<Thread *> Subject::thread() const {
  if (is_thread) {
    Thread *found = kernel.find_thread(id);
    return found ? Result<Thread *>{found} : Errno{ESRCH};
  }
  Process *owner = TINE_TRY(process());
  Thread *leader = owner->leader();
  return leader ? Result<Thread *>{leader} : Errno{ESRCH};
}

Result<memory::AddressSpace *> Subject::memory() const {
  Thread *owner = TINE_TRY(thread());
  memory::AddressSpace *space = owner->memory.get();
  return space ? Result<memory::AddressSpace *>{space} : Errno{ESRCH};
}

fs::PseudoAttributes owner_of(const Subject &subject) {
  fs::PseudoAttributes attributes;
  const Result<Thread *> thread = subject.thread();
  if (thread && (*thread)->process->dumpable == 1) {
    attributes.uid = (*thread)->credentials.euid;
    attributes.gid = (*thread)->credentials.egid;
  }
  return attributes;
}

u64 entry_number(const Subject &subject, u64 index) {
  // Above the numbers that PseudoFs hands out, and different for each process and entry.
  constexpr u64 first = u64{1} << 32;
  const u64 id = static_cast<u64>(subject.id.value) * 2 + (subject.is_thread ? 1 : 0);
  return first + (id << 32 | index);
}

namespace {

Result<Ref<fs::Inode>> make_entry(fs::PseudoFs &fs, const Subject &subject,
                                  const SubjectEntry &entry, u64 index) {
  fs::PseudoAttributes attributes = owner_of(subject);
  attributes.mode = entry.mode;
  attributes.inode = entry_number(subject, index + 1);
  if (entry.make)
    return entry.make(fs, subject, attributes);
  fs::Accept accept;
  if (entry.accept)
    accept = [subject, write = entry.accept](std::string_view text) {
      return write(subject, text);
    };
  return fs.file(
      attributes, [subject, read = entry.text] { return read(subject); }, std::move(accept));
}

} // namespace

Status check_reader(const Subject &subject) {
  const Thread *reader = current_thread(subject.kernel);
  const Result<Thread *> thread = subject.thread();
  if (reader == nullptr || !thread)
    return Done{};
  return check_ptrace_access(*reader, **thread) ? Status(Done{}) : Errno{EACCES};
}

Ref<fs::PseudoDirectory> make_subject_directory(fs::PseudoFs &fs, const Subject &subject,
                                                std::span<const SubjectEntry> entries,
                                                fs::PseudoAttributes attributes) {
  Ref<fs::PseudoDirectory> directory = fs.directory(attributes);
  directory->set_dynamic(
      [&fs, subject, entries](std::string_view name) -> Result<Ref<fs::Inode>> {
        TINE_TRY(subject.process());
        for (std::size_t i = 0; i < entries.size(); ++i)
          if (name == entries[i].name)
            return make_entry(fs, subject, entries[i], i);
        return Errno{ENOENT};
      },
      [subject, entries]() -> Result<std::vector<fs::DirectoryEntry>> {
        if (!subject.process())
          return Errno{ENOENT};
        std::vector<fs::DirectoryEntry> list;
        for (std::size_t i = 0; i < entries.size(); ++i)
          list.push_back({entry_number(subject, i + 1), 0, static_cast<u8>(IFTODT(entries[i].type)),
                          entries[i].name});
        return list;
      });
  return directory;
}

std::string escape(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) == std::string_view::npos)
      result += c;
    else
      result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return result;
}

std::string bit_list(u64 bits) {
  std::string result;
  for (u32 bit = 0; bit < 64; ++bit) {
    if ((bits >> bit & 1U) == 0)
      continue;
    u32 last = bit;
    while (last + 1 < 64 && (bits >> (last + 1) & 1U) != 0)
      ++last;
    if (!result.empty())
      result += ',';
    result += last == bit ? fmt::format("{}", bit) : fmt::format("{}-{}", bit, last);
    bit = last;
  }
  return result;
}

} // namespace tine::process
