// `tine run`: a program in a new box, with the caller's standard streams or in the background.
#pragma once

#include "box/box.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace tine::cli {

/// Owns what its options are parsed into; must outlive the parse.
class RunCommand {
public:
  explicit RunCommand(CLI::App &app);
  /// What the command line has after its first "--".
  void set_after_separator(std::vector<std::string> rest) { after_separator_ = std::move(rest); }
  /// Runs the box; the exit status of the command.
  [[nodiscard]] int execute();

private:
  [[nodiscard]] box::BoxOptions box_options() const;
  [[nodiscard]] box::RuntimeOptions runtime_options() const;
  [[nodiscard]] int start_in_background();

  CLI::App *run_ = nullptr;
  std::optional<std::vector<std::string>> after_separator_;
  std::string root_ = "/";
  std::vector<std::string> binds_, secrets_;
  std::string working_directory_;
  std::vector<std::string> environment_;
  bool clear_environment_ = false;
  std::string hostname_ = "tine";
  std::string user_;
  std::string memory_;
  u32 cpus_ = 0;
  u32 process_limit_ = 32768;
  std::string page_tables_ = "shared";
  std::string network_ = "none";
  std::string code_cache_; ///< empty: the default directory
  bool no_seccomp_ = false;
  bool detach_ = false, terminal_ = false, remove_at_end_ = false;
  std::string name_, log_size_;
  std::optional<std::string> strace_, stats_; ///< a file; empty: standard error
};

} // namespace tine::cli
