# Pushes and pops whose operand involves the stack pointer, and calls and returns of all forms.
.include "case.inc"

case stack_push_rsp
  push rsp
  pop rax
  push rsp
  push sp
  pop cx
end_case stack_push_rsp

case stack_pop_rsp
  lea rax, [rsp - 64]
  push rax
  pop rsp
  push rbx
end_case stack_pop_rsp

case stack_pop_sp
  push rsp
  mov ax, sp
  push ax
  pop sp
end_case stack_pop_sp

# pop [rsp + n]: the address is computed after the increment. push [rsp + n]: before the decrement.
case stack_memory_operands
  push rax
  push rcx
  pop qword ptr [rsp]
  push qword ptr [rsp]
  push qword ptr [rsp + 8]
  pop qword ptr [rsp + 16]
  push qword ptr [rsp - 16]
  pop qword ptr [rsp - 24]
  push qword ptr [rbx]
  pop qword ptr [rbx + 8]
  push word ptr [rbx + 3]
  pop word ptr [rbx + 21]
  mov r10, rbx
  mov r11, 8
  push qword ptr [r10 + r11]
  pop qword ptr [r10 + r11 * 2]
  mov rcx, 2
  push qword ptr [rsp + rcx * 8]
  pop qword ptr [rsp + rcx * 8]
end_case stack_memory_operands

sweep stack_push_memory_crossing, push qword ptr [rbx]
case stack_pop_memory_crossing, sweep
  push rax
  pop qword ptr [rbx]
end_case stack_pop_memory_crossing

# The stack itself crosses a page.
case stack_crosses, sweep
  mov rsp, rbx
  push rax
  push 0x12
  push 0x12345678
  push -3
  pushw 0x4321
  pop rcx
  pop dx
  pushfq
  and qword ptr [rsp], 0xcd5
  popfq
  call 1f
1:
  pop rsi
  push rdi
  pop rdi
  push r10
  push r11
  pop r10
  pop r11
end_case stack_crosses

case stack_enter_leave
  enter 32, 0
  mov [rbp - 8], rax
  leave
  lea rbp, [rsp + 64]
  enter 16, 1
  leave
  lea rbp, [rsp + 64]
  enter 8, 3
  leave
  mov rbp, rsp
  leave
end_case stack_enter_leave

case stack_flags
  stc
  pushfq
  clc
  popfq
  lahf
  xor ah, 0xd5
  sahf
  pushfq
  pop rax
  and rax, 0xcd5
  or rax, 0x401
  push rax
  popfq
  pushfq
  cld
  pushf
  mov cl, 7
  add cl, 0x7f
  pushfw
  popfw
end_case stack_flags

case stack_calls
  call 1f
  call 2f
  lea rax, [rip + 3f]
  call rax
  lea r10, [rip + 3f]
  call r10
  lea r11, [rip + 3f]
  call r11
  mov [rbx - 4], rax
  call qword ptr [rbx - 4]
  push rax
  call qword ptr [rsp]
  pop rax
  push rax
  push rax
  push rax
  lea rcx, [rip + 4f]
  call rcx
  lea rcx, [rip + 5f]
  jmp rcx
  ud2
1:
  inc r12
  ret
2:
  add r13, 5
  call 1b
  ret
3:
  adc r14, 3
  rep ret
4:
  sub r15, 7
  ret 24
5:
  mov [rbx + 8], rcx
  lea rcx, [rip + 6f]
  mov [rbx], rcx
  jmp qword ptr [rbx]
  ud2
6:
  lea rcx, [rip + 7f]
  push rcx
  ret
  ud2
7:
  lea rcx, [rip + 8f]
  push rcx
  xor eax, eax
  ret 0
  ud2
8:
  nop
end_case stack_calls

# A return address that was changed: a return stack must not believe itself.
case stack_return_elsewhere
  call 1f
  ud2
  inc rax
  jmp 2f
1:
  add qword ptr [rsp], 2
  ret
2:
  lea rcx, [rip + 3f]
  call 4f
  ud2
3:
  inc rdx
  jmp 5f
4:
  mov [rsp], rcx
  ret
5:
  call 6f
6:
  pop rsi
  call 7f
  jmp 9f
7:
  lea rcx, [rip + 8f]
  xchg rcx, [rsp]
  ret
  ud2
8:
  jmp rcx
  ud2
9:
end_case stack_return_elsewhere

# Recursion deeper than any return stack.
case stack_recursion
  mov ecx, 100
  xor eax, eax
  mov rsp, STACK_END - 64
  call 1f
  jmp 2f
1:
  add rax, rcx
  dec ecx
  jz 3f
  call 1b
  add rax, 1
3:
  ret
2:
end_case stack_recursion

case stack_loops
  mov rcx, 5
1:
  inc rax
  loop 1b
  mov rcx, 9
2:
  cmp rcx, 4
  loopne 2b
  mov rcx, 6
3:
  cmp rcx, rcx
  loope 3b
  mov rcx, 0x100000003
4:
  inc rdx
  addr32 loop 4b
  jrcxz 5f
  inc r8
5:
  xor ecx, ecx
  jrcxz 6f
  ud2
6:
  mov rcx, 0x100000000
  jrcxz 7f
  inc r9
7:
  jecxz 8f
  ud2
8:
  stc
  mov ecx, 3
9:
  adc r10, 0
  loop 9b
end_case stack_loops
