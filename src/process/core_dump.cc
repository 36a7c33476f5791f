#include "process/core_dump.hpp"

#include "process/kernel.hpp"
#include "process/namespaces.hpp"
#include "process/process.hpp"
#include "process/settings.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <elf.h>
#include <fcntl.h>
#include <sys/procfs.h>
#include <sys/user.h>

namespace tine::process {
namespace {

using memory::Mapping;

/// Bytes of the ELF file's start: headers and notes.
class Bytes {
public:
  template <typename T> void add_object(const T &object) {
    static_assert(std::is_trivially_copyable_v<T>);
    add(std::as_bytes(std::span<const T, 1>(&object, 1)));
  }
  void add(std::span<const std::byte> more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }
  void add_text(std::string_view text) {
    add(std::as_bytes(std::span(text)));
    bytes_.push_back(std::byte{0});
  }
  void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
  [[nodiscard]] std::span<const std::byte> all() const { return bytes_; }

private:
  std::vector<std::byte> bytes_;
};

void add_note(Bytes &notes, u32 type, std::string_view name, std::span<const std::byte> contents) {
  Elf64_Nhdr header{};
  header.n_namesz = static_cast<u32>(name.size() + 1);
  header.n_descsz = static_cast<u32>(contents.size());
  header.n_type = type;
  notes.add_object(header);
  notes.add_text(name);
  notes.align(4);
  notes.add(contents);
  notes.align(4);
}

template <typename T> void add_note(Bytes &notes, u32 type, const T &contents) {
  add_note(notes, type, "CORE", std::as_bytes(std::span<const T, 1>(&contents, 1)));
}

user_regs_struct registers_of(const Thread &thread) {
  const auto &gpr = thread.cpu.gpr;
  user_regs_struct regs{};
  regs.r15 = gpr[cpu::r15], regs.r14 = gpr[cpu::r14], regs.r13 = gpr[cpu::r13];
  regs.r12 = gpr[cpu::r12], regs.r11 = gpr[cpu::r11], regs.r10 = gpr[cpu::r10];
  regs.r9 = gpr[cpu::r9], regs.r8 = gpr[cpu::r8];
  regs.rbp = gpr[cpu::rbp], regs.rbx = gpr[cpu::rbx], regs.rax = gpr[cpu::rax];
  regs.rcx = gpr[cpu::rcx], regs.rdx = gpr[cpu::rdx], regs.rsi = gpr[cpu::rsi];
  regs.rdi = gpr[cpu::rdi], regs.rsp = gpr[cpu::rsp];
  regs.orig_rax = static_cast<u64>(thread.syscall_number);
  regs.rip = thread.cpu.rip;
  regs.eflags = thread.cpu.rflags;
  regs.cs = 0x33, regs.ss = 0x2b;
  regs.fs_base = thread.cpu.fs_base;
  regs.gs_base = thread.cpu.gs_base;
  return regs;
}

timeval to_timeval(Nanoseconds time) {
  return {time / 1'000'000'000, time % 1'000'000'000 / 1000};
}

void add_thread(Bytes &notes, const Thread &thread, int signal) {
  const Process &process = *thread.process;
  prstatus_t status{};
  status.pr_info.si_signo = signal;
  status.pr_cursig = static_cast<short>(signal);
  status.pr_sigpend = thread.pending.set().bits;
  status.pr_sighold = thread.signal_mask.bits;
  status.pr_pid = thread.tid.value;
  status.pr_ppid = process.parent != nullptr ? process.parent->pid.value : 1;
  status.pr_pgrp = process.group.value;
  status.pr_sid = process.session.value;
  status.pr_utime = to_timeval(thread.user_time);
  status.pr_stime = to_timeval(thread.system_time);
  const user_regs_struct regs = registers_of(thread);
  static_assert(sizeof status.pr_reg == sizeof regs);
  std::memcpy(&status.pr_reg, &regs, sizeof regs);
  status.pr_fpvalid = 1;
  add_note(notes, NT_PRSTATUS, status);
  std::vector<std::byte> extended(cpu::CpuState::xsave_size());
  thread.cpu.store_xsave(extended);
  // A debugger finds XCR0 among FXSAVE's bytes for software, as the kernel leaves it there.
  constexpr std::size_t xcr0_offset = 464, size_without_avx = 576;
  const u64 xcr0 = extended.size() > size_without_avx ? 7 : 3;
  std::memcpy(extended.data() + xcr0_offset, &xcr0, sizeof xcr0);
  add_note(notes, NT_FPREGSET, "CORE", std::span(extended).first(sizeof(user_fpregs_struct)));
  add_note(notes, NT_X86_XSTATE, "LINUX", extended);
}

void add_process(Bytes &notes, const Thread &thread) {
  const Process &process = *thread.process;
  prpsinfo_t info{};
  info.pr_sname = 'R';
  info.pr_nice = thread.scheduling.nice;
  info.pr_uid = thread.credentials.uid;
  info.pr_gid = thread.credentials.gid;
  info.pr_pid = process.pid.value;
  info.pr_ppid = process.parent != nullptr ? process.parent->pid.value : 1;
  info.pr_pgrp = process.group.value;
  info.pr_sid = process.session.value;
  thread.name.copy(info.pr_fname, sizeof info.pr_fname - 1);
  const memory::AddressSpace::Layout &layout = thread.memory->layout();
  const u64 length =
      std::min<u64>(layout.arguments_end - layout.arguments_start, sizeof info.pr_psargs - 1);
  const std::span<char> arguments(info.pr_psargs, length);
  if (thread.memory->force_read(layout.arguments_start, std::as_writable_bytes(arguments)).ok())
    std::replace(arguments.begin(), arguments.end(), '\0', ' ');
  add_note(notes, NT_PRPSINFO, info);
}

/// NT_FILE: which files are mapped where.
void add_files(Bytes &notes, const memory::AddressSpace &space) {
  Bytes table, names;
  u64 count = 0;
  space.for_each_mapping([&](const Mapping &mapping) {
    if (!mapping.file)
      return;
    table.add_object(address_of(mapping.range.first).value);
    table.add_object(address_of(mapping.range.end()).value);
    table.add_object(mapping.object_page);
    names.add_text(mapping.file->path());
    ++count;
  });
  Bytes contents;
  contents.add_object(count);
  contents.add_object(page_size);
  contents.add(table.all());
  contents.add(names.all());
  add_note(notes, NT_FILE, "CORE", contents.all());
}

Bytes make_notes(const Thread &thread, const siginfo_t &info) {
  Bytes notes;
  add_thread(notes, thread, info.si_signo);
  add_process(notes, thread);
  add_note(notes, NT_SIGINFO, info);
  if (const auto &auxiliary = thread.memory->layout().auxiliary_vector)
    add_note(notes, NT_AUXV, "CORE", std::as_bytes(std::span(*auxiliary)));
  add_files(notes, *thread.memory);
  for (const Ref<Thread> &other : thread.process->threads)
    if (other.get() != &thread && other->run_state() != sched::RunState::running)
      add_thread(notes, *other, info.si_signo); // Linux: of all threads the one that killed them
  return notes;
}

/// core(5), coredump_filter 0x33: memory that no file has, whole; of a file's private mapping that
/// can't have been changed, the page with its ELF header.
u64 dumped_bytes(memory::AddressSpace &space, const Mapping &mapping) {
  const u64 all = mapping.range.count << page_shift;
  if (mapping.dont_dump || mapping.guarded)
    return 0;
  if (!mapping.file)
    return all;
  if (mapping.shared)
    return 0;
  // What was changed before it became read-only counts too: relocations, and with them the list of
  // shared objects that a debugger looks for.
  if (mapping.protection.write || space.usage_of(mapping).anonymous != 0)
    return all;
  char magic[SELFMAG];
  const bool is_elf =
      mapping.object_page == 0 &&
      space.force_read(address_of(mapping.range.first), std::as_writable_bytes(std::span(magic)))
          .ok() &&
      std::memcmp(magic, ELFMAG, SELFMAG) == 0;
  return is_elf ? page_size : 0;
}

Elf64_Ehdr make_header(std::size_t segments) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(std::min<std::size_t>(segments, PN_XNUM - 1));
  return header;
}

std::vector<Elf64_Phdr> make_segments(memory::AddressSpace &space, u64 notes_size) {
  std::vector<Elf64_Phdr> segments(1);
  space.for_each_mapping([&](const Mapping &mapping) {
    Elf64_Phdr &segment = segments.emplace_back();
    segment.p_type = PT_LOAD;
    segment.p_flags = (mapping.protection.read ? PF_R : 0U) |
                      (mapping.protection.write ? PF_W : 0U) |
                      (mapping.protection.execute ? PF_X : 0U);
    segment.p_vaddr = address_of(mapping.range.first).value;
    segment.p_memsz = mapping.range.count << page_shift;
    segment.p_filesz = dumped_bytes(space, mapping);
    segment.p_align = page_size;
  });
  segments.front().p_type = PT_NOTE;
  segments.front().p_offset = sizeof(Elf64_Ehdr) + segments.size() * sizeof(Elf64_Phdr);
  segments.front().p_filesz = notes_size;
  segments.front().p_align = 4;
  u64 offset = round_up_to_page(segments.front().p_offset + notes_size);
  for (Elf64_Phdr &segment : std::span(segments).subspan(1)) {
    segment.p_offset = offset;
    offset += segment.p_filesz;
  }
  return segments;
}

/// What core(5), "Naming of core dump files", puts for `%` and the letter; nothing for others.
std::string core_name_part(const Thread &thread, int signal, char letter) {
  const Process &process = *thread.process;
  const auto flat = [](std::string text) {
    std::replace(text.begin(), text.end(), '/', '!');
    return text;
  };
  switch (letter) {
  case '%':
    return "%";
  case 'p':
    return std::to_string(shown_pid(thread, process.pid).value);
  case 'P':
    return std::to_string(process.pid.value);
  case 'i':
    return std::to_string(shown_pid(thread, thread.tid).value);
  case 'I':
    return std::to_string(thread.tid.value);
  case 'u':
    return std::to_string(thread.credentials.uid);
  case 'g':
    return std::to_string(thread.credentials.gid);
  case 'd':
    return std::to_string(process.dumpable);
  case 's':
    return std::to_string(signal);
  case 't':
    return std::to_string(std::time(nullptr));
  case 'h':
    return flat(hostname_of(thread));
  case 'e':
    return flat(thread.name);
  case 'E':
    return flat(process.executable);
  case 'c':
    return std::to_string(process.limit(RLIMIT_CORE));
  default:
    return {};
  }
}

std::string core_name(const Thread &thread, int signal) {
  const std::string_view set = setting_text(thread.kernel, "kernel/core_pattern");
  const std::string_view pattern = set.empty() ? std::string_view("core") : set;
  std::string name;
  bool has_pid = false;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '%') {
      name += pattern[at];
    } else if (++at < pattern.size()) {
      name += core_name_part(thread, signal, pattern[at]);
      has_pid = has_pid || pattern[at] == 'p';
    }
  }
  if (!has_pid && setting_number(thread.kernel, "kernel/core_uses_pid", 0) != 0)
    name += "." + std::to_string(shown_pid(thread, thread.process->pid).value);
  return name;
}

/// The file, as core(5) wants it: a regular one of the process's own user with one name.
Result<Ref<fs::File>> make_file(const Thread &thread, int signal) {
  const fs::FileSystemContext &context = *thread.fs;
  constexpr u32 flags = O_CREAT | O_RDWR | O_NOFOLLOW;
  Ref<fs::File> file = TINE_TRY(fs::open(context, thread.credentials, context.working_directory,
                                         core_name(thread, signal), flags, 0600));
  const struct stat status = TINE_TRY(file->stat());
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1 || status.st_uid != thread.credentials.fsuid)
    return Errno{EPERM};
  TINE_TRY(file->truncate(0));
  return file;
}

/// Cut at the limit.
Status write_at(fs::File &file, std::span<const std::byte> bytes, u64 offset, u64 limit) {
  if (offset >= limit)
    return Done{};
  memory::IoBuffer buffer(bytes.first(std::min<u64>(bytes.size(), limit - offset)));
  return TINE_TRY(file.write_at(buffer, offset)) == bytes.size() ? Status(Done{}) : Errno{EFBIG};
}

/// Pages that can't be read, or were never touched, stay holes of the file.
Status write_segment(fs::File &file, memory::AddressSpace &space, const Elf64_Phdr &segment,
                     u64 limit) {
  std::array<std::byte, page_size> page;
  for (u64 done = 0; done < segment.p_filesz; done += page_size) {
    const GuestAddress address{segment.p_vaddr + done};
    const auto mapping = space.mapping_at(address);
    const bool untouched = !mapping->object && !space.frame_of(address.page());
    if (untouched || !space.force_read(address, page).ok())
      continue;
    TINE_TRY(write_at(file, page, segment.p_offset + done, limit));
  }
  return Done{};
}

Status write_core(Thread &thread, const siginfo_t &info, u64 limit) {
  memory::AddressSpace &space = *thread.memory;
  const Ref<fs::File> file = TINE_TRY(make_file(thread, info.si_signo));
  const Bytes notes = make_notes(thread, info);
  const std::vector<Elf64_Phdr> segments = make_segments(space, notes.all().size());
  Bytes start;
  start.add_object(make_header(segments.size()));
  start.add(std::as_bytes(std::span(segments)));
  start.add(notes.all());
  TINE_TRY(write_at(*file, start.all(), 0, limit));
  const u64 size = segments.back().p_offset + segments.back().p_filesz;
  TINE_TRY(file->truncate(std::min(size, limit)));
  for (const Elf64_Phdr &segment : std::span(segments).subspan(1))
    TINE_TRY(write_segment(*file, space, segment, limit));
  return Done{};
}

} // namespace

bool dump_core(Thread &thread, const siginfo_t &info) {
  const Process &process = *thread.process;
  const u64 limit = process.limit(RLIMIT_CORE);
  if (limit == 0 || process.dumpable != 1 || !thread.memory || !thread.fs)
    return false;
  return write_core(thread, info, limit).ok();
}

} // namespace tine::process
