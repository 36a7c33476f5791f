// tine: run Linux programs in a box, and fork the box while it runs.
//
//   tine::Box box = tine::Box::start({.arguments = {"python3", "server.py"}});
//   box.read_until("ready");
//   tine::Box copy = box.fork();        // microseconds, whatever the size
//   copy.write("request\n");
//   std::cout << *copy.read_line();
//
// A box and its forks are one family: they share host threads, memory and translated code, and
// nothing that a program in them could see. Every function may be called from any thread, one at a
// time for each box.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tine {

/// What went wrong, for a person. `exit_status` is what a shell would report: 127 there is no such
/// program, 126 it can't be executed, 125 all else.
class Error : public std::runtime_error {
public:
  Error(const std::string &message, int exit_status_)
      : std::runtime_error(message), exit_status(exit_status_) {}
  int exit_status;
};

/// Where a standard stream of a box leads.
enum class Stream : std::uint8_t {
  pipe,    ///< to this program, by the Box: write(), read_line()
  inherit, ///< where this program's own leads
  null,    ///< /dev/null
};

/// The standard streams of a box, or of a fork. Of standard error, a pipe is standard output's.
struct Streams {
  Stream input = Stream::pipe;
  Stream output = Stream::pipe;
  Stream error = Stream::inherit;
};

/// A directory of the host that the box sees.
struct BindMount {
  std::string source; ///< on the host
  std::string target; ///< in the box
  bool writable = false;
};

/// A file of the host that the box has as /run/secrets/NAME, as it is at the start, and that forks
/// don't have unless they are given it; what the program has read of it is in its memory.
struct SecretFile {
  std::string source; ///< on the host
  std::string name;   ///< in the box
};

struct BoxOptions {
  std::vector<std::string> arguments = {};   ///< the program, looked up in PATH, and its arguments
  std::vector<std::string> environment = {}; ///< "NAME=value"; empty: this program's
  std::string root = "/"; ///< host directory that the box sees as /, never changed
  std::vector<BindMount> binds = {};
  std::vector<SecretFile> secrets = {};
  std::string working_directory = "/";
  std::string hostname = "tine";
  bool host_network = false; ///< else loopback alone
  Streams streams = {};
  // Of the family:
  unsigned vcpus = 0;             ///< host threads that run guest code; 0: one for each core
  std::uint64_t memory_bytes = 0; ///< most memory of all boxes together; 0: 64 GiB
};

/// What a fork has, beside what it is a copy of.
struct ForkOptions {
  Streams streams = {};
  bool listen = false;  ///< with host_network: sockets that listen do so in the fork, too, and each
                        ///< connection goes to who accepts it first; else they get none
  bool secrets = false; ///< the files of BoxOptions::secrets; else they are not there
};

/// How a saved box goes on.
struct RestoreOptions {
  Streams streams = {};
  /// Directories of the host that the box had as writable binds, and may go on writing to.
  std::vector<std::string> writable = {};
  bool host_network = false; ///< whether it may go on using the host's network
  // Of the family:
  unsigned vcpus = 0;
  std::uint64_t memory_bytes = 0;
};

/// A running box. Ends, with all its processes, when it is destroyed. A moved-from one can only be
/// destroyed or assigned to.
class Box {
public:
  using Timeout = std::optional<std::chrono::milliseconds>; ///< none: for ever

  /// Starts a program in a box of a family of its own. Error.
  [[nodiscard]] static Box start(const BoxOptions &options);
  /// A copy of the box at this instant: all processes with their memory, files, pipes and timers.
  /// Both go on from here; the copy's standard streams are new, so what was written to this box and
  /// not read by it yet isn't in the copy. Error if the box has ended or holds something that can't
  /// be copied.
  [[nodiscard]] Box fork(const ForkOptions &options = {});

  /// Writes the box at this instant to a file, which has its name when it is whole; the box runs
  /// on meanwhile. As in a fork, what the standard streams hold isn't in it. Error.
  void save(const std::string &path);
  /// A box in a family of its own that goes on from where it was saved. Its memory is read from the
  /// file when it is used, so it is ready at once, whatever its size; the file must stay. To have
  /// it several times, fork it: the forks share what was read. Error if the file is damaged, of
  /// another version, or needs what this machine doesn't have.
  [[nodiscard]] static Box restore(const std::string &path, const RestoreOptions &options = {});

  Box(Box &&other) noexcept;
  Box &operator=(Box &&other) noexcept;
  ~Box();

  /// To the box's standard input. Blocks while the pipe is full. False if nobody reads any more.
  bool write(std::string_view bytes);
  /// The box reads the end of its input.
  void close_input();
  /// The next line of output, without the newline; the rest if the output ends without one. Nothing
  /// at the end and after the timeout. A box whose output nobody reads blocks.
  [[nodiscard]] std::optional<std::string> read_line(Timeout timeout = {});
  /// Reads lines until one is `line`. False at the end of output or after the timeout.
  bool read_until(std::string_view line, Timeout timeout = {});
  /// All that comes until the output ends.
  [[nodiscard]] std::string read_all();

  /// Lets the box run until one of its threads is about to make the system call `name`; then the
  /// box stands still, and makes the call when it goes on, as its forks do at once. Calls of a
  /// process that another one traces don't count. False if the box ends before, or after the
  /// timeout: then it runs on. Error if there is no such call.
  bool run_until_call(std::string_view name, Timeout timeout = {});
  /// Lets the box run for so long, and then stand still. False if it has ended.
  bool run_for(std::chrono::milliseconds time);
  /// No thread of the box runs until resume(). A box can't tell, except by the clock.
  void pause();
  void resume();

  /// The pids of the box's processes, ascending; the first is the program that was started, or
  /// what took its place.
  [[nodiscard]] std::vector<int> processes() const;
  /// Bytes of a process's memory. Error if there is no such process or not all of it is mapped.
  [[nodiscard]] std::string read_memory(int process, std::uint64_t address, std::size_t size) const;
  void write_memory(int process, std::uint64_t address, std::string_view bytes);
  /// A file of the box, as it is now, and making or replacing one; rights don't matter. Error.
  [[nodiscard]] std::string read_file(const std::string &path) const;
  void write_file(const std::string &path, std::string_view bytes, unsigned mode = 0644);

  /// Waits for the end of the first process: its exit status, 128 + n if signal n killed it. A box
  /// that stands still goes on.
  int wait();
  /// The same if it has ended already.
  [[nodiscard]] std::optional<int> exit_status() const;
  /// SIGKILL to every process.
  void kill();

private:
  struct State;
  explicit Box(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

} // namespace tine
