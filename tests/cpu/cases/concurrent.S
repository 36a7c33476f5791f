# (f) Guest code of threads_test.cc and memory_changes_test.cc. rdi: what it works on, rcx: how often.
.include "case.inc"

case count_locked_increment, code
1:
  lock inc qword ptr [rdi]
  dec rcx
  jnz 1b
end_case count_locked_increment

case count_locked_add_across_pages, code
1:
  lock add qword ptr [rdi - 4], 1
  dec rcx
  jnz 1b
end_case count_locked_add_across_pages

case count_exchange_add, code
1:
  mov eax, 1
  lock xadd [rdi], rax
  dec rcx
  jnz 1b
end_case count_exchange_add

case count_compare_exchange, code
1:
  mov rax, [rdi]
2:
  lea rdx, [rax + 1]
  lock cmpxchg [rdi], rdx
  jnz 2b
  dec rcx
  jnz 1b
end_case count_compare_exchange

# Both halves count, the high one by three.
case count_compare_exchange_16, code
  mov rsi, rcx
1:
  mov rax, [rdi]
  mov rdx, [rdi + 8]
2:
  lea rbx, [rax + 1]
  lea rcx, [rdx + 3]
  lock cmpxchg16b [rdi]
  jnz 2b
  dec rsi
  jnz 1b
end_case count_compare_exchange_16

# A spin lock around a plain increment: loads and stores keep their order.
case count_under_spin_lock, code
1:
  mov eax, 1
  xchg [rdi + 8], eax
  test eax, eax
  jz 3f
  pause
  jmp 1b
3:
  mov rax, [rdi]
  inc rax
  mov [rdi], rax
  mov dword ptr [rdi + 8], 0
  dec rcx
  jnz 1b
end_case count_under_spin_lock

case increment_forever, code
1:
  inc qword ptr [rdi]
  jmp 1b
end_case increment_forever

case store_vectors_forever, code
1:
  inc rax
  movq xmm0, rax
  vpbroadcastq ymm0, xmm0
  vmovups [rdi], ymm0
  jmp 1b
end_case store_vectors_forever

case call_forever, code
1:
  call rdi
  mov [rsi], rax
  jmp 1b
end_case call_forever

case return_1, code
  mov eax, 1
  ret
end_case return_1
case return_2, code
  mov eax, 2
  ret
end_case return_2

case call_once, code
  call rdi
end_case call_once

case load, code
  mov rax, [rdi]
end_case load
case store, code
  mov [rdi], rax
end_case store
case load_constant_address, code
  mov rax, ds:[WINDOW + 0x1000]
end_case load_constant_address
case store_constant_address, code
  mov ds:[WINDOW + 0x1000], rax
end_case store_constant_address
case copy_string, code
  mov ecx, 64
  rep movsb
end_case copy_string
case push, code
  push rax
end_case push
case pop, code
  pop rax
end_case pop
case store_and_call, code
  mov [rdi], rax
  call rsi
end_case store_and_call

# Loops of every form; none ends.
case endless_jump, code
1:
  jmp 1b
end_case endless_jump
case endless_jump_long, code
1:
  .byte 0xe9
  .long -5
end_case endless_jump_long
case endless_condition, code
  xor eax, eax
1:
  test eax, eax
  jz 1b
end_case endless_condition
case endless_counter, code
1:
  inc rax
  or rcx, 1
  jnz 1b
end_case endless_counter
case endless_loop_instruction, code
1:
  mov ecx, 5
2:
  loop 2b
  jmp 1b
end_case endless_loop_instruction
case endless_loop_only, code
  mov rcx, -1
1:
  loop 1b
end_case endless_loop_only
case endless_jrcxz, code
  xor ecx, ecx
1:
  jrcxz 1b
end_case endless_jrcxz
case endless_indirect, code
  lea rax, [rip + 1f]
1:
  jmp rax
end_case endless_indirect
case endless_indirect_memory, code
  lea rax, [rip + 1f]
  mov [rdi], rax
1:
  jmp qword ptr [rdi]
end_case endless_indirect_memory
case endless_return, code
  lea rax, [rip + 1f]
1:
  push rax
  ret
end_case endless_return
case endless_call, code
1:
  call 2f
  jmp 1b
2:
  ret
end_case endless_call
case endless_call_only, code
1:
  mov rsp, rsi
  call 1b
end_case endless_call_only
case endless_call_indirect, code
  lea rax, [rip + 2f]
1:
  call rax
  jmp 1b
2:
  ret
end_case endless_call_indirect
case endless_two_blocks, code
1:
  jmp 2f
  ud2
2:
  jmp 1b
end_case endless_two_blocks
case endless_with_flags, code
1:
  stc
  adc rax, [rdi]
  jc 1b
  jmp 1b
end_case endless_with_flags
case endless_memory, code
1:
  add [rdi], rax
  push rax
  pop rcx
  jmp 1b
end_case endless_memory
case endless_pages, code
1:
  jmp 2f
  .fill 8192, 1, 0x06
2:
  jmp 1b
end_case endless_pages
case endless_string, code
1:
  mov ecx, 0x2000
  mov rsi, rdi
  rep movsb
  sub rdi, 0x2000
  jmp 1b
end_case endless_string
case endless_string_equal, code
1:
  mov rsi, rdi
  xor ecx, ecx
  repe cmpsb
  jmp 1b
end_case endless_string_equal
case endless_vector, code
1:
  vaddps ymm0, ymm1, [rdi]
  jmp 1b
end_case endless_vector
