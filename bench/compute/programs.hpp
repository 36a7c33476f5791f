// What bench/compute runs: the workloads of this directory, and programs of the system.
#pragma once

#include "common/measure.hpp"

namespace tine::bench {

struct Program {
  std::string name;
  Command command;
  bool whole_program = false; ///< one of the system's, not one of our loops
};

/// Makes the files that the programs read in `directory`.
void write_inputs(const std::string &directory);

/// Those that are installed. `workloads` is the directory of the built workloads, `scripts` that of
/// the scripts, `inputs` as given to write_inputs.
[[nodiscard]] std::vector<Program>
all_programs(const std::string &workloads, const std::string &scripts, const std::string &inputs);

} // namespace tine::bench
