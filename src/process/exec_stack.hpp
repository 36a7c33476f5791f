// The stack that a new program starts with: strings, auxiliary vector, envp, argv, argc.
#pragma once

#include "fs/credentials.hpp"
#include "memory/address_space.hpp"

#include <string>
#include <vector>

namespace tine::process {

struct StackContents {
  const std::vector<std::string> &arguments;
  const std::vector<std::string> &environment;
  const std::string &path; ///< AT_EXECFN
  const fs::Credentials &credentials;
  u64 entry = 0, interpreter_base = 0, program_headers = 0;
  u16 program_header_count = 0;
  bool executable_stack = false;
};

/// E2BIG by the limits of execve(2): 128 KiB a string, a quarter of the stack's limit in all.
[[nodiscard]] Status check_argument_size(const std::vector<std::string> &arguments,
                                         const std::vector<std::string> &environment,
                                         u64 stack_limit);

/// Maps the stack, writes its contents and the space's layout; the initial stack pointer. ENOMEM.
[[nodiscard]] Result<GuestAddress> make_stack(memory::AddressSpace &space,
                                              const StackContents &contents);

} // namespace tine::process
