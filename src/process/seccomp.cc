#include "process/seccomp.hpp"

#include "process/process.hpp"
#include "process/thread.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace tine::process {
namespace {

constexpr u64 most_instructions_of_all = 32768; // MAX_INSNS_PER_PATH
constexpr u64 cost_of_a_program = 4;
constexpr std::size_t data_bytes = sizeof(seccomp_data);

/// How an instruction of a program must be.
enum class Form : u8 {
  unknown,
  plain,
  load_data,   ///< k: a word of seccomp_data
  divisor,     ///< k: not zero
  shift_count, ///< k: below 32
  load_memory, ///< k: a word of the scratch memory that was stored to
  store_memory,
  jump,        ///< k: how far
  conditional, ///< jt, jf: how far
};

/// seccomp_check_filter: fewer kinds than socket filters have.
Form form_of(u16 code) {
  switch (code) {
  case BPF_LD | BPF_ABS: // BPF_W is 0
    return Form::load_data;
  case BPF_LD | BPF_LEN:
  case BPF_LDX | BPF_LEN:
  case BPF_RET | BPF_K:
  case BPF_RET | BPF_A:
  case BPF_ALU | BPF_ADD | BPF_K: // NOLINT(misc-redundant-expression): both are 0
  case BPF_ALU | BPF_ADD | BPF_X:
  case BPF_ALU | BPF_SUB | BPF_K:
  case BPF_ALU | BPF_SUB | BPF_X:
  case BPF_ALU | BPF_MUL | BPF_K:
  case BPF_ALU | BPF_MUL | BPF_X:
  case BPF_ALU | BPF_DIV | BPF_X:
  case BPF_ALU | BPF_AND | BPF_K:
  case BPF_ALU | BPF_AND | BPF_X:
  case BPF_ALU | BPF_OR | BPF_K:
  case BPF_ALU | BPF_OR | BPF_X:
  case BPF_ALU | BPF_XOR | BPF_K:
  case BPF_ALU | BPF_XOR | BPF_X:
  case BPF_ALU | BPF_LSH | BPF_X:
  case BPF_ALU | BPF_RSH | BPF_X:
  case BPF_ALU | BPF_NEG:
  case BPF_LD | BPF_IMM:
  case BPF_LDX | BPF_IMM:
  case BPF_MISC | BPF_TAX:
  case BPF_MISC | BPF_TXA:
    return Form::plain;
  case BPF_ALU | BPF_DIV | BPF_K:
    return Form::divisor;
  case BPF_ALU | BPF_LSH | BPF_K:
  case BPF_ALU | BPF_RSH | BPF_K:
    return Form::shift_count;
  case BPF_LD | BPF_MEM:
  case BPF_LDX | BPF_MEM:
    return Form::load_memory;
  case BPF_ST:
  case BPF_STX:
    return Form::store_memory;
  case BPF_JMP | BPF_JA:
    return Form::jump;
  case BPF_JMP | BPF_JEQ | BPF_K:
  case BPF_JMP | BPF_JEQ | BPF_X:
  case BPF_JMP | BPF_JGE | BPF_K:
  case BPF_JMP | BPF_JGE | BPF_X:
  case BPF_JMP | BPF_JGT | BPF_K:
  case BPF_JMP | BPF_JGT | BPF_X:
  case BPF_JMP | BPF_JSET | BPF_K:
  case BPF_JMP | BPF_JSET | BPF_X:
    return Form::conditional;
  default:
    return Form::unknown;
  }
}

/// Jumps go forwards alone, so one pass sees every way to an instruction before it: which words of
/// the scratch memory are stored to on all of them (check_load_and_stores).
bool is_valid(const std::vector<sock_filter> &program) {
  const std::size_t size = program.size();
  if (size == 0 || size > BPF_MAXINSNS || BPF_CLASS(program.back().code) != BPF_RET)
    return false;
  std::vector<u16> stored_at(size, u16{0xffff});
  u16 stored = 0;
  for (std::size_t at = 0; at < size; ++at) {
    const sock_filter &instruction = program[at];
    const u32 k = instruction.k;
    const std::size_t rest = size - at - 1;
    stored &= stored_at[at];
    const auto meets = [&](std::size_t distance) { stored_at[at + 1 + distance] &= stored; };
    switch (form_of(instruction.code)) {
    case Form::unknown:
      return false;
    case Form::plain:
      if (BPF_CLASS(instruction.code) == BPF_RET)
        stored = 0xffff; // nothing comes from here
      break;
    case Form::load_data:
      if (k >= data_bytes || k % 4 != 0)
        return false;
      break;
    case Form::divisor:
      if (k == 0)
        return false;
      break;
    case Form::shift_count:
      if (k >= 32)
        return false;
      break;
    case Form::load_memory:
      if (k >= BPF_MEMWORDS || (stored >> k & 1) == 0)
        return false;
      break;
    case Form::store_memory:
      if (k >= BPF_MEMWORDS)
        return false;
      stored = static_cast<u16>(stored | 1U << k);
      break;
    case Form::jump:
      if (k >= rest)
        return false;
      meets(k);
      stored = 0xffff;
      break;
    case Form::conditional:
      if (instruction.jt >= rest || instruction.jf >= rest)
        return false;
      meets(instruction.jt);
      meets(instruction.jf);
      stored = 0xffff;
      break;
    }
  }
  return true;
}

/// Of BPF_ALU; none for a division by zero, which ends the program.
std::optional<u32> calculate(u16 operation, u32 a, u32 operand) {
  switch (operation) {
  case BPF_ADD:
    return a + operand;
  case BPF_SUB:
    return a - operand;
  case BPF_MUL:
    return a * operand;
  case BPF_DIV:
    return operand != 0 ? std::optional(a / operand) : std::nullopt;
  case BPF_AND:
    return a & operand;
  case BPF_OR:
    return a | operand;
  case BPF_XOR:
    return a ^ operand;
  case BPF_LSH:
    return a << (operand & 31);
  case BPF_RSH:
    return a >> (operand & 31);
  default: // BPF_NEG
    return 0 - a;
  }
}

bool holds(u16 comparison, u32 a, u32 operand) {
  switch (comparison) {
  case BPF_JEQ:
    return a == operand;
  case BPF_JGE:
    return a >= operand;
  case BPF_JGT:
    return a > operand;
  default: // BPF_JSET
    return (a & operand) != 0;
  }
}

/// The value that the program returns. It was checked.
u32 run(const std::vector<sock_filter> &program, const seccomp_data &data) {
  const auto words = std::bit_cast<std::array<u32, data_bytes / sizeof(u32)>>(data);
  std::array<u32, BPF_MEMWORDS> memory{};
  u32 a = 0, x = 0;
  for (std::size_t at = 0;; ++at) {
    const auto [code, jump_true, jump_false, k] = program[at];
    const u32 operand = BPF_SRC(code) == BPF_X ? x : k;
    u32 &loaded = BPF_CLASS(code) == BPF_LDX ? x : a;
    switch (BPF_CLASS(code)) {
    case BPF_LD:
    case BPF_LDX:
      loaded = BPF_MODE(code) == BPF_ABS   ? words[k / sizeof(u32)]
               : BPF_MODE(code) == BPF_LEN ? u32{data_bytes}
               : BPF_MODE(code) == BPF_MEM ? memory[k]
                                           : k;
      break;
    case BPF_ST:
      memory[k] = a;
      break;
    case BPF_STX:
      memory[k] = x;
      break;
    case BPF_ALU: {
      const std::optional<u32> result = calculate(BPF_OP(code), a, operand);
      if (!result)
        return 0;
      a = *result;
      break;
    }
    case BPF_JMP:
      if (BPF_OP(code) == BPF_JA)
        at += k;
      else
        at += holds(BPF_OP(code), a, operand) ? jump_true : jump_false;
      break;
    case BPF_RET:
      return BPF_RVAL(code) == BPF_A ? a : k;
    default: // BPF_MISC
      (BPF_MISCOP(code) == BPF_TAX ? x : a) = BPF_MISCOP(code) == BPF_TAX ? a : x;
    }
  }
}

/// Smaller goes before.
i32 precedence(u32 action) {
  return static_cast<i32>(action & SECCOMP_RET_ACTION_FULL);
}

} // namespace

SeccompFilter::SeccompFilter(std::vector<sock_filter> program, Ref<SeccompFilter> previous)
    : program_(std::move(program)), previous_(std::move(previous)), cost_(program_.size()) {
  if (previous_) {
    count_ = previous_->count_ + 1;
    cost_ += previous_->cost_ + cost_of_a_program;
  }
}

Result<Ref<SeccompFilter>> SeccompFilter::create(std::vector<sock_filter> program,
                                                 Ref<SeccompFilter> previous) {
  if (!is_valid(program))
    return Errno{EINVAL};
  Ref<SeccompFilter> made(new SeccompFilter(std::move(program), std::move(previous)));
  if (made->cost_ > most_instructions_of_all)
    return Errno{ENOMEM};
  return made;
}

u32 SeccompFilter::evaluate(const seccomp_data &data) const {
  u32 chosen = SECCOMP_RET_ALLOW;
  for (const SeccompFilter *filter = this; filter; filter = filter->previous_.get())
    if (const u32 action = run(filter->program_, data); precedence(action) < precedence(chosen))
      chosen = action;
  return chosen;
}

bool SeccompFilter::is_ancestor_of(const SeccompFilter *later) const {
  while (later && later != this)
    later = later->previous_.get();
  return later == this;
}

void SeccompFilter::archive(Archive &archive, Ref<SeccompFilter> &filter) {
  std::vector<std::vector<u64>> programs; // from the newest on
  for (const SeccompFilter *one = filter.get(); one; one = one->previous_.get()) {
    std::vector<u64> &program = programs.emplace_back();
    for (const sock_filter &instruction : one->program_)
      program.push_back(std::bit_cast<u64>(instruction));
  }
  archive(programs);
  if (!archive.is_reading())
    return;
  filter = nullptr;
  for (auto program = programs.rbegin(); program != programs.rend(); ++program) {
    std::vector<sock_filter> instructions;
    for (const u64 instruction : *program)
      instructions.push_back(std::bit_cast<sock_filter>(instruction));
    Result<Ref<SeccompFilter>> made = create(std::move(instructions), std::move(filter));
    if (!made) {
      archive.fail("it has a filter of system calls that can't be");
      return;
    }
    filter = std::move(*made);
  }
}

Status enter_strict_seccomp(Thread &thread) {
  if (thread.seccomp_filter)
    return Errno{EINVAL};
  thread.seccomp_mode = SECCOMP_MODE_STRICT;
  return Done{};
}

Status add_seccomp_filter(Thread &thread, std::vector<sock_filter> program) {
  Ref<SeccompFilter> made =
      TINE_TRY(SeccompFilter::create(std::move(program), thread.seccomp_filter));
  if (thread.seccomp_mode == SECCOMP_MODE_STRICT)
    return Errno{EINVAL};
  thread.seccomp_filter = std::move(made);
  thread.seccomp_mode = SECCOMP_MODE_FILTER;
  return Done{};
}

const Thread *find_unsynchronizable(const Thread &caller) {
  for (const Ref<Thread> &thread : caller.process->threads)
    if (thread->seccomp_mode != SECCOMP_MODE_DISABLED && thread.get() != &caller &&
        (thread->seccomp_mode == SECCOMP_MODE_STRICT ||
         !thread->seccomp_filter->is_ancestor_of(caller.seccomp_filter.get())))
      return thread.get();
  return nullptr;
}

void synchronize_seccomp(Thread &caller) {
  for (const Ref<Thread> &thread : caller.process->threads) {
    thread->seccomp_filter = caller.seccomp_filter;
    thread->seccomp_mode = caller.seccomp_mode;
    thread->no_new_privileges = thread->no_new_privileges || caller.no_new_privileges;
  }
}

} // namespace tine::process
