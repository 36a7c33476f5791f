// The commands about boxes in the background: ps, fork, save, restore, exec, attach, logs, wait,
// kill, pause, resume, rm, cp, diff.
#pragma once

#include "daemon/protocol.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tine::cli {

/// Owns what the options are parsed into; must outlive the parse.
class BoxCommands {
public:
  explicit BoxCommands(CLI::App &app);
  /// What the command line has after its first "--".
  void set_after_separator(std::vector<std::string> rest) { after_separator_ = std::move(rest); }
  /// Carries out the command that was parsed: the exit status; nothing if it was none of these.
  [[nodiscard]] std::optional<int> execute();

private:
  using Run = std::function<int()>;
  CLI::App *add(CLI::App &app, const char *name, const char *description, Run run);
  void add_looking(CLI::App &app);
  void add_changing(CLI::App &app);
  void add_saving(CLI::App &app);
  void add_exec(CLI::App &app);
  void add_streams(CLI::App &app);

  int ps();
  int fork();
  int save();
  int restore();
  int exec();
  int attach();
  int logs();
  int wait();
  int kill();
  int cp();
  int diff();
  /// One request for each named box; 125 if one was refused, with a message for each that was.
  int for_each_box(const std::function<void(const std::string &name)> &act);
  int request_for_each(const daemon::json &request);

  std::vector<std::pair<CLI::App *, Run>> commands_;
  std::optional<std::vector<std::string>> after_separator_;
  CLI::App *exec_ = nullptr;
  std::string box_;
  std::vector<std::string> boxes_;
  bool quiet_ = false, json_ = false;
  int count_ = 1;
  bool listen_ = false, with_secrets_ = false;
  bool interactive_ = false, terminal_ = false;
  std::vector<std::string> environment_;
  std::string working_directory_, user_;
  bool no_input_ = false, keep_input_open_ = false, from_start_ = false;
  bool follow_ = false;
  std::optional<std::uint64_t> tail_;
  std::string signal_ = "KILL";
  bool force_ = false;
  std::string source_, destination_;
  std::string file_, name_, memory_, network_ = "none";
  unsigned cpus_ = 0;
  std::vector<std::string> writable_;
  bool remove_at_end_ = false, no_seccomp_ = false;
};

/// A connection to the host process that keeps the box. Failure if there is none.
[[nodiscard]] daemon::Connection connect_to(const std::string &box);

/// `tine cp`; one of both is BOX:PATH.
int copy_files(const std::string &source, const std::string &destination);

} // namespace tine::cli
