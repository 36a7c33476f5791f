// What the host process may ask of the host once the box runs: a seccomp filter.
#pragma once

namespace tine::box {

/// What the box needs besides what every box needs.
struct HostFilterOptions {
  bool host_files_change = false; ///< a read-write bind
  bool host_network = false;
  bool keeps_code = false; ///< translated code is written to a file at the end
  /// The thread answers commands on a socket that is there already, and removes it at the end.
  bool answers_commands = false;
};

/// Locks the calling thread, and every thread that it makes from now on, into the system calls that
/// tine makes while a box runs: no new program, no process besides this one, no executable memory
/// besides the code cache, no tracing, no sockets and no changed files unless an option asked for
/// them. Another call is not carried out: a line on standard error names it, and tine ends with
/// status 128 + SIGSYS. Sets no_new_privs. It can't be taken back. std::runtime_error if the host
/// refuses.
void install_host_filter(const HostFilterOptions &options);

} // namespace tine::box
