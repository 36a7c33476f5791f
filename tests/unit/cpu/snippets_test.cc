// Short pieces of guest code, run to their `syscall`.
#include "unit/cpu/guest.hpp"

namespace tine::cpu::test {
namespace {

TEST(Snippets, SystemCallSetsRcxAndR11) {
  Guest guest;
  guest.code({0xb8, 0x27, 0, 0, 0, 0x0f, 0x05}); // mov eax, 39; syscall
  const Exit exit = guest.run();
  EXPECT_EQ(exit.reason, ExitReason::system_call);
  EXPECT_EQ(guest.state.gpr[rax], 39U);
  EXPECT_EQ(guest.state.rip, code_address + 7);
  EXPECT_EQ(guest.state.gpr[rcx], code_address + 7);
  EXPECT_EQ(guest.state.gpr[r11], guest.state.rflags);
}

TEST(Snippets, LoadsAndStores) {
  Guest guest;
  guest.write64(data_address + 8, 0x1122334455667788);
  guest.state.gpr[rdi] = data_address;
  // mov rax, [rdi+8]; add rax, 1; mov [rdi+16], rax; syscall
  guest.code({0x48, 0x8b, 0x47, 8, 0x48, 0x83, 0xc0, 1, 0x48, 0x89, 0x47, 16, 0x0f, 0x05});
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  EXPECT_EQ(guest.read64(data_address + 16), 0x1122334455667789U);
}

TEST(Snippets, ReservedRegistersAsBaseIndexAndData) {
  Guest guest;
  guest.state.gpr[r10] = data_address;
  guest.state.gpr[r11] = 2;
  // mov [r10+r11*8], r11; mov r11, [r10+r11*8]; mov [r10], r10; syscall
  guest.code({0x4f, 0x89, 0x1c, 0xda, 0x4f, 0x8b, 0x1c, 0xda, 0x4d, 0x89, 0x12, 0x0f, 0x05});
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  EXPECT_EQ(guest.read64(data_address + 16), 2U);
  EXPECT_EQ(guest.read64(data_address), data_address);
  EXPECT_EQ(guest.state.gpr[r10], data_address);
}

TEST(Snippets, CallReturnAndLoop) {
  Guest guest;
  // mov ecx, 1000; xor eax, eax; L: call F; dec ecx; jnz L; syscall; F: inc rax; ret
  guest.code({0xb9, 0xe8, 3,    0,    0,    0x31, 0xc0, 0xe8, 6,    0,    0,
              0,    0xff, 0xc9, 0x75, 0xf7, 0x0f, 0x05, 0x48, 0xff, 0xc0, 0xc3});
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  EXPECT_EQ(guest.state.gpr[rax], 1000U);
  EXPECT_EQ(guest.state.gpr[rsp], stack_top - 0x1000);
}

TEST(Snippets, FlagsSurviveALookup) {
  Guest guest;
  guest.state.gpr[rdi] = data_address;
  // stc; mov rax, [rdi]; adc rax, 0; sub eax, 2 (borrow); mov rdx, [rdi]; sbb rbx, rbx; syscall
  guest.code({0xf9, 0x48, 0x8b, 0x07, 0x48, 0x83, 0xd0, 0x00, 0x83, 0xe8, 0x02, 0x48, 0x8b, 0x17,
              0x48, 0x19, 0xdb, 0x0f, 0x05});
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  EXPECT_EQ(guest.state.gpr[rax], 0xffffffffU);
  EXPECT_EQ(guest.state.gpr[rbx], ~u64{0});
}

TEST(Snippets, CrossingAccessesOfEveryOffset) {
  Guest guest;
  for (u64 offset = 0; offset < 8; ++offset) {
    const u64 address = data_address + 2 * page_size - offset;
    guest.state.gpr[rdi] = address;
    guest.state.gpr[rsi] = 0x0102030405060708 + offset;
    guest.state.rip = code_address;
    // mov [rdi], rsi; lock add [rdi], rsi; mov rax, [rdi]; syscall
    guest.code({0x48, 0x89, 0x37, 0xf0, 0x48, 0x01, 0x37, 0x48, 0x8b, 0x07, 0x0f, 0x05});
    EXPECT_EQ(guest.run().reason, ExitReason::system_call);
    EXPECT_EQ(guest.state.gpr[rax], 2 * (0x0102030405060708 + offset));
    EXPECT_EQ(guest.read64(address), 2 * (0x0102030405060708 + offset));
  }
}

TEST(Snippets, FaultsAreExact) {
  Guest guest;
  guest.state.gpr[rdi] = 0x123456000;
  guest.state.gpr[rax] = 7;
  guest.code({0x48, 0xff, 0xc0, 0x48, 0x89, 0x07, 0x0f, 0x05}); // inc rax; mov [rdi], rax; syscall
  Exit exit = guest.run();
  EXPECT_EQ(exit.reason, ExitReason::signal);
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(exit.code, SEGV_MAPERR);
  EXPECT_EQ(exit.address.value, 0x123456000U);
  EXPECT_EQ(guest.state.rip, code_address + 3);
  EXPECT_EQ(guest.state.gpr[rax], 8U);
  guest.state.gpr[rdi] = u64{1} << 62;
  exit = guest.run();
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(exit.code, SI_KERNEL);
}

TEST(Snippets, HostFaultsAreTheGuests) {
  Guest guest;
  guest.code({0x31, 0xd2, 0x31, 0xc9, 0xf7, 0xf1}); // xor edx, edx; xor ecx, ecx; div ecx
  Exit exit = guest.run();
  EXPECT_EQ(exit.signal, SIGFPE);
  EXPECT_EQ(exit.code, FPE_INTDIV);
  EXPECT_EQ(guest.state.rip, code_address + 4);
  guest.state.gpr[rdi] = data_address + 1;
  guest.state.rip = code_address + 0x100;
  guest.code({0x0f, 0x28, 0x07}, code_address + 0x100); // movaps xmm0, [rdi]
  exit = guest.run();
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(exit.code, SI_KERNEL);
  guest.state.rip = code_address + 0x200;
  guest.code({0xf4}, code_address + 0x200); // hlt
  EXPECT_EQ(guest.run().signal, SIGSEGV);
  guest.state.rip = code_address + 0x300;
  guest.code({0xcc}, code_address + 0x300); // int3
  EXPECT_EQ(guest.run().signal, SIGTRAP);
  EXPECT_EQ(guest.state.rip, code_address + 0x301);
}

TEST(Snippets, StringInstructions) {
  Guest guest;
  for (u64 i = 0; i < 1000; ++i)
    guest.write64(data_address + i * 8, i);
  guest.state.gpr[rsi] = data_address;
  guest.state.gpr[rdi] = data_address + 0x5003;
  guest.state.gpr[rcx] = 8000;
  guest.code({0xf3, 0xa4, 0x0f, 0x05}); // rep movsb; syscall
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  EXPECT_EQ(guest.state.gpr[rdi], data_address + 0x5003 + 8000);
  EXPECT_EQ(guest.read64(data_address + 0x5003 + 999 * 8), 999U);
}

TEST(Snippets, CodeThatWritesItself) {
  Guest guest;
  // lea rdi, [rip+7]; mov byte [rdi+3], 42 ...: the immediate of the mov that follows
  // 400000: c6 05 02 00 00 00 2a   mov byte [rip+2], 42
  // 400007: b8 xx 00 00 00         mov eax, xx: its opcode is at 7, its immediate at 8
  guest.code({0xc6, 0x05, 0x01, 0, 0, 0, 42, 0xb8, 1, 0, 0, 0, 0x0f, 0x05});
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  EXPECT_EQ(guest.state.gpr[rax], 42U);
}

/// As every program that is started anew: the layout knows nothing, the frames are those of before.
TEST(Snippets, CodeAcrossPagesIsFoundAgainByALayoutThatForgotIt) {
  Guest guest;
  const u64 start = code_address + page_size - 2;
  guest.code({0xb8, 0x27, 0, 0, 0, 0x0f, 0x05}, start); // mov eax, 39; syscall
  guest.state.rip = start;
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  const u64 translated = guest.machine->counters().blocks_translated;
  for (int i = 0; i < 3; ++i) {
    {
      const KernelGuard guard(guest.lock);
      const GuestAddress first(code_address);
      ASSERT_TRUE(guest.space->protect(first, 2 * page_size, {.read = true}).ok());
      ASSERT_TRUE(guest.space->protect(first, 2 * page_size, {.read = true, .execute = true}).ok());
    }
    guest.state.rip = start;
    guest.state.gpr[rax] = 0;
    EXPECT_EQ(guest.run().reason, ExitReason::system_call);
    EXPECT_EQ(guest.state.gpr[rax], 39U);
  }
  EXPECT_EQ(guest.machine->counters().blocks_translated, translated);
}

TEST(Snippets, SingleStep) {
  Guest guest;
  guest.state.rflags |= 0x100;
  guest.code({0x90, 0xff, 0xc0, 0x0f, 0x05});
  Exit exit = guest.run();
  EXPECT_EQ(exit.signal, SIGTRAP);
  EXPECT_EQ(exit.code, TRAP_TRACE);
  EXPECT_EQ(guest.state.rip, code_address + 1);
  exit = guest.run();
  EXPECT_EQ(guest.state.rip, code_address + 3);
  EXPECT_EQ(guest.state.rflags & 0x100, 0x100U);
}

} // namespace
} // namespace tine::cpu::test
