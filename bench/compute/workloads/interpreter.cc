// A bytecode interpreter: a switch in a loop, operands on a stack, running a sieve-like program.
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {
enum Op : std::uint8_t { push, add, sub, mul, load, store, jump_if, less, band, halt };
struct Instruction {
  Op op;
  std::int32_t operand;
};

std::int64_t run(const std::vector<Instruction> &program, std::int64_t limit) {
  std::int64_t stack[64], variables[8] = {0, 0, 0, 0, 0, 0, 0, limit};
  int top = 0;
  for (std::size_t pc = 0;; ++pc) {
    const Instruction instruction = program[pc];
    switch (instruction.op) {
    case push:
      stack[top++] = instruction.operand;
      break;
    case add:
      --top;
      stack[top - 1] += stack[top];
      break;
    case sub:
      --top;
      stack[top - 1] -= stack[top];
      break;
    case mul:
      --top;
      stack[top - 1] *= stack[top];
      break;
    case band:
      --top;
      stack[top - 1] &= stack[top];
      break;
    case less:
      --top;
      stack[top - 1] = stack[top - 1] < stack[top];
      break;
    case load:
      stack[top++] = variables[instruction.operand];
      break;
    case store:
      variables[instruction.operand] = stack[--top];
      break;
    case jump_if:
      if (stack[--top])
        pc = static_cast<std::size_t>(instruction.operand) - 1;
      break;
    case halt:
      return variables[1];
    }
  }
}
} // namespace

int main() {
  // sum = (sum * 3 + i * i - 7) & 0xffffff, for i below the limit
  const std::vector<Instruction> program{
      {load, 1}, {push, 3},  {mul, 0},         {load, 0}, {load, 0},  {mul, 0},     {add, 0},
      {push, 7}, {sub, 0},   {push, 0xffffff}, {band, 0}, {store, 1}, {load, 0},    {push, 1},
      {add, 0},  {store, 0}, {load, 0},        {load, 7}, {less, 0},  {jump_if, 0}, {halt, 0}};
  std::printf("%lld\n", static_cast<long long>(run(program, 5'000'000)));
}
