// execve(2): the new program is built whole beside the old one; only then is the old one given up.
#include "process/lifecycle.hpp"

#include "process/aio.hpp"
#include "process/elf_loader.hpp"
#include "process/exec_stack.hpp"
#include "process/ptrace.hpp"
#include "process/robust_list.hpp"
#include "process/signals.hpp"
#include "process/timers.hpp"
#include "process/tracer.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>

namespace tine::process {
namespace {

/// Where Linux without address randomization puts a position-independent program (two thirds of the
/// address space); a fixed place keeps box runs comparable.
constexpr u64 program_base = 0x555555554000;
constexpr std::size_t script_line_limit = 256; // BINPRM_BUF_SIZE
constexpr int script_depth_limit = 5; // exec_binprm: "this allows 4 levels of binfmt rewrites"

/// EACCES unless it is a regular file that the caller may execute; ETXTBSY if someone may write to
/// it; from then on nobody may, as long as the description lives: execve(2).
Status begin_execution(const Thread &thread, fs::File &file) {
  const struct stat status = TINE_TRY(file.stat());
  const fs::Path *place = file.place();
  if (!S_ISREG(status.st_mode) ||
      (place != nullptr && place->mount && (place->mount->flags & fs::mount_no_exec) != 0))
    return Errno{EACCES};
  const fs::Credentials &ids = thread.credentials;
  u32 permitted = status.st_mode & S_IXOTH;
  if (ids.capable_towards(status.st_uid, status.st_gid, CAP_DAC_OVERRIDE))
    permitted = status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH);
  else if (ids.fsuid == status.st_uid)
    permitted = status.st_mode & S_IXUSR;
  else if (ids.in_group(status.st_gid))
    permitted = status.st_mode & S_IXGRP;
  return permitted != 0 ? file.deny_writers() : Status{Errno{EACCES}};
}

Result<Ref<fs::File>> open_executable(const Thread &thread, const std::string &path) {
  const fs::FileSystemContext &context = *thread.fs;
  auto file = TINE_TRY(fs::open(context, thread.credentials, context.working_directory, path,
                                O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0));
  TINE_TRY(begin_execution(thread, *file));
  return file;
}

/// execve(2): "If the set-user-ID bit is set on the program file …, then the effective user ID of
/// the calling process is changed to that of the owner"; not on a mount with nosuid, nor with
/// no_new_privs. A script's bits are ignored: `file` is its interpreter by now.
Status take_file_ids(const Thread &thread, fs::File &file, fs::Credentials &ids) {
  const fs::Path *place = file.place();
  const bool no_set_id =
      place != nullptr && place->mount && (place->mount->flags & fs::mount_no_suid) != 0;
  if (no_set_id || thread.no_new_privileges)
    return Done{};
  const struct stat status = TINE_TRY(file.stat());
  // bprm_fill_uid: "We ignore suid/sgid if there are no mappings for them in the ns".
  const fs::UserNamespace *space = ids.user_namespace.get();
  if (fs::user_from_box(space, status.st_uid) == fs::no_id ||
      fs::group_from_box(space, status.st_gid) == fs::no_id)
    return Done{};
  if ((status.st_mode & S_ISUID) != 0)
    ids.euid = status.st_uid;
  constexpr mode_t group_bits = S_ISGID | S_IXGRP;
  if ((status.st_mode & group_bits) == group_bits)
    ids.egid = status.st_gid;
  return Done{};
}

/// capabilities(7), "Transformation of capabilities during execve()" and "Capabilities and
/// execution of programs by root"; files have no capabilities of their own here.
void transform_capabilities(fs::Credentials &ids, bool is_set_id, u32 secure_bits) {
  constexpr u64 all = ~u64{0};
  const u32 root = fs::user_to_box(ids.user_namespace.get(), 0);
  const bool is_root = root != fs::no_id && (ids.euid == root || ids.uid == root) &&
                       (secure_bits & SECBIT_NOROOT) == 0;
  if (is_set_id)
    ids.ambient = 0;
  const u64 file_permitted = is_root ? all : 0, file_inheritable = file_permitted;
  if (is_root)
    ids.ambient = 0;
  ids.permitted =
      (ids.inheritable & file_inheritable) | (file_permitted & ids.bounding) | ids.ambient;
  ids.effective = is_root && ids.euid == root ? ids.permitted : ids.ambient;
}

/// Whom the new program acts for.
Result<fs::Credentials> credentials_after(const Thread &thread, fs::File &file) {
  fs::Credentials ids = thread.credentials;
  TINE_TRY(take_file_ids(thread, file, ids));
  const bool is_set_id = ids.euid != ids.uid || ids.egid != ids.gid;
  transform_capabilities(ids, is_set_id, thread.secure_bits);
  // "The effective user ID of the process is copied to the saved set-user-ID".
  ids.suid = ids.fsuid = ids.euid;
  ids.sgid = ids.fsgid = ids.egid;
  return ids;
}

struct ScriptLine {
  std::string interpreter;
  std::string argument; ///< empty: none
};

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// The `#!` line of load_script: the interpreter, and the rest as one argument. ENOEXEC.
Result<ScriptLine> parse_script_line(std::string_view start) {
  const bool whole_line = start.find('\n') != std::string_view::npos;
  std::string_view line =
      start.substr(2, start.find('\n') == std::string_view::npos ? std::string_view::npos
                                                                 : start.find('\n') - 2);
  line = line.substr(0, line.find('\0'));
  while (!line.empty() && is_blank(line.back()))
    line.remove_suffix(1);
  while (!line.empty() && is_blank(line.front()))
    line.remove_prefix(1);
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  // "The kernel truncates an overlong line, but never the interpreter's path."
  if (line.empty() || (!whole_line && start.size() == script_line_limit && end == line.size()))
    return Errno{ENOEXEC};
  std::string_view argument = line.substr(end);
  while (!argument.empty() && is_blank(argument.front()))
    argument.remove_prefix(1);
  return ScriptLine{std::string(line.substr(0, end)), std::string(argument)};
}

/// Replaces scripts by their interpreters until a file is none.
Status resolve_scripts(const Thread &thread, ExecArguments &arguments) {
  std::string script = arguments.path;
  for (int depth = 0;; ++depth) {
    char start[script_line_limit];
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(start));
    memory::IoBuffer buffer(bytes);
    const u64 size = TINE_TRY(arguments.file->read_at(buffer, 0));
    if (size < 2 || start[0] != '#' || start[1] != '!')
      return Done{};
    if (depth == script_depth_limit)
      return Errno{ELOOP};
    if (arguments.path_closes) // execveat(2), BUGS: "a script … with a close-on-exec flag"
      return Errno{ENOENT};
    ScriptLine line = TINE_TRY(parse_script_line({start, size}));
    std::vector<std::string> replaced{line.interpreter};
    if (!line.argument.empty())
      replaced.push_back(std::move(line.argument));
    replaced.push_back(script);
    if (!arguments.arguments.empty())
      replaced.insert(replaced.end(), std::make_move_iterator(arguments.arguments.begin() + 1),
                      std::make_move_iterator(arguments.arguments.end()));
    arguments.arguments = std::move(replaced);
    arguments.file = TINE_TRY(open_executable(thread, line.interpreter));
    script = line.interpreter;
  }
}

struct Program {
  Ref<memory::AddressSpace> space;
  u64 entry = 0;
  GuestAddress stack_pointer;
};

/// What is known of the files before the old program is given up.
struct Images {
  ElfImage program;
  std::optional<ElfImage> interpreter;
  Ref<fs::File> interpreter_file;
};

Result<Images> read_images(const Thread &thread, fs::File &file) {
  Images images{TINE_TRY(ElfImage::parse(file)), std::nullopt, nullptr};
  if (!images.program.interpreter)
    return images;
  images.interpreter_file = TINE_TRY(open_executable(thread, *images.program.interpreter));
  const auto interpreter = ElfImage::parse(*images.interpreter_file);
  if (!interpreter.ok())
    return interpreter.error() == Errno{ENOEXEC} ? Errno{ELIBBAD} : interpreter.error();
  images.interpreter = *interpreter;
  return images;
}

/// Maps program, interpreter and stack into a new address space. An error here means headers that
/// lie: Linux has given up the old program by then and kills it.
Result<Program> build_program(const Thread &thread, const ExecArguments &arguments,
                              const Images &images, const fs::Credentials &credentials) {
  const Process &process = *thread.process;
  Program program;
  program.space = TINE_TRY(memory::AddressSpace::create(thread.kernel.host.frames));
  memory::AddressSpace &space = *program.space;
  space.limits() = {process.limit(RLIMIT_AS), process.limit(RLIMIT_DATA),
                    process.limit(RLIMIT_STACK)};
  const LoadedImage loaded =
      TINE_TRY(map_image(space, *arguments.file, images.program, program_base));
  program.entry = loaded.entry;
  u64 interpreter_base = 0;
  if (images.interpreter) {
    const LoadedImage interpreter =
        TINE_TRY(map_image(space, *images.interpreter_file, *images.interpreter, 0));
    program.entry = interpreter.entry;
    interpreter_base = interpreter.bias;
  }
  memory::AddressSpace::Layout &layout = space.layout();
  layout.code_start = GuestAddress{loaded.code_start};
  layout.code_end = GuestAddress{loaded.code_end};
  layout.data_start = GuestAddress{loaded.data_start};
  layout.data_end = GuestAddress{loaded.data_end};
  space.set_heap_start(GuestAddress{round_up_to_page(loaded.end)});
  program.stack_pointer = TINE_TRY(
      make_stack(space, {arguments.arguments, arguments.environment, arguments.path, credentials,
                         loaded.entry, interpreter_base, loaded.program_headers,
                         images.program.program_header_count, images.program.executable_stack}));
  return program;
}

/// execve(2): "signals that are being caught are reset to their default; ignored ones stay
/// ignored".
void reset_handlers(Thread &thread) {
  if (thread.handlers->reference_count() > 1)
    thread.handlers = thread.handlers->clone();
  thread.handlers->reset_caught();
}

/// "The thread that calls execve takes over the process's pid."
void become_leader(Thread &thread) {
  Process &process = *thread.process;
  if (thread.tid == process.pid)
    return;
  const Pid old_tid = thread.tid;
  thread.kernel.remove_thread(thread);
  thread.tid = process.pid;
  thread.kernel.add_thread(thread);
  trace_new_tid(thread, old_tid);
}

std::string base_name(const std::string &path) {
  constexpr std::size_t longest_name = 15; // TASK_COMM_LEN
  return path.substr(path.rfind('/') + 1).substr(0, longest_name);
}

/// The registers that a program starts with: rdx 0 (no function to register with atexit), and so
/// on.
cpu::CpuState initial_registers(const Program &program) {
  cpu::CpuState state;
  state.rip = program.entry;
  state.gpr[cpu::rsp] = program.stack_pointer.value;
  return state;
}

void replace_memory(Thread &thread, Ref<memory::AddressSpace> space) {
  if (thread.memory) {
    release_robust_list(thread);
    thread.kernel.futexes->hand_over_locks_of(thread);
    leave_address_space(thread);
  }
  release_vfork_parent(thread);
  thread.memory = std::move(space);
  thread.kernel.host.machine.attach(*thread.memory);
}

/// Point of no return: the attributes that execve(2) lists change; all others are preserved.
void commit(Thread &thread, Program program, const ExecArguments &arguments) {
  Process &process = *thread.process;
  const Pid old_tid = thread.tid;
  become_leader(thread);
  replace_memory(thread, std::move(program.space));
  thread.cpu = initial_registers(program);
  if (thread.files->reference_count() > 1)
    thread.files = thread.files->clone();
  thread.files->close_on_exec();
  reset_handlers(thread);
  thread.alternate_stack = {};
  thread.clear_child_tid = {};
  thread.robust_list = {};
  thread.secure_bits &= ~u32{SECBIT_KEEP_CAPS};
  thread.rseq = {};
  process.asynchronous_io = nullptr;
  thread.name = base_name(arguments.path);
  if (process.timers)
    process.timers->remove_all_posix();
  process.executable = arguments.file->description();
  process.executable_file = arguments.file;
  process.has_execed = true;
  process.exit_signal = SIGCHLD;
  process.dumpable = 1;
  if (thread.trace)
    trace_exec(thread, old_tid);
  ++thread.kernel.counters.execs;
}

/// Other ids than the caller's own make the process undumpable, and its parent's death no business
/// of its: prctl(2), PR_SET_DUMPABLE and PR_SET_PDEATHSIG.
void take_credentials(Thread &thread, fs::Credentials credentials) {
  const fs::Credentials &old = thread.credentials;
  if (credentials.euid != old.euid || credentials.egid != old.egid ||
      credentials.euid != credentials.uid || credentials.egid != credentials.gid) {
    thread.process->dumpable = 0;
    thread.process->parent_death_signal = 0;
  }
  thread.credentials = std::move(credentials);
}

} // namespace

Status execute(Thread &thread, ExecArguments arguments) {
  TINE_TRY(begin_execution(thread, *arguments.file));
  // Linux 5.18: a program never sees an empty argument list.
  if (arguments.arguments.empty())
    arguments.arguments.emplace_back();
  TINE_TRY(check_argument_size(arguments.arguments, arguments.environment,
                               thread.process->limit(RLIMIT_STACK)));
  if (arguments.is_check)
    return Done{};
  TINE_TRY(resolve_scripts(thread, arguments));
  const Images images = TINE_TRY(read_images(thread, *arguments.file));
  fs::Credentials credentials = TINE_TRY(credentials_after(thread, *arguments.file));
  const memory::FrameArena &frames = thread.kernel.host.frames;
  const u64 refusals = frames.refusals();
  auto program = build_program(thread, arguments, images, credentials);
  // There was no memory for it: the old program, which is still whole, hears of it.
  if (!program.ok() && program.error() == Errno{ENOMEM} && frames.refusals() != refusals)
    return program.error();
  if (!exit_other_threads(thread))
    return Errno{ERESTART};
  if (!program.ok()) {
    force_signal(thread, kernel_signal(SIGSEGV));
    return program.error();
  }
  commit(thread, *std::move(program), arguments);
  take_credentials(thread, std::move(credentials));
  return Done{};
}

Result<Ref<Process>> create_init(Kernel &kernel, InitArguments arguments, Entry entry) {
  const Pid pid = TINE_TRY(kernel.allocate_pid());
  auto process = make_ref<Process>(kernel, pid);
  auto thread = make_ref<Thread>(kernel, pid);
  process->start_time = time::TimerQueue::now();
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    process->limits[static_cast<std::size_t>(resource)] = {limit.rlim_cur, limit.rlim_max};
  }
  thread->process = process.get();
  thread->files = std::move(arguments.files);
  thread->fs = std::move(arguments.fs);
  thread->handlers = make_ref<SignalHandlers>();
  for (int signal = 1; signal <= 64; ++signal)
    if (arguments.ignored_signals.contains(signal))
      thread->handlers->writable(signal).handler = 1;
  thread->credentials = std::move(arguments.credentials);
  thread->signal_mask = arguments.blocked_signals;
  // A list of threads that execute() can see; undone below if it fails.
  process->threads.push_back(thread);
  const ExecArguments program = arguments.exec;
  if (Status status = execute(*thread, std::move(arguments.exec)); !status.ok()) {
    process->threads.clear();
    return status.error();
  }
  if (kernel.tracer)
    kernel.tracer->started(*thread, program.path, program.arguments, program.environment);
  process->has_execed = false;
  if (entry == Entry::main)
    kernel.main_pid = pid;
  kernel.make_reaper(thread->fs);
  process->parent = kernel.find_process(Kernel::reaper_pid);
  process->parent->children.push_back(process.get());
  kernel.set_group(*process, pid);
  kernel.set_session(*process, entry == Entry::main ? Kernel::reaper_pid : pid);
  kernel.add_process(process);
  kernel.add_thread(*thread);
  kernel.host.scheduler.make_runnable(*thread);
  return process;
}

} // namespace tine::process
