// Where translations are kept between runs: one file for each program that boxes are started with.
#pragma once

#include "base/unique_fd.hpp"
#include "cpu/vcpu.hpp"
#include "fs/file.hpp"

#include <string>

namespace tine::box {

/// A directory of the caller's that nobody else may write, made if need be; without one (no home, a
/// foreign owner, no room) translations are not kept, and nothing is said: it is a cache. The files
/// hold host code that runs as it stands, so who may write them may run code as the caller.
class CodeStore {
public:
  /// `directory`: "" for ${XDG_CACHE_HOME:-$HOME/.cache}/tine, "off" for none.
  explicit CodeStore(const std::string &directory);

  /// Hands the machine what an earlier run with this program left. Kernel lock held, before the
  /// program runs.
  void load(cpu::Machine &machine, const std::string &name, fs::File &program);
  /// Keeps what was translated, if that is enough to be worth a file. All vCPUs have ended.
  void save(cpu::Machine &machine) const;

private:
  /// The file was read whole for little so often that it is better made anew, from what runs use.
  [[nodiscard]] static bool is_wasteful(int file);
  void count_run(const cpu::Machine &machine) const;

  UniqueFd directory_;
  std::string file_name_; ///< empty: nothing to save under
  bool is_loaded_ = false;
};

} // namespace tine::box
