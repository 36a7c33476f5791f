// A box: one sandbox, what `tine run` starts.
#pragma once

#include "box/runtime.hpp"
#include "fs/control_device.hpp"
#include "process/kernel.hpp"
#include "process/process.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tine::box {

/// `--bind SRC[:DST][:ro|rw]`
struct Bind {
  std::string source;
  std::string target;
  bool writable = false;
};

/// `--secret FILE[:NAME]`: a file of the host that the box has as /run/secrets/NAME, a copy of what
/// it is at the start, and forks of the box have not unless they are given it.
struct Secret {
  std::string source;
  std::string name;
};

/// Standard streams that lead to tine: Kernel::console has their other ends.
enum class Console : u8 { none, pipes, terminal };

struct BoxOptions {
  std::string program;                ///< looked up in the box's PATH if it has no slash
  std::vector<std::string> arguments; ///< argv, the name first
  std::vector<std::string> environment;
  std::string root = "/"; ///< host directory that the box sees as /
  std::vector<Bind> binds;
  std::vector<Secret> secrets;
  std::string working_directory; ///< in the box; empty: the caller's if the box has it, else /
  std::string hostname = "tine";
  u32 uid = 0, gid = 0;
  std::vector<u32> groups;
  u32 process_limit = 32768;
  memory::ForkMechanism fork_mechanism = memory::ForkMechanism::shared;
  bool host_network = false;
  std::optional<std::string> strace_file; ///< empty: standard error
  /// What the box has as standard input, output and error; -1 of all three: tine's own.
  fs::StandardStreams streams;
  Console console = Console::none; ///< else `streams` are not looked at
  Ref<fs::BoxControl> control;     ///< null: the box has no /dev/tine
};

/// Why a box could not be started, for the person who asked: a message and the exit status (126:
/// the program can't be executed, 127: there is no such program, 125: the rest).
struct StartFailure {
  std::string message;
  int exit_status = 125;
};

/// A program in a box gets no further fork when the family has so many boxes: ENOSPC.
inline constexpr std::size_t most_boxes = 10'000;

/// What Box::add_process started.
struct AddedProcess {
  Ref<process::Process> process;
  Ref<fs::File> terminal; ///< the master, with Console::terminal
};

/// What a further process begins with, as the box's first did; kept with a saved box.
struct Surroundings {
  std::vector<std::string> environment;
  std::string working_directory; ///< in the box
  u32 uid = 0, gid = 0;
  std::vector<u32> groups;
  void archive(Archive &archive) { archive(environment, working_directory, uid, gid, groups); }
};

/// How a saved box goes on.
struct RestoreOptions {
  fs::StandardStreams streams;       ///< of what it had from the host; what isn't given: /dev/null
  std::vector<std::string> writable; ///< binds that it may go on writing to, by their source
  bool host_network = false;         ///< whether it may go on using the host's network
  Ref<fs::BoxControl> control;
  bool frozen = false; ///< until thaw()
};

/// Owned by the command, or by who forked it. Lives as long as its runtime at most.
class Box {
public:
  explicit Box(Runtime &runtime);
  /// Ends all processes of the box at once, without a word to them.
  ~Box();
  Box(const Box &) = delete;
  Box &operator=(const Box &) = delete;

  /// Makes the kernel, the file tree and the first process, and lets it run.
  [[nodiscard]] std::optional<StartFailure> start(const BoxOptions &options);
  /// Waits for the end of the first process: its status as wait4(2) reports it. A box that is
  /// stopped is waited for.
  [[nodiscard]] int wait_for_end();
  /// The status, if the first process has ended.
  [[nodiscard]] std::optional<int> exit_status();
  /// SIGKILL to every process of the box.
  void kill();

  /// A copy of the running box: all processes with their memory and files, at one instant. Both go
  /// on from there. `streams` are the copy's standard input, output and error; one that isn't given
  /// is shared with this box. While the box runs, from any host thread but vCPUs.
  [[nodiscard]] std::variant<std::unique_ptr<Box>, StartFailure> fork(fs::StandardStreams streams,
                                                                      fs::ForkRights rights = {});

  /// Writes the box to the file, which is empty: all processes with their memory and files, at one
  /// instant (docs/snapshot-format.md). The box goes on meanwhile, after as long as a fork takes.
  /// From any host thread but vCPUs.
  [[nodiscard]] std::optional<StartFailure> save(int file, Surroundings surroundings);
  /// The box that was saved. Pages of its memory are read when they are used.
  [[nodiscard]] static std::variant<std::unique_ptr<Box>, StartFailure>
  restore(Runtime &runtime, UniqueFd file, RestoreOptions options, Surroundings &surroundings);

  /// A further process in the running box, a child of the reaper in a session of its own. Of the
  /// options those of the program count: what it is called with, who it is, where it begins (empty:
  /// /), its streams. With Console::terminal it has a new terminal of the box.
  [[nodiscard]] std::variant<AddedProcess, StartFailure> add_process(const BoxOptions &options);
  /// No thread of the box runs until thaw(); the box can't tell, except by the clock.
  void freeze();
  void thaw();
  /// Lets the box run until a thread of it, none that is traced by another, is about to make the
  /// system call; then it is frozen. False: it ended, or the deadline came first, and it runs on.
  [[nodiscard]] bool run_until_call(u64 number, const Runtime::Deadline &deadline);
  [[nodiscard]] process::Kernel &kernel() { return *kernel_; }
  [[nodiscard]] process::Process &first_process() { return *init_; }

private:
  [[nodiscard]] Ref<fs::FdTable> make_descriptors(const fs::StandardStreams &given);
  /// Makes Kernel::console, and the streams that lead to it.
  [[nodiscard]] Result<Ref<fs::FdTable>> make_console(Console kind,
                                                      const fs::FileSystemContext &context);
  [[nodiscard]] std::optional<StartFailure> open_strace(const BoxOptions &options);

  Runtime &runtime_;
  std::unique_ptr<process::Kernel> kernel_;
  Ref<process::Process> init_;
};

} // namespace tine::box
