#include "process/exec_stack.hpp"

#include "cpu/vcpu.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <elf.h>
#include <sys/random.h>

namespace tine::process {
namespace {

constexpr u64 longest_string = 128 * 1024; // MAX_ARG_STRLEN, with its NUL
constexpr u64 argument_floor = 128 * 1024; // ARG_MAX
constexpr u64 argument_ceiling = 6 << 20;  // _STK_LIM / 4 * 3
constexpr u64 stack_reserve = 128 * 1024;  // mapped below the contents from the start
constexpr u64 clock_ticks = 100;

/// Lays bytes down from the top of the stack, and keeps them until they are written in one piece.
class StackWriter {
public:
  explicit StackWriter(u64 top) : address_(top) {}

  u64 push(std::span<const std::byte> bytes) {
    address_ -= bytes.size();
    // Kept in reverse, so that growth is at the end.
    reversed_.insert(reversed_.end(), bytes.rbegin(), bytes.rend());
    return address_;
  }
  u64 push_string(const std::string &text) {
    return push(std::as_bytes(std::span(text.c_str(), text.size() + 1)));
  }
  void align(u64 alignment) {
    const u64 aligned = address_ & ~(alignment - 1);
    reversed_.resize(reversed_.size() + (address_ - aligned));
    address_ = aligned;
  }
  [[nodiscard]] u64 address() const { return address_; }
  [[nodiscard]] std::vector<std::byte> bytes() const {
    return {reversed_.rbegin(), reversed_.rend()};
  }

private:
  u64 address_;
  std::vector<std::byte> reversed_;
};

std::vector<u64> push_strings(StackWriter &stack, const std::vector<std::string> &strings) {
  std::vector<u64> addresses(strings.size());
  for (std::size_t i = strings.size(); i-- > 0;)
    addresses[i] = stack.push_string(strings[i]);
  return addresses;
}

struct StringAddresses {
  u64 random = 0, path = 0, platform = 0;
};

std::vector<u64> auxiliary_vector(const StackContents &contents, const StringAddresses &strings) {
  const fs::Credentials &ids = contents.credentials;
  // AT_MINSIGSTKSZ: the frame, the XSAVE area and their alignment.
  const u64 smallest_signal_stack = 440 + 128 + 64 + 16 + 4 + cpu::CpuState::xsave_size();
  constexpr u64 at_minsigstksz = 51;
  return {AT_HWCAP,       cpu::guest_hwcap(),
          AT_PAGESZ,      page_size,
          AT_CLKTCK,      clock_ticks,
          AT_PHDR,        contents.program_headers,
          AT_PHENT,       sizeof(Elf64_Phdr),
          AT_PHNUM,       contents.program_header_count,
          AT_BASE,        contents.interpreter_base,
          AT_FLAGS,       0,
          AT_ENTRY,       contents.entry,
          AT_UID,         ids.uid,
          AT_EUID,        ids.euid,
          AT_GID,         ids.gid,
          AT_EGID,        ids.egid,
          AT_SECURE,      ids.uid != ids.euid || ids.gid != ids.egid,
          AT_RANDOM,      strings.random,
          AT_HWCAP2,      cpu::guest_hwcap2(),
          AT_EXECFN,      strings.path,
          AT_PLATFORM,    strings.platform,
          at_minsigstksz, smallest_signal_stack,
          AT_NULL,        0};
}

Status map_stack(memory::AddressSpace &space, u64 top, u64 contents_size, bool executable) {
  memory::MapRequest request;
  request.length = round_up_to_page(contents_size) + stack_reserve;
  request.address = GuestAddress{top - request.length};
  request.protection = {true, true, executable};
  request.fixed = true;
  request.grows_down = true;
  request.name = "[stack]";
  TINE_TRY(space.map(request));
  return Done{};
}

} // namespace

Status check_argument_size(const std::vector<std::string> &arguments,
                           const std::vector<std::string> &environment, u64 stack_limit) {
  const u64 limit = std::max(argument_floor, std::min(argument_ceiling, stack_limit / 4));
  u64 size = (arguments.size() + environment.size()) * sizeof(u64);
  for (const auto *strings : {&arguments, &environment}) {
    for (const std::string &text : *strings) {
      if (text.size() + 1 > longest_string)
        return Errno{E2BIG};
      size += text.size() + 1;
    }
  }
  return size > limit ? Status{Errno{E2BIG}} : Status{Done{}};
}

Result<GuestAddress> make_stack(memory::AddressSpace &space, const StackContents &contents) {
  const u64 top = user_address_limit;
  StackWriter stack(top);
  stack.push(std::array<std::byte, 8>{});
  StringAddresses strings;
  strings.path = stack.push_string(contents.path);
  memory::AddressSpace::Layout &layout = space.layout();
  layout.environment_end = GuestAddress{stack.address()};
  const std::vector<u64> environment = push_strings(stack, contents.environment);
  layout.environment_start = layout.arguments_end = GuestAddress{stack.address()};
  const std::vector<u64> arguments = push_strings(stack, contents.arguments);
  layout.arguments_start = GuestAddress{stack.address()};
  stack.align(16);
  strings.platform = stack.push_string("x86_64");
  std::array<std::byte, 16> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    return Errno{EIO};
  strings.random = stack.push(random);

  layout.auxiliary_vector =
      std::make_shared<const std::vector<u64>>(auxiliary_vector(contents, strings));
  std::vector<u64> words{arguments.size()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.push_back(0);
  words.insert(words.end(), environment.begin(), environment.end());
  words.push_back(0);
  words.insert(words.end(), layout.auxiliary_vector->begin(), layout.auxiliary_vector->end());
  // The ABI wants the stack pointer, where argc is, aligned to 16.
  stack.align(16);
  if (words.size() % 2 != 0)
    stack.push(std::array<std::byte, 8>{});
  const GuestAddress stack_pointer{stack.push(std::as_bytes(std::span(words)))};

  layout.stack_start = stack_pointer;
  TINE_TRY(map_stack(space, top, top - stack_pointer.value, contents.executable_stack));
  TINE_TRY(space.write(stack_pointer, stack.bytes()));
  return stack_pointer;
}

} // namespace tine::process
