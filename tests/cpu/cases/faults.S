# Faults in the middle of a block: everything before has happened, nothing after.
.include "case.inc"

.macro fault name:req, instruction:vararg
case fault_\name
  mov rsi, ISLAND + 0x1000 - 4
  mov rdi, WINDOW_END - 4
  mov r8, READ_ONLY + 64
  mov r9, HOLE + 16
  mov r12, 0x8000000000000000
  add [rbx], rax
  stc
  inc rcx
  \instruction
  mov [rbx + 8], rcx
  inc rdx
end_case fault_\name
.endm

fault ud2, ud2
fault hlt, hlt
fault int3, int3
fault int3_long, .byte 0xcd, 3
fault cli, cli
fault in, in al, dx
fault out, out 0x80, al
fault rdmsr, rdmsr
fault mov_cr, mov rax, cr0
fault mov_dr, mov rax, dr0
fault lgdt, lgdt [rbx]
fault invlpg, invlpg [rbx]
fault wbinvd, wbinvd
fault swapgs, swapgs
fault lock_register, .byte 0xf0, 0x48, 0x01, 0xc8
fault lock_load, .byte 0xf0, 0x48, 0x8b, 0x03
fault invalid_opcode, .byte 0x06
fault invalid_opcode_2, .byte 0x0f, 0x04
fault salc, .byte 0xd6
fault ud1, ud1 eax, [rbx]
fault into, .byte 0xce

fault load_hole, mov rax, [r9]
fault load_crossing, mov rax, [rsi]
fault store_crossing, mov [rsi], rax
fault store_into_read_only, mov [rdi], rax
fault store_read_only, mov [r8], al
fault rmw_read_only, add [r8], rax
fault rmw_crossing, add [rsi], rax
fault rmw_into_read_only, add [rdi], rax
fault lock_read_only, lock xadd [r8], rax
fault lock_crossing, lock xadd [rsi], rax
fault cmpxchg_read_only_not_equal, lock cmpxchg [r8], rdx
fault xchg_read_only, xchg [r8], rax
fault cmp_read_only, cmp [r8], rax
fault cmp_hole, cmp [r9], rax
fault load_non_canonical, mov rax, [r12]
fault store_non_canonical, mov [r12], rax
fault non_canonical_through_stack, mov rax, [r12 + rsp]
case fault_x87_load_over_top_of_user_space
  mov r12, 0x7ffffffffff7
  stc
  fld tbyte ptr [r12]
end_case fault_x87_load_over_top_of_user_space
case fault_x87_store_over_top_of_user_space
  mov r12, 0x7ffffffffff8
  stc
  fstp tbyte ptr [r12]
end_case fault_x87_store_over_top_of_user_space
case fault_x87_load_non_canonical
  mov r12, 0x7ffffffffff9
  stc
  fld tbyte ptr [r12]
end_case fault_x87_load_non_canonical
fault load_null, mov eax, ds:[0]
fault store_null, mov ds:[8], eax
fault top_of_user_space, movabs rax, [0x7fffffffeffc]
fault last_user_page, movabs rax, [0x7ffffffff000]
fault kernel_half, mov rax, ds:[-8]
fault push_hole, push qword ptr [r9]
fault pop_hole, pop qword ptr [r9]
fault pop_read_only, pop qword ptr [r8]
fault jump_hole, jmp r9
fault jump_data, jmp rbx
fault jump_memory_hole, jmp qword ptr [r9]
fault call_hole, call r9
fault call_data, call rbx
fault jump_non_canonical, jmp r12
fault call_non_canonical, call r12
fault movaps_unaligned, movaps xmm0, [rbx + 8]
fault movaps_store_unaligned, movaps [rbx + 8], xmm0
fault movdqa_hole, movdqa xmm0, [r9]
fault movaps_unaligned_in_hole, movaps xmm0, [r9 + 8]
fault addps_unaligned, addps xmm0, [rbx + 4]
fault vmovdqa_unaligned, vmovdqa ymm0, [rbx + 16]
fault vmovups_crossing, vmovups ymm0, [rsi - 8]
fault vmovups_store_crossing, vmovups [rsi - 8], ymm0
fault vmovups_store_into_read_only, vmovups [rdi - 8], ymm0
fault fld_crossing, fld tbyte ptr [rsi]
fault fstp_crossing, fstp tbyte ptr [rsi]
fault fstp_read_only, fstp qword ptr [r8]
fault fnsave_crossing, fnsave [rsi]
fault cmpxchg16b_unaligned, lock cmpxchg16b [rbx + 8]
fault cmpxchg16b_hole, lock cmpxchg16b [r9]
fault cmpxchg16b_read_only, lock cmpxchg16b [r8]
fault bts_far, bts [rbx], r12
fault xlat_hole, xlatb [rbx]

case fault_divide_by_zero
  xor ecx, ecx
  stc
  add [rbx], rax
  div rcx
end_case fault_divide_by_zero
# A stack pointer that isn't canonical: some processors can't return to it from a signal.
case fault_with_stack_pointer_not_canonical
  movabs rsp, 0x9ed24363280aa6da
  xor ecx, ecx
  div rcx
end_case fault_with_stack_pointer_not_canonical
case fault_divide_by_zero_memory
  mov qword ptr [rbx], 0
  xor edx, edx
  stc
  div qword ptr [rbx]
  inc r8
end_case fault_divide_by_zero_memory
case fault_divide_overflow
  mov rdx, -1
  mov ecx, 1
  div rcx
end_case fault_divide_overflow
case fault_idiv_overflow
  mov rax, 0x8000000000000000
  cqo
  mov rcx, -1
  idiv rcx
end_case fault_idiv_overflow
case fault_idiv_byte
  mov ax, 0x7fff
  mov byte ptr [rbx - 1], 1
  idiv byte ptr [rbx - 1]
end_case fault_idiv_byte

.macro stack_fault name:req, instruction:vararg
case fault_stack_\name
  mov rsp, STACK
  mov rbp, STACK - 8
  mov r9, HOLE
  inc rax
  \instruction
  inc rcx
end_case fault_stack_\name
.endm
stack_fault push, push rax
stack_fault push_memory, push qword ptr [rbx]
stack_fault push_immediate, push 5
stack_fault push_rsp, push rsp
stack_fault pushfq, pushfq
stack_fault call, call .+5
stack_fault call_register, call rbx
stack_fault call_memory, call qword ptr [rbx]
stack_fault enter, enter 16, 0
stack_fault leave, leave

.macro stack_end_fault name:req, instruction:vararg
case fault_stack_end_\name
  mov rsp, STACK_END - 4
  inc rax
  \instruction
  inc rcx
end_case fault_stack_end_\name
.endm
stack_end_fault pop, pop rax
stack_end_fault pop_memory, pop qword ptr [rbx]
stack_end_fault popfq, popfq
stack_end_fault ret, ret
stack_end_fault ret_16, ret 16
stack_end_fault push_crosses, push rax

# A return to where no code is: the fault is at the target, the stack pointer has moved.
case fault_return_to_hole
  mov r9, HOLE
  push r9
  ret
end_case fault_return_to_hole
case fault_return_to_data
  push rbx
  ret 8
end_case fault_return_to_data
case fault_return_non_canonical
  mov r12, 0x8000000000000000
  push r12
  inc rax
  ret
end_case fault_return_non_canonical
case fault_fetch_crossing_into_data
  mov rax, 0x2000000000
  jmp rax
end_case fault_fetch_crossing_into_data

# Both pages of a crossing store are checked before either is written.
case fault_crossing_store_is_all_or_nothing, sweep
  lea rbx, [rbx + ISLAND + 0x1000 - WINDOW - 0x2000]
  mov rax, 0x1122334455667788
  mov [rbx], rax
end_case fault_crossing_store_is_all_or_nothing
case fault_crossing_vector_store_is_all_or_nothing, sweep
  lea rbx, [rbx + ISLAND + 0x1000 - WINDOW - 0x2000]
  vmovups [rbx], ymm0
end_case fault_crossing_vector_store_is_all_or_nothing
case fault_crossing_from_below, sweep
  lea rbx, [rbx + ISLAND - WINDOW - 0x2000]
  add [rbx], rax
end_case fault_crossing_from_below
case fault_crossing_into_read_only, sweep
  lea rbx, [rbx + READ_ONLY - WINDOW - 0x2000]
  add dword ptr [rbx], eax
end_case fault_crossing_into_read_only

# Looking ahead must not fault early: the block ends before the bytes that can't be decoded.
case fault_lookahead_stops
  jmp 1f
  .byte 0x06, 0x0f, 0x04
1:
  test rax, rax
  jz 2f
  inc rcx
  ud2
2:
  ud2
end_case fault_lookahead_stops

# SSE and x87 exceptions that are not masked.
.macro sse_exception name:req, control:req, instruction:vararg
case fault_sse_\name
  mov dword ptr [rbx], \control
  ldmxcsr [rbx]
  pxor xmm0, xmm0
  mov eax, 1
  cvtsi2sd xmm1, eax
  cvtsi2ss xmm2, eax
  mov rcx, 0x7ff4000000000000
  movq xmm3, rcx
  mov rcx, 0x7fefffffffffffff
  movq xmm4, rcx
  mov rcx, 0x0000000000000001
  movq xmm5, rcx
  movups [rbx + 16], xmm0
  inc rdx
  \instruction
  inc rdx
end_case fault_sse_\name
.endm
sse_exception divide, 0x1d80, divsd xmm1, xmm0
sse_exception divide_memory, 0x1d80, divsd xmm1, [rbx + 16]
sse_exception divide_packed, 0x1d80, divps xmm2, xmm0
sse_exception divide_vex, 0x1d80, vdivsd xmm1, xmm1, xmm0
sse_exception invalid, 0x1f00, addsd xmm1, xmm3
sse_exception invalid_convert, 0x1f00, cvtsd2si rax, xmm3
sse_exception overflow, 0x1b80, mulsd xmm4, xmm4
sse_exception underflow, 0x1780, mulsd xmm5, xmm5
sse_exception inexact, 0x0f80, divsd xmm1, xmm4
sse_exception denormal, 0x1e80, addsd xmm1, xmm5

# An x87 exception is raised by the next x87 instruction that waits.
.macro x87_exception name:req, control:req, instruction:vararg
case fault_x87_\name
  fninit
  mov word ptr [rbx], \control
  fldcw [rbx]
  fld1
  fldz
  \instruction
  inc rax
  mov rdx, [rbx]
  fwait
  inc rax
end_case fault_x87_\name
.endm
.macro divide_then_load
  fdiv st(1), st
  fld1
.endm
.macro pop_empty
  fstp st(0)
  fstp st(0)
  fstp st(0)
.endm
.macro divide_and_clear
  fdivp
  fnstsw ax
  fnclex
.endm
.macro divide_then_mmx
  fdivp
  movq mm0, mm1
.endm
.macro divide_inexactly
  fldpi
  fdivp
.endm
x87_exception divide, 0x037b, fdivp
x87_exception divide_by_load, 0x037b, divide_then_load
x87_exception stack, 0x037e, pop_empty
x87_exception no_wait_does_not_raise, 0x037b, divide_and_clear
x87_exception mmx_raises, 0x037b, divide_then_mmx
x87_exception inexact, 0x035f, divide_inexactly
